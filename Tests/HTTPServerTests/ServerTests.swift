import Foundation
import HTTPServer
import HTTPTypes
import Sockets
import Testing

@Suite("The server on real sockets")
struct ServerTests {
    private static func routes(_ router: inout Router) {
        router.on(.get, "/hello") { _ in
            Response(status: .ok, headerFields: [.contentType: "text/plain"], body: .bytes(Array("hello".utf8)))
        }
        router.on(.get, "/v1/things/{id}") { request in
            Response(status: .ok, body: .bytes(Array((request.parameters["id"] ?? "").utf8)))
        }
        router.on(.get, "/v1/things/special") { _ in Response(status: .ok, body: .bytes(Array("literal".utf8))) }
        router.on(.post, "/echo") { request in
            Response(status: .ok, body: .bytes(try await request.body.collect()))
        }
        router.on(.get, "/stream") { _ in
            Response(
                status: .ok, headerFields: [.contentType: "text/plain"],
                body: .stream { writer in
                    for number in 0..<3 {
                        try await writer.write(Array("piece \(number)\n".utf8))
                        try await writer.flush()
                    }
                })
        }
        router.on(.get, "/large") { _ in
            Response(
                status: .ok, headerFields: [.contentType: "application/json", .eTag: "\"3\""],
                body: .bytes(Array(repeating: UInt8(ascii: "7"), count: 5000)))
        }
        router.on(.get, "/fails") { _ in throw CancellationError() }
    }

    @Test("a request is answered with its length, a date and an id")
    func simple() async throws {
        let server = try await TestServer(Self.routes)
        let answer = try await server.exchange("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(
            answer.contains("Content-Length: 5\r\n") && answer.contains("\r\nDate: ")
                && answer.contains("X-Request-Id: "))
        #expect(answer.hasSuffix("\r\n\r\nhello"))
        await server.stop()
    }

    @Test("pipelined requests are answered in order on one connection")
    func pipelining() async throws {
        let server = try await TestServer(Self.routes)
        let one = "GET /v1/things/1 HTTP/1.1\r\nHost: a\r\n\r\n"
        let two = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        let three = "GET /v1/things/special HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        let answer = try await server.exchange(one + two + three)
        let bodies = answer.components(separatedBy: "\r\n\r\n").dropFirst().map {
            $0.components(separatedBy: "HTTP/1.1")[0]
        }
        #expect(bodies == ["1", "abc", "literal"])
        await server.stop()
    }

