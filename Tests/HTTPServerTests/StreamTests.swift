import HTTPServer
import HTTPTypes
import Sockets
import Synchronization
import Testing

@Suite("Streamed answers and clients that go or do not read")
struct StreamTests {
    /// What a streaming handler has seen.
    private final class Witness: Sendable {
        let written = Atomic<Int>(0)
        let hasBegun = Atomic<Bool>(false)
        private let end = Mutex<(any Error)??>(nil)

        /// Runs `body` and remembers how it ended.
        func watch(_ body: () async throws -> Void) async throws {
            hasBegun.store(true, ordering: .relaxed)
            do {
                try await body()
                end.withLock { $0 = .some(nil) }
            } catch {
                end.withLock { $0 = error }
                throw error
            }
        }

        func begun() async throws { try await eventually("a beginning") { hasBegun.load(ordering: .relaxed) } }

        /// What it ended with, nil for its own end.
        func ended() async throws -> (any Error)? {
            try await eventually("an end") { end.withLock { $0 != nil } }
            return end.withLock { $0 } ?? nil
        }
    }

    private static let events = "GET /events HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Writes nothing for as long as it may.
    private static func silent(_ witness: Witness, type: String = "text/event-stream") -> (inout Router) -> Void {
        { router in
            router.on(.get, "/events") { _ in
                Response(
                    status: .ok, headerFields: [.contentType: type],
                    body: .stream { writer in
                        try await witness.watch {
                            try await writer.write(Array(": hello\n\n".utf8))
                            try await writer.flush()
                            try await Task.sleep(for: .seconds(1000))
                        }
                    })
            }
            router.on(.get, "/hello") { _ in TestRoutes.text("hello") }
        }
    }

    @Test("an event stream is cancelled when its client closes, though nothing is being written")
    func closed() async throws {
        let witness = Witness()
        let server = try await TestServer(routes: Self.silent(witness))
        var client: RawClient? = try server.client()
        client?.send(Self.events)
        #expect(client?.read(until: ": hello\n\n").contains("text/event-stream") == true)
        client = nil
        #expect(try await witness.ended() is CancellationError)
        try await eventually("no connection left") { server.server.connectionCount == 0 }
        let entry = try await server.log.first(1)[0]
        #expect(entry.status == 200 && !entry.isWhole)
        await server.stop()
    }

    @Test("any stream is cancelled when its client resets the connection")
    func reset() async throws {
        let witness = Witness()
        let server = try await TestServer(routes: Self.silent(witness, type: "text/plain"))
        let client = try server.client()
        client.send(Self.events)
        _ = client.read(until: ": hello\n\n")
        client.reset()
        #expect(try await witness.ended() is CancellationError)
        await server.stop()
    }

    @Test("a handler is cancelled when its client resets the connection, and the log says that nobody was answered")
    func resetBeforeTheAnswer() async throws {
        let witness = Witness()
        let server = try await TestServer(routes: { router in
            router.on(.get, "/slow") { _ in
                try await witness.watch { try await Task.sleep(for: .seconds(1000)) }
                return TestRoutes.text("late")
            }
        })
        let client = try server.client()
        client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        try await witness.begun()
        client.reset()
        #expect(try await witness.ended() is CancellationError)
        let entry = try await server.log.first(1)[0]
        #expect(entry.status == 499 && !entry.isWhole && entry.route == "/slow")
        await server.stop()
    }

    @Test("a stop ends an event stream in good order")
    func stopped() async throws {
        let witness = Witness()
        let server = try await TestServer(routes: Self.silent(witness))
        let client = try server.client()
        client.send(Self.events)
        try await witness.begun()
        async let stopped: Void = server.server.stop(deadline: .seconds(100))
        let reply = await TestServer.onThread { client.readReply() }
        #expect(reply?.text == ": hello\n\n")
        await stopped
        #expect(try await server.log.first(1)[0].isWhole)
        await server.loops.stop()
    }

    /// Writes until it is stopped from outside.
    private static func endless(_ witness: Witness) -> (inout Router) -> Void {
        { router in
            router.on(.get, "/events") { _ in
                Response(
                    status: .ok, headerFields: [.contentType: "text/plain"],
                    body: .stream { writer in
                        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 10_000)
                        try await witness.watch {
                            while true {
                                try await writer.write(piece)
                                witness.written.add(piece.count, ordering: .relaxed)
                            }
                        }
                    })
            }
        }
    }

    @Test("a client that reads nothing holds the writer back, and is dropped after the write stall")
    func stalled() async throws {
        let witness = Witness()
        let server = try await TestServer(limits: { $0.writeStallSeconds = 0.5 }, routes: Self.endless(witness))
        let client = try server.client(receiveBufferBytes: 4096)
        client.send(Self.events)
        #expect(try await witness.ended() is ClientGone)
        // What the kernel takes for both ends, and no more.
        #expect(witness.written.load(ordering: .relaxed) < 16 << 20)
        let entry = try await server.log.first(1)[0]
        #expect(entry.status == 200 && !entry.isWhole)
        try await eventually("no connection left") { server.server.connectionCount == 0 }
        await server.stop()
        withExtendedLifetime(client) {}
    }

    @Test("a client that reads slowly but steadily is served to the end")
    func slow() async throws {
        let total = 4 << 20
        let server = try await TestServer(limits: { $0.writeStallSeconds = 1 }) { router in
            router.on(.get, "/big") { _ in
                Response(status: .ok, body: .bytes([UInt8](repeating: 1, count: total)))
            }
        }
        let client = try server.client(receiveBufferBytes: 64 * 1024)
        client.send("GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        let count = await TestServer.onThread { client.countToEnd(pausing: 20_000) }
        #expect(count > total)
        #expect(try await server.log.first(1)[0].isWhole)
        await server.stop()
    }
}
