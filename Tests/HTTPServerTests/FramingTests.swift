import Foundation
import HTTPServer
import HTTPTypes
import Sockets
import Testing

@Suite("Answers and their framing on real sockets")
struct FramingTests {
    private static func get(_ path: String, _ fields: String = "", method: String = "GET", version: String = "1.1")
        -> String
    {
        "\(method) \(path) HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n"
    }

    @Test("an answer has its length, a date, an id, and says nothing of the connection when it stays")
    func simple() async throws {
        let server = try await TestServer()
        let reply = try #require(try await server.reply(Self.get("/hello")))
        #expect(reply.status == 200 && reply.text == "hello" && reply["Content-Length"] == "5")
        #expect(reply["Connection"] == nil && reply["Transfer-Encoding"] == nil)
        let date = try #require(reply["Date"])
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        let parsed = try #require(formatter.date(from: date), "\(date) is no IMF-fixdate")
        #expect(abs(parsed.timeIntervalSinceNow) < 5)
        #expect(try #require(reply["X-Request-Id"]).count == 26)
        await server.stop()
    }

    @Test("a client's request id is kept when it is one")
    func requestIDs() async throws {
        let server = try await TestServer()
        let long = String(repeating: "x", count: 128)
        for (id, isKept) in [
            ("a.B_9-", true), (long, true), (long + "x", false), ("a b", false), ("é", false), ("", false),
        ] {
            let reply = try #require(try await server.reply(Self.get("/head", "X-Request-Id: \(id)\r\n")))
            let used = try #require(reply["X-Request-Id"])
            #expect((used == id) == isKept, "\(id)")
            #expect(reply.text.hasSuffix("|\(used)"))
        }
        await server.stop()
    }

    @Test("HEAD, 204 and 304 have no body, and the next answer stands right behind them")
    func withoutBodies() async throws {
        let server = try await TestServer()
        let cases: [(String, String, Int, String?)] = [
            ("HEAD", "/hello", 200, "5"), ("HEAD", "/status/404", 404, "4"), ("HEAD", "/none", 404, "14"),
            ("GET", "/status/204", 204, nil), ("GET", "/status/304", 304, nil), ("HEAD", "/status/204", 204, nil),
            ("HEAD", "/stream", 200, nil), ("OPTIONS", "/hello", 204, nil), ("OPTIONS", "*", 204, nil),
        ]
        let client = try server.client()
        for (method, path, status, length) in cases {
            client.send(Self.get(path, method: method))
            let reply = try #require(client.readReply(isToHead: true), "\(method) \(path)")
            #expect(reply.status == status && reply["Content-Length"] == length, "\(method) \(path)")
            client.send(Self.get("/hello"))
            #expect(client.readReply()?.text == "hello", "behind \(method) \(path)")
        }
        await server.stop()
    }

    @Test("pipelined requests are answered in order, with whatever bodies they have")
    func pipelining() async throws {
        let server = try await TestServer()
        let client = try server.client()
        var text = ""
        var expected: [String] = []
        for number in 0..<200 {
            switch number % 4 {
            case 0:
                text += Self.get("/v1/things/\(number)")
                expected.append("\(number)")
            case 1:
                text += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n\(1000 + number)"
                expected.append("\(1000 + number)")
            case 2:
                text +=
                    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\nT: u\r\n\r\n"
                expected.append("abc")
            default:
                text += Self.get("/v1/things/special", "Content-Length: 3\r\n") + "xyz"
                expected.append("literal")
            }
        }
        let bytes = Array(text.utf8)
        let replies = await TestServer.onThread {
            client.send(bytes)
            return (0..<200).map { _ in client.readReply()?.text ?? "none" }
        }
        #expect(replies == expected)
        await server.stop()
    }

    @Test("a half-closed client is still answered, all it has asked for")
    func halfClosed() async throws {
        let server = try await TestServer()
        let client = try server.client()
        client.send(Self.get("/hello") + Self.get("/stream") + Self.get("/large"))
        client.finishSending()
        #expect(client.readReply()?.text == "hello")
        #expect(client.readReply()?.text == "piece 0\npiece 1\npiece 2\n")
        #expect(client.readReply()?.body.count == 5000)
        #expect(client.isAtEnd)
        await server.stop()
    }

