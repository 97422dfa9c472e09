import Foundation
import HTTPCore
import HTTPServer
import HTTPTypes
import Sockets
import Synchronization
import Testing

@Suite("Limits at their own size and one past it")
struct LimitTests {
    private static let hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

    private static func post(_ path: String, bytes: Int, chunked: Bool = false) -> String {
        let body = String(repeating: "x", count: bytes)
        let head = "POST \(path) HTTP/1.1\r\nHost: a\r\n"
        return chunked
            ? head + "Transfer-Encoding: chunked\r\n\r\n\(String(bytes, radix: 16))\r\n\(body)\r\n0\r\n\r\n"
            : head + "Content-Length: \(bytes)\r\n\r\n\(body)"
    }

    @Test("the parser's limits are the configuration's")
    func parser() async throws {
        let server = try await TestServer(limits: {
            $0.parser.requestLineBytes = 100
            $0.parser.fieldCount = 2
            $0.parser.fieldBytes = 200
            $0.parser.chunkLineBytes = 10
        })
        func status(_ text: String) async throws -> Int? { try await server.reply(text)?.status }
        let path = "/hello?" + String(repeating: "x", count: 78)
        #expect(try await status("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n") == 200)
        #expect(try await status("GET \(path)x HTTP/1.1\r\nHost: a\r\n\r\n") == 414)
        #expect(try await status("GET /hello HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n") == 200)
        #expect(try await status("GET /hello HTTP/1.1\r\nHost: a\r\nA: b\r\nC: d\r\n\r\n") == 431)
        let chunked = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(try await status(chunked + "1;abcdef\r\nx\r\n0\r\n\r\n") == 200)
        #expect(try await status(chunked + "1;abcdefg\r\nx\r\n0\r\n\r\n") == 400)
        await server.stop()
    }

    @Test("a body may have its route's bytes as sent, however it is framed")
    func bodies() async throws {
        let server = try await TestServer()
        for isChunked in [false, true] {
            #expect(try await server.reply(Self.post("/size", bytes: 1000, chunked: isChunked))?.text == "1000")
            #expect(try await server.reply(Self.post("/size", bytes: 1001, chunked: isChunked))?.status == 413)
        }
        await server.stop()
    }

    @Test("a connection carries its number of requests, and is told of the last")
    func requests() async throws {
        let server = try await TestServer(limits: { $0.requestsPerConnection = 3 })
        let client = try server.client()
        client.send(String(repeating: Self.hello, count: 4))
        for number in 1...3 {
            #expect(try #require(client.readReply())["Connection"] == (number == 3 ? "close" : nil))
        }
        #expect(client.isAtEnd)
        await server.stop()
    }

    @Test(
        "pipelined requests are handled in a row up to their number, then other connections have their turn",
        arguments: [true, false])
    func pipelined(immediately: Bool) async throws {
        #expect(try await Self.order(limit: 3, immediately) == ["a1", "a2", "a3", "b1", "a4"])
        #expect(try await Self.order(limit: 4, immediately) == ["a1", "a2", "a3", "a4", "b1"])
    }