    @Test("the server's own refusals have the status that is meant")
    func refusals() async throws {
        let server = try await TestServer(Self.routes)
        let cases = [
            ("GET /none HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 404),
            ("DELETE /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 405),
            ("GET /hello HTTP/1.1\r\n\r\n", 400), ("GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", 505),
            ("GET /a/../hello HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /%2e%2e/hello HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("GET /hello HTTP/1.1\nHost: a\n\n", 400), ("GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400),
            ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
            ("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n", 413),
            ("POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n", 413),
            ("GET /\(String(repeating: "x", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
            ("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 40_000))\r\n\r\n", 431),
            ("POST /echo HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 1\r\n\r\nx", 417),
            ("GET /fails HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 500),
        ]
        for (text, status) in cases {
            let answer = try await server.exchange(text)
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(text.prefix(60)) → \(answer.prefix(40))")
        }
        await server.stop()
    }

    @Test("OPTIONS and 405 say what is allowed, HEAD is answered wherever GET is")
    func methods() async throws {
        let server = try await TestServer(Self.routes)
        let options = try await server.exchange("OPTIONS /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(options.hasPrefix("HTTP/1.1 204 ") && options.contains("Allow: GET, HEAD, OPTIONS\r\n"))
        let refused = try await server.exchange("PUT /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(refused.hasPrefix("HTTP/1.1 405 ") && refused.contains("Allow: GET, HEAD, OPTIONS\r\n"))
        let head = try await server.exchange("HEAD /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(head.contains("Content-Length: 5\r\n") && head.hasSuffix("\r\n\r\n"))
        await server.stop()
    }

    @Test("a streamed body is chunked, and close-delimited for HTTP/1.0")
    func streams() async throws {
        let server = try await TestServer(Self.routes)
        let new = try await server.exchange("GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(new.contains("Transfer-Encoding: chunked\r\n"))
        #expect(new.hasSuffix("8\r\npiece 0\n\r\n8\r\npiece 1\n\r\n8\r\npiece 2\n\r\n0\r\n\r\n"))
        let old = try await server.exchange("GET /stream HTTP/1.0\r\n\r\n")
        #expect(!old.contains("chunked") && old.hasSuffix("\r\n\r\npiece 0\npiece 1\npiece 2\n"))
        await server.stop()
    }

    @Test("chunked bodies are read, and 100 Continue is sent when the body is asked for")
    func bodies() async throws {
        let server = try await TestServer(Self.routes)
        let chunked = try await server.exchange(
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n"
        )
        #expect(chunked.hasSuffix("\r\n\r\nabcde"))
        let client = try server.client()
        client.send(
            "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n")
        #expect(client.read(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
        client.send("ok")
        #expect(client.readToEnd().hasSuffix("\r\n\r\nok"))
        await server.stop()
    }

    @Test("a half-closed client is still answered")
    func halfClosed() async throws {
        let server = try await TestServer(Self.routes)
        let client = try server.client()
        client.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        client.finishSending()
        #expect(client.readToEnd().hasSuffix("hello"))
        await server.stop()
    }

    @Test("gzip is given to whoever takes it, with its own ETag")
    func gzip() async throws {
        let server = try await TestServer(Self.routes)
        let plain = try await server.exchange("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        #expect(
            plain.contains("Vary: Accept-Encoding\r\n") && plain.contains("ETag: \"3\"\r\n")
                && plain.contains("Content-Length: 5000"))
        let gzip = try await server.exchange(
            "GET /large HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip;q=0.5, identity;q=0.1\r\nConnection: close\r\n\r\n"
        )
        #expect(gzip.contains("Content-Encoding: gzip\r\n") && gzip.contains("ETag: \"3-gzip\"\r\n"))
        let refused = try await server.exchange(
            "GET /large HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip;q=0\r\nConnection: close\r\n\r\n")
        #expect(!refused.contains("Content-Encoding"))
        await server.stop()
    }

    @Test("a slow head is answered 408, a silent connection closed")
    func slowHead() async throws {
        let server = try await TestServer(
            limits: {
                $0.headSeconds = 0.3
                $0.firstByteSeconds = 0.3
            }, Self.routes)
        #expect(try await server.exchange("GET /hello HT").hasPrefix("HTTP/1.1 408 "))
        #expect(try await server.exchange("") == "")
        await server.stop()
    }

    @Test("at the connection limit one more is told 503")
    func connectionLimit() async throws {
        let server = try await TestServer(limits: { $0.connections = 1 }, Self.routes)
        let first = try server.client()
        first.send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = first.read(until: "hello")
        #expect(try await server.exchange("").hasPrefix("HTTP/1.1 503 "))
        await server.stop()
    }

    @Test("a stop closes idle connections and finishes what is in flight")
    func gracefulStop() async throws {
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let server = try await TestServer { router in
            router.on(.get, "/slow") { _ in
                for await _ in gate { break }
                return Response(status: .ok, body: .bytes(Array("done".utf8)))
            }
        }
        let idle = try server.client()
        let busy = try server.client()
        busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
        try await Task.sleep(for: .milliseconds(100))
        async let stopped: Void = server.server.stop(deadline: .seconds(5))
        #expect(idle.readToEnd() == "")
        opener.yield()
        let answer = busy.readToEnd()
        #expect(answer.hasSuffix("done") && answer.contains("Connection: close\r\n"))
        await stopped
        await server.loops.stop()
    }
}
