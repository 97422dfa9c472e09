import Foundation
import HTTPServer
import HTTPTypes
import Sockets
import Testing

@Suite("The server's own refusals")
struct RefusalTests {
    /// Framing is in doubt after these: the connection closes, whatever stands behind is not read.
    private static let dubious: [(String, Int)] = [
        ("GET /hello HTTP/1.1\r\n\r\n", 400), ("GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("GET /a/../hello HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET /%2e%2e/hello HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /hello HTTP/1.1\nHost: a\n\n", 400), ("GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /hello HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", 400),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\(String(repeating: "x", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 40_000))\r\n\r\n", 431),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 1\r\n\r\nx", 417),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n", 413),
        ("POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n", 413),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n", 400),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\nX: y\r\n\r\n", 400),
    ]

    @Test("what leaves the framing in doubt is answered once, and the connection closed")
    func dubious() async throws {
        let server = try await TestServer()
        for (text, status) in Self.dubious {
            let answer = try await server.exchange(text + "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
            let reply = Reply(head: answer.components(separatedBy: "\r\n\r\n")[0])
            #expect(
                reply?.status == status && reply?["Connection"] == "close", "\(text.prefix(60)) → \(answer.prefix(40))")
            #expect(
                answer.components(separatedBy: "HTTP/1.1 ").count == 2, "\(text.prefix(60)) got more than one answer")
            #expect(reply?["X-Request-Id"] != nil && reply?["Date"] != nil)
        }
        await server.stop()
    }

    @Test("what is only wrong in its meaning leaves the connection as it is")
    func harmless() async throws {
        let server = try await TestServer()
        let client = try server.client()
        let cases = [
            ("GET /none", 404), ("GET /hello/", 404), ("GET //hello", 404), ("GET /HELLO", 404), ("DELETE /hello", 405),
            ("get /hello", 405), ("BREW /hello", 405), ("GET /v1/things/", 404), ("GET /v1/things", 404),
            ("GET /hell%6F", 200),
            ("GET /v1%2Fthings/1", 404), ("GET /fails", 500),
        ]
        for (line, status) in cases {
            client.send("\(line) HTTP/1.1\r\nHost: a\r\n\r\n")
            let reply = try #require(client.readReply(), "\(line)")
            #expect(reply.status == status && reply["Connection"] == nil, "\(line)")
        }
        await server.stop()
    }

    @Test("405 and OPTIONS say what is allowed")
    func methods() async throws {
        let server = try await TestServer()
        for (method, path, status, allow) in [
            ("PUT", "/hello", 405, "GET, HEAD, OPTIONS"), ("OPTIONS", "/hello", 204, "GET, HEAD, OPTIONS"),
            ("GET", "/echo", 405, "OPTIONS, POST"), ("OPTIONS", "*", 204, "GET, HEAD, OPTIONS, POST, PUT"),
        ] {
            let reply = try #require(try await server.reply("\(method) \(path) HTTP/1.1\r\nHost: a\r\n\r\n"))
            #expect(reply.status == status && reply["Allow"] == allow, "\(method) \(path)")
        }
        await server.stop()
    }

    @Test("a literal segment wins over a parameter, which takes one segment that is not empty")
    func routes() async throws {
        let server = try await TestServer()
        for (path, text) in [
            ("/v1/things/special", "literal"), ("/v1/things/%73pecial", "literal"), ("/v1/things/a%2Fb", "a/b"),
            ("/v1/things/%E2%82%AC", "€"), ("/v1/things/special%2F", "special/"),
        ] {
            #expect(try await server.reply("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")?.text == text, "\(path)")
        }
        await server.stop()
    }

    @Test("an absolute target is served under its own authority")
    func absoluteForm() async throws {
        let server = try await TestServer()
        let reply = try await server.reply("GET http://b:1/head?x=y HTTP/1.1\r\nHost: a\r\nX-Request-Id: i\r\n\r\n")
        #expect(reply?.text == "/head|x=y|b:1|i")
        await server.stop()
    }
}
