import HTTPTypes
import Sockets
import Testing

@testable import HTTPServer

@Suite("gzip both ways")
struct CompressionTests {
    private static func gzip(_ bytes: [UInt8], level: Int = 6) -> [UInt8] {
        var output: [UInt8] = []
        Deflater(level: level).deflate(bytes, .finish, into: &output)
        return output
    }

    private static func get(_ path: String, accept: String?, more: String = "", method: String = "GET") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: a\r\n" + (accept.map { "Accept-Encoding: \($0)\r\n" } ?? "") + more
            + "\r\n"
    }

    private static func post(_ path: String, _ body: [UInt8], encoding: String = "gzip") -> [UInt8] {
        let method = path == "/upload" ? "PUT" : "POST"
        return Array(
            "\(method) \(path) HTTP/1.1\r\nHost: a\r\nContent-Encoding: \(encoding)\r\nContent-Length: \(body.count)\r\n\r\n"
                .utf8)
            + body
    }

    @Test("gzip is taken by its quality, a star's, and not against identity's")
    func negotiation() {
        let cases: [(String?, Bool)] = [
            (nil, false), ("", false), ("gzip", true), ("GZIP", true), ("x-gzip", true), ("br, gzip, deflate", true),
            ("br", false), ("identity", false), ("*", true), ("*;q=0", false), ("gzip;q=0", false),
            ("gzip;q=0.0", false),
            ("gzip;q=0.001", true), ("gzip; q=0.5", true), ("gzip ;Q=1.000", true), ("gzip;q=0, *", false),
            ("*;q=0, gzip", true), ("identity;q=0", false), ("identity;q=0, *", true),
            ("gzip;q=0.5, identity;q=0.5", true),
            ("gzip;q=0.4, identity;q=0.5", false), ("gzip;q=0.5, identity;q=0", true), ("gzip;q=0.5, *;q=0.8", false),
            ("gzip;q=2", false), ("gzip;q=x", false), ("gzip;q=1.001", false), ("gzip;q=0.0001", false),
            ("gzip;q=", false),
            ("gzip;q=nan", false), ("gzip;q=-1", false), ("gzipx", false), (",, gzip,", true), ("gzip;x=y;q=0", false),
        ]
        for (field, isTaken) in cases { #expect(Compression.acceptsGzip(field) == isTaken, "\(field ?? "none")") }
    }

    @Test("text is worth compressing, and nothing that is compressed or must not wait")
    func types() {
        for type in [
            "application/json", "application/problem+json; charset=utf-8", "application/x-ndjson", "text/csv",
            "TEXT/HTML",
            "message/rfc822", "image/svg+xml",
        ] { #expect(Compression.isWorthwhile(type), "\(type)") }
        for type in [nil, "", "image/png", "application/gzip", "application/octet-stream", "text/event-stream; x=y"] {
            #expect(!Compression.isWorthwhile(type), "\(type ?? "none")")
        }
    }

    @Test("a large text is compressed for who takes it, has a tag of its own, and varies either way")
    func responses() async throws {
        let server = try await TestServer()
        let plain = try #require(try await server.reply(Self.get("/large", accept: nil)))
        #expect(plain["Content-Encoding"] == nil && plain["ETag"] == "\"3\"" && plain["Vary"] == "Accept-Encoding")
        #expect(plain.body.count == 5000)
        let small = try #require(try await server.reply(Self.get("/large", accept: "gzip")))
        #expect(
            small["Content-Encoding"] == "gzip" && small["ETag"] == "\"3-gzip\"" && small["Vary"] == "Accept-Encoding")
        #expect(small.body.count < 500 && small["Content-Length"] == "\(small.body.count)")
        #expect(try Gzip.inflate(small.body, limit: 5000) == plain.body)
        let head = try #require(
            try await server.reply(Self.get("/large", accept: "gzip", method: "HEAD"), isToHead: true))
        #expect(head["Content-Length"] == small["Content-Length"] && head["ETag"] == "\"3-gzip\"")
        let tiny = try #require(try await server.reply(Self.get("/hello", accept: "gzip")))
        #expect(tiny["Content-Encoding"] == nil && tiny["Vary"] == nil && tiny.text == "hello")
        await server.stop()
    }

    @Test("the size from which a body is compressed is where it is configured, and vary is not said twice")
    func thresholds() async throws {
        let server = try await TestServer(limits: { $0.compressedFromBytes = 100 }) { router in
            router.on(.get, "/{count}") { request in
                var response = TestRoutes.text(
                    String(repeating: "x", count: Int(request.parameters["count"] ?? "") ?? 0))
                response.headerFields[.vary] = "Accept, accept-encoding"
                return response
            }
        }
        let less = try #require(try await server.reply(Self.get("/99", accept: "gzip")))
        #expect(less["Content-Encoding"] == nil)
        let enough = try #require(try await server.reply(Self.get("/100", accept: "gzip")))
        #expect(enough["Content-Encoding"] == "gzip" && enough["Vary"] == "Accept, accept-encoding")
        await server.stop()
    }

    @Test("what a handler forbids to transform, or has encoded itself, goes out as it is")
    func untouched() async throws {
        let server = try await TestServer(routes: { router in
            for (path, field) in [("/plain", "private, No-Transform"), ("/packed", "private")] {
                router.on(.get, path) { _ in
                    var response = TestRoutes.text(String(repeating: "x", count: 5000))
                    response.headerFields[.cacheControl] = field
                    if path == "/packed" { response.headerFields[.contentEncoding] = "br" }
                    return response
                }
            }
        })
        for path in ["/plain", "/packed"] {
            let reply = try #require(try await server.reply(Self.get(path, accept: "gzip")))
            #expect(reply.body.count == 5000 && reply["Content-Encoding"] != "gzip" && reply["Vary"] == nil)
        }
        await server.stop()
    }

    @Test("a 304 has the tag of the form that the client has")
    func notModified() async throws {
        let server = try await TestServer()
        for (known, accept, tag) in [
            ("\"3-gzip\"", "gzip", "\"3-gzip\""), ("\"3\"", "gzip", "\"3\""), ("\"3-gzip\"", "br", "\"3\""),
        ] {
            let text = Self.get("/status/304", accept: accept, more: "If-None-Match: \(known)\r\n")
            let reply = try #require(try await server.reply(text))
            #expect(reply.status == 304 && reply["ETag"] == tag && reply["Vary"] == "Accept-Encoding")
        }
        await server.stop()
    }

    @Test("a stream is compressed as it goes: what was flushed can be read at once")
    func streams() async throws {
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        let server = try await TestServer(limits: { $0.compressedStreams = 1 }) { router in
            router.on(.get, "/stream") { _ in
                Response(
                    status: .ok, headerFields: [.contentType: "text/csv"],
                    body: .stream { writer in
                        try await writer.write(Array("first\n".utf8))
                        try await writer.flush()
                        for await _ in gate { break }
                        try await writer.write(Array("second\n".utf8))
                    })
            }
        }
        let client = try server.client()
        client.send(Self.get("/stream", accept: "gzip"))
        let first = try #require(client.readBeginning())
        #expect(first["Content-Encoding"] == "gzip" && first["Transfer-Encoding"] == "chunked")
        let inflater = Inflater()
        inflater.give(first.body[...])
        #expect(try inflater.next() == Array("first\n".utf8))
        // One more than may be compressed at a time goes out as it is.
        let plain = try server.client()
        plain.send(Self.get("/stream", accept: "gzip"))
        let other = try #require(plain.readBeginning())
        #expect(other["Content-Encoding"] == nil && other["Vary"] == "Accept-Encoding" && other.text == "first\n")
        opener.yield()
        opener.yield()
        let rest = try #require(client.readRest())
        inflater.give(rest[...])
        #expect(try inflater.next() == Array("second\n".utf8))
        try inflater.finish()
        #expect(plain.readRest() == Array("second\n".utf8))
        await server.stop()
    }

    @Test("a gzipped body is inflated, in one member or several")
    func bodies() async throws {
        let server = try await TestServer()
        let (one, two) = (Array("one ".utf8), Array("two".utf8))
        #expect(try await server.reply(Self.post("/echo", Self.gzip(one)))?.text == "one ")
        #expect(try await server.reply(Self.post("/echo", Self.gzip(one) + Self.gzip(two)))?.text == "one two")
        #expect(try await server.reply(Self.post("/echo", Self.gzip([])))?.text == "")
        #expect(try await server.reply(Self.post("/echo", two, encoding: "identity"))?.text == "two")
        #expect(try await server.reply(Self.post("/echo", Self.gzip(two), encoding: "GZip"))?.text == "two")
        await server.stop()
    }

    @Test("what is no gzip, or more or less than gzip, is refused, and so is any other coding")
    func damaged() async throws {
        let server = try await TestServer()
        let good = Self.gzip(Array(repeating: 120, count: 100))
        var wrongSum = good
        wrongSum[good.count - 8] ^= 1
        let cases: [([UInt8], String)] = [
            (Array("plain".utf8), "no gzip"), (Array(good.dropLast()), "a byte short"),
            (Array(good.dropLast(9)), "cut short"),
            (Array(good.prefix(5)), "half a header"), (good + [0], "a zero behind"),
            (good + Array("x".utf8), "a letter behind"),
            (good + good.dropLast(), "a second member cut short"), (wrongSum, "a wrong checksum"),
            (good + [0x1F], "half a magic"),
        ]
        for (bytes, what) in cases {
            #expect(try await server.reply(Self.post("/echo", bytes))?.status == 400, "\(what)")
            #expect(try await server.reply(Self.post("/upload", bytes))?.status == 400, "\(what), streamed")
        }
        for encoding in ["deflate", "br", "gzip, gzip", "x"] {
            #expect(try await server.reply(Self.post("/echo", good, encoding: encoding))?.status == 415, "\(encoding)")
        }
        await server.stop()
    }

    @Test("an inflated body may have its route's bytes, and one more is 413")
    func inflatedLimit() async throws {
        let server = try await TestServer()
        #expect(try await server.reply(Self.post("/size", Self.gzip(Array(repeating: 1, count: 4000))))?.text == "4000")
        #expect(try await server.reply(Self.post("/size", Self.gzip(Array(repeating: 1, count: 4001))))?.status == 413)
        await server.stop()
    }

    @Test("past a mebibyte a body that inflates beyond the ratio is 413, one below it is not")
    func ratio() async throws {
        let bytes = (0..<(2 << 20)).map { UInt8(truncatingIfNeeded: $0 / 3000 &* 7) }
        let packed = Self.gzip(bytes)
        let ratio = bytes.count / packed.count + 1
        for (limit, isTaken) in [(ratio * 2, true), (ratio / 2, false)] {
            let server = try await TestServer(limits: { $0.inflationRatio = limit })
            let reply = try await server.reply(Self.post("/upload", packed))
            #expect(isTaken ? reply?.text == "\(bytes.count)" : reply?.status == 413)
            await server.stop()
        }
        // The standing ratio refuses nothing that zlib can pack.
        let standard = try await TestServer()
        let most = [UInt8](repeating: 0, count: 10 << 20)
        #expect(try await standard.reply(Self.post("/upload", Self.gzip(most, level: 9)))?.text == "\(10 << 20)")
        await standard.stop()
        // Below a mebibyte no ratio is asked for.
        let server = try await TestServer(limits: { $0.inflationRatio = 1 })
        let few = [UInt8](repeating: 0, count: 1 << 20)
        #expect(try await server.reply(Self.post("/upload", Self.gzip(few)))?.text == "\(1 << 20)")
        await server.stop()
    }

    @Test("inflating gives a piece at a time, however much is to come")
    func pieces() throws {
        let inflater = Inflater()
        inflater.give(Self.gzip([UInt8](repeating: 0, count: 10 << 20))[...])
        var total = 0
        while let piece = try inflater.next() {
            #expect(piece.count <= 32_768)
            total += piece.count
            #expect(inflater.inflatedBytes == total)
        }
        try inflater.finish()
        #expect(total == 10 << 20)
    }
}