    @Test("a streamed body is chunked, and ends with the connection for HTTP/1.0")
    func streams() async throws {
        let server = try await TestServer()
        let new = try #require(try await server.reply(Self.get("/stream")))
        #expect(new["Transfer-Encoding"] == "chunked" && new["Content-Length"] == nil && new.chunks == 3)
        #expect(new.text == "piece 0\npiece 1\npiece 2\n")
        let old = try #require(
            try await server.reply(Self.get("/stream", "Connection: keep-alive\r\n", version: "1.0")))
        #expect(old["Transfer-Encoding"] == nil && old["Connection"] == "close" && old.text == new.text)
        await server.stop()
    }

    @Test("a streamed body that fails is seen to be cut off, also where only the end of the connection ends it")
    func brokenStreams() async throws {
        let server = try await TestServer()
        #expect(try await server.reply(Self.get("/breaks-off")) == nil)
        let client = try server.client()
        client.send(Self.get("/breaks-off", version: "1.0"))
        #expect(!client.readToEnd().hasSuffix("half") || client.lastErrno == ECONNRESET)
        let log = try await server.log.first(2)
        #expect(log.allSatisfy { $0.status == 200 && !$0.isWhole })
        await server.stop()
    }

    @Test("HTTP/1.0 is closed after its answer unless it asks to be kept")
    func old() async throws {
        let server = try await TestServer()
        let client = try server.client()
        client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        let kept = try #require(client.readReply())
        #expect(kept["Connection"] == "keep-alive" && kept.text == "hello")
        client.send("GET /hello HTTP/1.0\r\n\r\n")
        let last = try #require(client.readReply())
        #expect(last["Connection"] == "close" && last.text == "hello" && client.isAtEnd)
        await server.stop()
    }

    @Test("no handler can contradict the framing or slip in a field")
    func contradictions() async throws {
        let server = try await TestServer()
        let reply = try #require(try await server.reply(Self.get("/contradicts")))
        #expect(reply["Content-Length"] == "4" && reply["Transfer-Encoding"] == nil && reply["Connection"] == nil)
        #expect(reply["Date"] != "never" && reply["X-Request-Id"] != "mine" && reply["Injected"] == nil)
        #expect(reply.text == "body")
        await server.stop()
    }

    @Test("100 Continue is sent when the body is asked for, and never once there is an answer")
    func expectations() async throws {
        let server = try await TestServer()
        let expecting = "Expect: 100-continue\r\n"
        let asked = try server.client()
        asked.send(Self.get("/echo", expecting + "Content-Length: 2\r\n", method: "POST"))
        #expect(asked.readReply()?.status == 100)
        asked.send("ok")
        #expect(asked.readReply()?.text == "ok")
        // Refused before the body: the client need not send it, and the connection closes.
        let refused = try server.client()
        refused.send(Self.get("/none", expecting + "Content-Length: 2\r\n", method: "POST"))
        let reply = try #require(refused.readReply())
        #expect(reply.status == 404 && reply["Connection"] == "close" && refused.isAtEnd)
        // A body that comes without waiting needs no 100, and the connection stays.
        let eager = try server.client()
        eager.send(Self.get("/echo", expecting + "Content-Length: 2\r\n", method: "POST") + "ok")
        #expect(eager.readReply()?.text == "ok")
        eager.send(Self.get("/ignores", expecting + "Content-Length: 4\r\n", method: "POST") + "ab")
        #expect(eager.readReply()?.text == "ignored")
        eager.send("cd" + Self.get("/hello"))
        #expect(eager.readReply()?.text == "hello")
        await server.stop()
    }

    @Test("what nobody reads of a body is read past, or the connection closes when it is much")
    func unreadBodies() async throws {
        let server = try await TestServer(limits: { $0.drainBytes = 1000 })
        let client = try server.client()
        let body = String(repeating: "x", count: 1000)
        client.send(Self.get("/ignores", "Content-Length: 1000\r\n", method: "POST") + body + Self.get("/hello"))
        let first = try #require(client.readReply())
        #expect(first.text == "ignored" && first["Connection"] == nil && client.readReply()?.text == "hello")
        client.send(Self.get("/ignores", "Content-Length: 1001\r\n", method: "POST") + body + "x" + Self.get("/hello"))
        let second = try #require(client.readReply())
        #expect(second.text == "ignored" && second["Connection"] == "close" && client.isAtEnd)
        await server.stop()
    }
}