    /// The order in which one loop handles four requests of one client and one of another that came while it was held.
    private static func order(limit: Int, _ immediately: Bool) async throws -> [String] {
        let handled = Mutex<[String]>([])
        let (isHeld, mayGo) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let server = try await TestServer(loops: 1, limits: { $0.pipelinedRequests = limit }) { router in
            TestRoutes.all(&router)
            router.on(.get, "/hold") { _ in
                isHeld.signal()
                mayGo.wait()
                return TestRoutes.text("held")
            }
            let note: ImmediateHandler = { request in
                handled.withLock { $0.append(request.parameters["name"] ?? "") }
                return TestRoutes.text("noted")
            }
            if immediately {
                router.on(.get, "/note/{name}", immediately: note)
            } else {
                router.on(.get, "/note/{name}") { try note($0) }
            }
        }
        let (holder, a, b) = (try server.client(), try server.client(), try server.client())
        for client in [holder, a, b] {
            client.send(hello)
            #expect(client.readReply()?.status == 200)
        }
        holder.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        await TestServer.onThread { isHeld.wait() }
        a.send((1...4).map { "GET /note/a\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        b.send("GET /note/b1 HTTP/1.1\r\nHost: a\r\n\r\n")
        mayGo.signal()
        for (client, count) in [(holder, 1), (a, 4), (b, 1)] {
            for _ in 0..<count { #expect(client.readReply()?.status == 200) }
        }
        await server.stop()
        return handled.withLock { $0 }
    }

    @Test("one connection too many is told 503 with an id, and there is room again when one goes")
    func connections() async throws {
        let server = try await TestServer(limits: { $0.connections = 2 })
        try await Self.checkConnections(server, limit: 2)
    }

    @Test("one connection too many from an address is told 503")
    func connectionsPerAddress() async throws {
        let server = try await TestServer(limits: { $0.connectionsPerAddress = 2 })
        try await Self.checkConnections(server, limit: 2)
    }

    private static func checkConnections(_ server: TestServer, limit: Int) async throws {
        var clients = try (0..<limit).map { _ in try server.client() }
        for client in clients {
            client.send(hello)
            #expect(client.readReply()?.status == 200)
        }
        // It has sent its request before it is told, which must not cost it the answer.
        let extra = try server.client()
        extra.send(hello)
        let refused = try #require(extra.readReply())
        #expect(refused.status == 503 && refused["Connection"] == "close" && refused["X-Request-Id"] != nil)
        clients.removeLast()
        try await eventually("room for another connection") { server.server.connectionCount < limit }
        let next = try server.client()
        next.send(hello)
        #expect(next.readReply()?.status == 200)
        clients.append(next)
        await server.stop()
    }

    @Test("no more connections are taken than there are descriptors for")
    func descriptors() async throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let files = Int(clamping: limit.rlim_max)
        // All but two descriptors are kept back, so that two connections are left of however many are configured.
        let server = try await TestServer(limits: {
            $0.connections = files + 10
            $0.connectionsPerAddress = files + 10
            $0.reservedDescriptors = files - 2
        })
        try await Self.checkConnections(server, limit: 2)
    }

    @Test("what is pipelined behind a request is read ahead so far and no further")
    func readAhead() async throws {
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let server = try await TestServer(limits: { $0.readAheadBytes = 64 * 1024 }) { router in
            router.on(.post, "/waits", options: .init(bodyLimit: nil, inflatedLimit: 64 << 20)) { request in
                for await _ in gate { break }
                var count = 0
                for try await piece in request.body.chunks { count += piece.count }
                return TestRoutes.text("\(count)")
            }
        }
        let client = try server.client()
        let total = 64 << 20
        client.send("POST /waits HTTP/1.1\r\nHost: a\r\nContent-Length: \(total)\r\n\r\n")
        let body = [UInt8](repeating: 0, count: total)
        let sent = await TestServer.onThread { client.sendWhatGoes(body, seconds: 1) }
        // The kernel's buffers of both ends take some megabytes; what the server takes is bounded.
        #expect(sent < total / 2)
        opener.yield()
        let reply = await TestServer.onThread {
            client.send(Array(body[sent...]))
            return client.readReply()
        }
        #expect(reply?.text == "\(total)")
        await server.stop()
    }

    @Test("a silent connection is closed, a slow head told 408, an idle one closed, each by its own deadline")
    func waiting() async throws {
        // All but the one in question would outlast the test.
        let patient: (inout ServerConfiguration) -> Void = {
            $0.firstByteSeconds = 1000
            $0.headSeconds = 1000
            $0.idleSeconds = 1000
        }
        let silent = try await TestServer(limits: {
            patient(&$0); $0.firstByteSeconds = 0.2
        })
        #expect(try silent.client().isAtEnd)
        await silent.stop()
        let slow = try await TestServer(limits: {
            patient(&$0); $0.headSeconds = 0.2
        })
        let reply = try #require(try await slow.reply("GET /hello HTTP/1.1\r\nHost"))
        #expect(reply.status == 408 && reply["Connection"] == "close")
        await slow.stop()
        let idle = try await TestServer(limits: {
            patient(&$0); $0.idleSeconds = 0.2
        })
        let client = try idle.client()
        client.send(Self.hello)
        #expect(client.readReply()?.status == 200 && client.isAtEnd)
        await idle.stop()
    }

    @Test("a body that stalls, at once or after a quick beginning, is told 408")
    func slowBodies() async throws {
        let server = try await TestServer(limits: {
            $0.bodyGraceSeconds = 0.3
            $0.minimumBodyBytesPerSecond = 1000
        })
        let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n"
        // The beginning would be worth fifteen minutes if all of it counted.
        for beginning in ["", "x", String(repeating: "x", count: 899_999)] {
            let reply = try #require(try await server.reply(head + beginning))
            #expect(reply.status == 408 && reply["Connection"] == "close")
        }
        let log = try await server.log.first(3)
        #expect(log.map(\.requestBytes) == [0, 1, 899_999])
        await server.stop()
    }

    @Test("a handler that takes its time costs its client nothing")
    func slowHandlers() async throws {
        let server = try await TestServer(limits: { $0.bodyGraceSeconds = 0.3 }) { router in
            router.on(.post, "/late") { request in
                try await Task.sleep(for: .milliseconds(700))
                return TestRoutes.text("\(try await request.body.collect().count)")
            }
        }
        let client = try server.client()
        client.send("POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        #expect(client.readReply()?.status == 100)
        client.send("ok")
        #expect(client.readReply()?.text == "2")
        await server.stop()
    }
}
