import Foundation
import Testing

@testable import HTTPServer
@testable import Hallpass

@Suite("Callbacks that are refused")
struct CallbackRefusalTests {
    static let wish = Callback.wish("created", "sso", id: "i1").body

    @Test("every refusal is 401 with the same body, and stores nothing")
    func sameForAll() async throws {
        try await TestApplication.run { test in
            let now = Int(test.clock.now.timeIntervalSince1970)
            let good = WebhookSecret(TestApplication.webhookSecret)?.sign(
                id: "m1", timestamp: String(now), body: Self.wish)
            let attempts: [[String: String]] = [
                ["webhook-signature": "absent"], ["webhook-id": "absent"], ["webhook-timestamp": "absent"],
                ["webhook-signature": "v1,AAAA"], ["webhook-signature": "v2,AAAA"], ["webhook-signature": ""],
                ["webhook-timestamp": "soon"], ["webhook-timestamp": String(now - 1)], ["webhook-id": "m2"],
                ["webhook-id": String(repeating: "m", count: 257)],
                ["Webhook-Signature": good ?? ""], ["Webhook-Id": "m1"], ["Webhook-Timestamp": String(now)],
                ["Content-Encoding": "br", "webhook-signature": "v1,AAAA"],
                ["Content-Type": "text/plain", "webhook-signature": "v1,AAAA"],
                [
                    "Authorization": "Bearer hp_0123456789abcdef0123456789abcdef01234567",
                    "webhook-signature": "v1,AAAA",
                ],
            ]
            var bodies: Set<String> = []
            for fields in attempts {
                let answer = try await test.deliver(
                    Self.wish, id: "m1", fields: fields.merging(["X-Request-Id": "r1"]) { given, _ in given })
                #expect(answer.status == 401, "\(fields): \(answer.status) \(answer.text)")
                #expect(answer.headerFields["content-type"] == "application/problem+json")
                bodies.insert(answer.text)
            }
            let early = try await test.deliver(
                Self.wish, id: "m1", timestamp: String(now - 301), fields: ["X-Request-Id": "r1"])
            let late = try await test.deliver(
                Self.wish, id: "m1", timestamp: String(now + 301), fields: ["X-Request-Id": "r1"])
            #expect(early.status == 401 && late.status == 401)
            bodies.formUnion([early.text, late.text])
            #expect(bodies.count == 1)
            #expect(try JSONParser.parse(Array(bodies.first?.utf8 ?? "".utf8))["code"]?.string == "unauthorized")
            for table in ["webhook_delivery", "district", "request", "audit_entry WHERE district_id IS NOT NULL"] {
                #expect(try await test.count(table) == 0, "\(table)")
            }
        }
    }

    @Test("300 s off are accepted, either way, and the same bytes signed by either of two secrets")
    func accepted() async throws {
        let old = "whsec_" + Data(repeating: 1, count: 24).base64EncodedString()
        try await TestApplication.run(configure: { $0.webhookSecrets = [TestApplication.webhookSecret, old] }) { test in
            let now = Int(test.clock.now.timeIntervalSince1970)
            let bytes = Array(#"{"id":"e","type":"x.y","created":"2026-11-23T17:00:00Z","data":{"object":{}}}"#.utf8)
            #expect(try await test.deliver(bytes, timestamp: String(now - 300)).status == 200)
            #expect(try await test.deliver(bytes, timestamp: String(now + 300)).status == 200)
            #expect(try await test.deliver(bytes, secret: old).status == 200)
            let first = try await test.deliver(bytes, id: "m")
            #expect(first["status"]?.string == "ignored")
            #expect(try await test.deliver(bytes, id: "m", secret: old)["status"]?.string == "duplicate")
        }
    }

    @Test("what is too large is 413 before anything else, also when it is not signed or only inflates too far")
    func tooLarge() async throws {
        try await TestApplication.run { test in
            let large = Array(repeating: UInt8(ascii: " "), count: (1 << 20) + 1)
            #expect(try await test.deliver(large).status == 413)
            let unsigned = try await test.deliver(large, fields: ["webhook-signature": "v1,AAAA"])
            #expect(unsigned.status == 413 && unsigned.code == "body_too_large")
            let inflated = Self.gzip(Array(repeating: UInt8(ascii: " "), count: (10 << 20) + 1))
            #expect(try await test.deliver(inflated, fields: ["Content-Encoding": "gzip"]).status == 413)
            #expect(try await test.count("webhook_delivery") == 0)
            let exact = Self.padded(to: 1 << 20)
            #expect(try await test.deliver(exact)["status"]?.string == "ignored")
        }
    }

    @Test("a signed body of another type or coding is 415, of another method 405, with an unknown parameter 422")
    func otherRefusals() async throws {
        try await TestApplication.run { test in
            #expect(try await test.deliver(Self.wish, fields: ["Content-Type": "text/plain"]).status == 415)
            let coded = try await test.deliver(Self.wish, fields: ["Content-Encoding": "br"])
            #expect(coded.status == 415 && coded.code == "unsupported_encoding")
            let get = try await test.client(nil).get("/webhooks/clever")
            #expect(get.status == 405 && get.headerFields["allow"]?.contains("POST") == true)
            let unknown = try await test.deliver(Self.wish, query: "?dry=true")
            #expect(unknown.status == 422 && unknown["errors", "0", "parameter"]?.string == "dry")
            #expect(try await test.count("webhook_delivery") == 0)
            for type in ["application/json; charset=utf-8", "APPLICATION/JSON", "absent"] {
                let answer = try await test.deliver(
                    Array(#"{"id":"e","type":"x","created":"2026-11-23T17:00:00Z","data":{"object":{}}}"#.utf8),
                    fields: ["Content-Type": type])
                #expect(answer.status == 200, "\(type)")
            }
        }
    }

    @Test("a dry run tells what would be sent, and stores nothing")
    func dryRun() async throws {
        try await TestApplication.run { test in
            let answer = try await test.deliver(Self.wish, id: "m", query: "?dry_run=true")
            #expect(answer.status == 200 && answer["status"]?.string == "processed")
            #expect(answer["would_send", "0", "template"]?.string == "new_request")
            #expect(answer["would_send", "0", "to"]?.string == "amy@vendor.example")
            for table in ["webhook_delivery", "district", "request", "email", "callback_clock"] {
                #expect(try await test.count(table) == 0, "\(table)")
            }
            #expect(try await test.deliver(Self.wish, id: "m")["status"]?.string == "processed")
        }
    }

    static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var packed: [UInt8] = []
        Deflater(level: 6).deflate(bytes, .finish, into: &packed)
        return packed
    }

    /// An event of an unknown type, of an exact size.
    static func padded(to count: Int) -> [UInt8] {
        let event = Array(#"{"id":"e","type":"x.y","created":"2026-11-23T17:00:00Z","data":{"object":{}}}"#.utf8)
        return event + Array(repeating: UInt8(ascii: " "), count: count - event.count)
    }
}
