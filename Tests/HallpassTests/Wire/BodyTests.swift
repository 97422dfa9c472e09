import Foundation
import Testing

@testable import HTTPServer
@testable import Hallpass

@Suite("Bodies, headers and problems")
struct BodyTests {
    private func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var zipped: [UInt8] = []
        Deflater(level: 6).deflate(bytes, .finish, into: &zipped)
        return zipped
    }

    @Test("a body may be JSON by name, by a parameter, or without a type; anything else is 415")
    func mediaTypes() async throws {
        try await TestApplication.run { test in
            for (index, type) in [
                "application/json", "application/json; charset=utf-8", "APPLICATION/JSON;charset=UTF-8",
            ].enumerated() {
                let body = Array(TestApplication.ask("sso", cleverID: "t\(index)").utf8)
                #expect(
                    try await test.client().send("POST", "/v1/requests", ["Content-Type": type], body).status == 201,
                    "\(type)")
            }
            for type in [
                "text/plain", "application/x-www-form-urlencoded", "application/merge-patch+json", "application/jsonp",
                "", "*/*",
            ] {
                let body = Array(TestApplication.ask("sso").utf8)
                expect(
                    try await test.client().send("POST", "/v1/requests", ["Content-Type": type], body), is: 415,
                    "unsupported_media_type")
            }
            let patch = try await test.client().send(
                "PATCH", "/v1/requests/\(try await test.create("sso", cleverID: "d2"))",
                ["Content-Type": "application/merge-patch+json"], Array(#"{"message":"x"}"#.utf8))
            #expect(patch.status == 200)
        }
    }

    @Test("a body may be gzipped; another coding is 415, damaged gzip 400, and both limits are 413")
    func codings() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            func post(_ coding: String, _ body: [UInt8]) async throws -> TestClient.Answer {
                try await client.send("POST", "/v1/requests", ["Content-Encoding": coding], body)
            }
            #expect(try await post("gzip", gzip(Array(TestApplication.ask("sso").utf8))).status == 201)
            #expect(try await post("identity", Array(TestApplication.ask("sso", cleverID: "d2").utf8)).status == 201)
            for coding in ["br", "deflate", "zstd", "gzip, gzip", "x-unknown"] {
                expect(try await post(coding, gzip(Array("{}".utf8))), is: 415, "unsupported_encoding")
            }
            expect(try await post("gzip", Array("{}".utf8)), is: 400, "malformed_json")
            expect(
                try await post("gzip", gzip(Array(TestApplication.ask("sso").utf8)).dropLast(4) + []), is: 400,
                "malformed_json")
            // A line break here and there, so that it does not shrink like a bomb.
            var generator = SeededGenerator(seed: 1)
            let spaces = { (count: Int) in (0..<count).map { _ in generator.next() & 63 == 0 ? UInt8(0x0A) : 0x20 } }
            let body = Array(TestApplication.ask("sso", cleverID: "d3").utf8)
            let limit = try await post("identity", body + spaces((1 << 20) - body.count))
            #expect(limit.status == 201)
            expect(try await post("identity", body + spaces((1 << 20) - body.count + 1)), is: 413, "body_too_large")
            let other = Array(TestApplication.ask("sso", cleverID: "d4").utf8)
            #expect(try await post("gzip", gzip(other + spaces((10 << 20) - other.count))).status == 201)
            expect(
                try await post("gzip", gzip(other + spaces((10 << 20) - other.count + 1))), is: 413, "body_too_large")
        }
    }

    @Test("what is not JSON is 400")
    func malformed() async throws {
        try await TestApplication.run { test in
            for text in [
                "{", "}", "{\"a\":1,}", "'a'", "{\"kind\":\"sso\",\"kind\":\"sso\"}", "\u{FEFF}{}", " ", "{} {}", "NaN",
                "{\"a\":\"\u{1}\"}", "nul",
            ] {
                expect(try await test.client().post("/v1/requests", text), is: 400, "malformed_json")
                expect(try await test.client().post("/v1/requests/bulk", text), is: 400, "malformed_json")
            }
            for bytes: [UInt8] in [
                [0x22, 0xFF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xC0, 0xAF, 0x22],
                Array(repeating: 0x5B, count: 100_000),
            ] {
                expect(try await test.client().send("POST", "/v1/requests", [:], bytes), is: 400, "malformed_json")
            }
        }
    }

    @Test(
        "every answer carries X-Request-Id and Date; a client's id is kept if it is well-formed, and is the problem's request_id"
    )
    func requestIDs() async throws {
        try await TestApplication.run { test in
            for id in ["abc", "A-Za.z_0-9", String(repeating: "x", count: 128)] {
                for path in ["/v1/requests", "/nowhere", "/v1/requests/nope", "/livez"] {
                    let answer = try await test.client().get(path, ["X-Request-Id": id])
                    #expect(
                        answer.headerFields["x-request-id"] == id
                            && answer.headerFields["date"]?.hasSuffix("GMT") == true)
                    if answer.status >= 400 { #expect(answer["request_id"]?.string == id) }
                }
            }
            var made: Set<String> = []
            for id in ["", "a b", "ä", "a/b", String(repeating: "x", count: 129), "a,b"] {
                let kept = try #require(
                    try await test.client().get("/nowhere", ["X-Request-Id": id]).headerFields["x-request-id"])
                #expect(kept != id && !kept.isEmpty)
                made.insert(kept)
            }
            #expect(made.count == 6)
            let audited = try await test.client().post(
                "/v1/requests", TestApplication.ask("sso"), ["X-Request-Id": "from-me"])
            #expect(audited.status == 201)
            let entries = try await test.client().get("/v1/audit?action=request.create").data
            #expect(entries.first?["http_request_id"]?.string == "from-me")
        }
    }

    @Test("JSON over 1 KiB is gzipped for those who take it, smaller is not")
    func compression() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("rostering")
            _ = try await test.client().patch(
                "/v1/requests/\(id)", #"{"message":"\#(String(repeating: "m", count: 1000))"}"#)
            let path = "/v1/requests/\(id)"
            let plain = try await test.client().get(path)
            #expect(
                plain.body.count > 1024 && plain.headerFields["content-encoding"] == nil
                    && plain.headerFields["vary"] == "Accept-Encoding")
            for (accept, isZipped) in [
                ("gzip", true), ("br, gzip;q=0.5", true), ("*", true), ("gzip;q=0", false),
                ("identity, gzip;q=0.5", false), ("br", false),
            ] {
                let answer = try await test.client().get(path, ["Accept-Encoding": accept])
                #expect((answer.headerFields["content-encoding"] == "gzip") == isZipped, "\(accept)")
                if isZipped { #expect(try Gzip.inflate(answer.body, limit: 1 << 20) == plain.body) }
            }
            let small = try await test.client().get("/v1/emails?status=failed", ["Accept-Encoding": "gzip"])
            #expect(small.headerFields["content-encoding"] == nil)
        }
    }
}
