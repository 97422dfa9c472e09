import Foundation
import HTTPServer
import HTTPTypes
import Sockets
import Synchronization
import Testing

@Suite("Answers that wait for nothing, given by the loop itself")
struct ImmediateTests {
    private static func routes(_ router: inout Router) {
        TestRoutes.all(&router)
        router.on(.get, "/now/{text}", immediately: { TestRoutes.text($0.parameters["text"] ?? "") })
        router.on(.post, "/now/{text}", immediately: { TestRoutes.text($0.parameters["text"] ?? "") })
        router.on(.get, "/later/{text}") { request in
            await Task.yield()
            return TestRoutes.text(request.parameters["text"] ?? "")
        }
        router.on(.get, "/now-fails", immediately: { _ in throw CancellationError() })
        router.on(
            .get, "/now-large",
            immediately: { _ in
                Response(
                    status: .ok, headerFields: [.contentType: "application/octet-stream"],
                    body: .bytes((0..<4 << 20).map { UInt8(truncatingIfNeeded: $0 >> 8) }))
            })
        router.on(
            .get, "/now-streams",
            immediately: { _ in
                Response(
                    status: .ok, headerFields: [.contentType: "text/plain"],
                    body: .stream { writer in
                        try await writer.write(Array("a".utf8))
                        try await writer.flush()
                        try await writer.write(Array("b".utf8))
                    })
            })
    }

    private static func get(_ path: String, _ fields: String = "") -> String {
        "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
    }

    @Test("mixed with others they come in order, wherever the bytes are split")
    func order() async throws {
        let server = try await TestServer(routes: Self.routes)
        let requests = (0..<40).map { number in
            let kinds = ["now", "later", "now", "now"]
            let path = "/\(kinds[number % 4])/\(number)"
            return number % 8 == 3
                ? "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /" : Self.get(path)
        }
        let bytes = Array(requests.joined().utf8)
        for most in [1, 3, 40, 400, bytes.count] {
            let client = try server.client()
            var cuts = [0]
            while let last = cuts.last, last < bytes.count {
                cuts.append(min(bytes.count, last + 1 + cuts.count * 7919 % most))
            }
            let pieces = zip(cuts, cuts.dropFirst()).map { Array(bytes[$0..<$1]) }
            let texts = await TestServer.onThread {
                for piece in pieces { client.send(piece) }
                return requests.map { _ in client.readReply()?.text }
            }
            #expect(texts == (0..<40).map { "\($0)" }, "in pieces of up to \(most) bytes")
        }
        await server.stop()
    }

    @Test("what they throw is the failure's answer, and the connection goes on")
    func failure() async throws {
        let server = try await TestServer(routes: Self.routes)
        let client = try server.client()
        client.send(Self.get("/now-fails") + Self.get("/now/after"))
        #expect(client.readReply()?.status == 500)
        #expect(client.readReply()?.text == "after")
        await server.stop()
        #expect(try await server.log.first(2).map(\.route) == ["/now-fails", "/now/{text}"])
    }

    @Test("a body that was sent along is read past, however late it comes")
    func body() async throws {
        let server = try await TestServer(routes: Self.routes)
        let client = try server.client()
        client.send("POST /now/a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab")
        #expect(client.readReply()?.text == "a")
        client.send("c\r\n0\r\n\r\n" + Self.get("/now/b"))
        #expect(client.readReply()?.text == "b")
        await server.stop()
    }

    @Test("an answer that the client takes slowly, or that is a stream, is finished in its time, before the next")
    func unfinished() async throws {
        let server = try await TestServer(routes: Self.routes)
        let client = try server.client(receiveBufferBytes: 4096)
        client.send(
            Self.get("/now-large") + Self.get("/now-streams") + Self.get("/now/end", "Connection: close\r\n"))
        let (large, streamed, end, rest) = await TestServer.onThread {
            usleep(200_000)
            return (client.readReply(), client.readReply(), client.readReply(), client.readToEnd())
        }
        #expect(large?.body == (0..<4 << 20).map { UInt8(truncatingIfNeeded: $0 >> 8) })
        #expect(streamed?.text == "ab")
        #expect(end?.text == "end" && end?["Connection"] == "close" && rest == "")
        await server.stop()
        #expect(try await server.log.first(3).map(\.isWhole) == [true, true, true])
    }

    @Test("a half-closed client is answered, and one that ends in the middle of a head is let go")
    func halfClosed() async throws {
        let server = try await TestServer(routes: Self.routes)
        for (text, isAnswered) in [(Self.get("/now/x"), true), ("GET /now/x HTT", false)] {
            let client = try server.client()
            client.send(text)
            client.finishSending()
            let answer = await TestServer.onThread { client.readToEnd() }
            #expect(answer.hasSuffix("\r\n\r\nx") == isAnswered)
            if !isAnswered { #expect(answer.isEmpty) }
        }
        await server.stop()
    }

    @Test("a malformed request behind them is refused, after their answers")
    func malformed() async throws {
        let server = try await TestServer(routes: Self.routes)
        let answers = try await server.exchange(Self.get("/now/x") + "GET /now/y HTTP/1.1\r\n\r\n" + Self.get("/now/z"))
        #expect(answers.contains("\r\n\r\nxHTTP/1.1 400 "))
        #expect(answers.components(separatedBy: "HTTP/1.1 ").count == 3)
        await server.stop()
    }

    @Test("idle between requests for longer than is allowed, or slow in a head, the connection ends as any other")
    func deadlines() async throws {
        let server = try await TestServer(
            limits: {
                $0.idleSeconds = 0.3
                $0.headSeconds = 0.3
            }, routes: Self.routes)
        let (idle, slow) = (try server.client(), try server.client())
        for client in [idle, slow] {
            client.send(Self.get("/now/x"))
            #expect(client.readReply()?.text == "x")
        }
        slow.send("GET /now/y HTTP/1.1\r\n")
        let (silence, timeout) = await TestServer.onThread { (idle.readToEnd(), slow.readToEnd()) }
        #expect(silence == "")
        #expect(timeout.hasPrefix("HTTP/1.1 408 "))
        await server.stop()
    }
}
