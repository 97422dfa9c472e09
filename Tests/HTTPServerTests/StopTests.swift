import Foundation
import HTTPServer
import HTTPTypes
import Sockets
import Synchronization
import Testing

@Suite("Stopping")
struct StopTests {
    private static let hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

    private static func gated(_ gate: AsyncStream<Void>, _ begun: Gate) -> (inout Router) -> Void {
        { router in
            router.on(.get, "/slow") { _ in
                begun.open()
                for await _ in gate { break }
                try Task.checkCancellation()
                return TestRoutes.text("done")
            }
            router.on(.get, "/hello") { _ in TestRoutes.text("hello") }
        }
    }

    private final class Gate: Sendable {
        private let isOpen = Atomic<Bool>(false)
        func open() { isOpen.store(true, ordering: .relaxed) }
        func passed() async throws { try await eventually("a beginning") { isOpen.load(ordering: .relaxed) } }
    }

    @Test("a stop closes idle connections at once and finishes what is in flight")
    func graceful() async throws {
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let begun = Gate()
        let server = try await TestServer(routes: Self.gated(gate, begun))
        let idle = try server.client()
        idle.send(Self.hello)
        #expect(idle.readReply()?.text == "hello")
        let busy = try server.client()
        busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        try await begun.passed()
        async let stopped: Void = server.server.stop(deadline: .seconds(1000))
        #expect(await TestServer.onThread { idle.isAtEnd })
        try await eventually("no more listening") { (try? server.client()) == nil }
        opener.yield()
        let reply = try #require(await TestServer.onThread { busy.readReply() })
        #expect(reply.text == "done" && reply["Connection"] == "close" && busy.isAtEnd)
        await stopped
        #expect(server.server.connectionCount == 0)
        await server.loops.stop()
    }

    @Test("requests that have come before the stop are all answered, and only the last says close")
    func pipelined() async throws {
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let begun = Gate()
        let server = try await TestServer(routes: Self.gated(gate, begun))
        let client = try server.client()
        client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n" + Self.hello + Self.hello)
        try await begun.passed()
        async let stopped: Void = server.server.stop(deadline: .seconds(1000))
        try await eventually("no more listening") { (try? server.client()) == nil }
        opener.yield()
        let replies = await TestServer.onThread { (0..<3).map { _ in client.readReply() } }
        #expect(replies.map { $0?.text } == ["done", "hello", "hello"])
        #expect(replies.map { $0?["Connection"] } == [nil, nil, "close"])
        #expect(client.isAtEnd)
        await stopped
        await server.loops.stop()
    }

    @Test("a connection whose first request is on its way when the server stops is answered")
    func fresh() async throws {
        let server = try await TestServer(limits: { $0.stopGraceSeconds = 100 })
        let client = try server.client()
        try await eventually("a connection") { server.server.connectionCount == 1 }
        async let stopped: Void = server.server.stop(deadline: .seconds(1000))
        try await eventually("no more listening") { (try? server.client()) == nil }
        client.send(Self.hello)
        let reply = try #require(await TestServer.onThread { client.readReply() })
        #expect(reply.text == "hello" && reply["Connection"] == "close")
        await stopped
        await server.loops.stop()
    }

    @Test("at the deadline what is not done is told 503, and the server is down")
    func hard() async throws {
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let begun = Gate()
        let server = try await TestServer(routes: Self.gated(gate, begun))
        let client = try server.client()
        client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        try await begun.passed()
        async let stopped: Void = server.server.stop(deadline: .milliseconds(50))
        let reply = try #require(await TestServer.onThread { client.readReply() })
        #expect(reply.status == 503 && reply["Connection"] == "close")
        await stopped
        #expect(server.server.connectionCount == 0)
        await server.loops.stop()
        withExtendedLifetime(opener) {}
    }

    @Test("a Unix socket's file goes with the server that made it")
    func socketFile() async throws {
        let path = "/tmp/stop-\(UUID().uuidString.prefix(8)).socket"
        let server = try await TestServer(limits: { $0.addresses = [SocketAddress(.unix(path: path))] })
        #expect(try await server.reply(Self.hello)?.text == "hello")
        await server.stop()
        #expect(access(path, F_OK) != 0)
    }

    /// What clients have seen.
    private final class Tally: Sendable {
        let answered = Atomic<Int>(0)
        let cutShort = Atomic<Int>(0)

        /// Asks again and again, `requests` times on a connection, until there is no more server.
        func ask(_ server: TestServer, requests: Int) {
            while let client = try? server.client() {
                for _ in 0..<requests {
                    guard client.send("GET /work HTTP/1.1\r\nHost: a\r\n\r\n") else { break }
                    guard let reply = client.readReply() else {
                        if client.hasUnread { cutShort.add(1, ordering: .relaxed) }
                        break
                    }
                    if reply.body.count != 20_000 { cutShort.add(1, ordering: .relaxed) }
                    answered.add(1, ordering: .relaxed)
                    if reply["Connection"] == "close" { break }
                }
            }
        }
    }

    @Test("a server that stops under load answers every request it has taken, whole")
    func underLoad() async throws {
        let server = try await TestServer(limits: { $0.stopGraceSeconds = 2 }) { router in
            router.on(.get, "/work") { _ in
                try await Task.sleep(for: .milliseconds(2))
                return Response(status: .ok, body: .bytes([UInt8](repeating: 120, count: 20_000)))
            }
        }
        let tally = Tally()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<16 {
                group.addTask { await TestServer.onThread { tally.ask(server, requests: number % 2 == 0 ? 1 : 20) } }
            }
            try await eventually("some load") { tally.answered.load(ordering: .relaxed) > 300 }
            await server.server.stop(deadline: .seconds(1000))
            try await group.waitForAll()
        }
        let answered = tally.answered.load(ordering: .relaxed)
        let log = try await server.log.first(answered)
        #expect(tally.cutShort.load(ordering: .relaxed) == 0)
        // Nothing was taken whose answer did not arrive.
        #expect(log.count == answered)
        #expect(log.allSatisfy { $0.isWhole && $0.status == 200 })
        await server.loops.stop()
    }
}
