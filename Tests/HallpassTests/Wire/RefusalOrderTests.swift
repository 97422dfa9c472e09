import Foundation
import HTTPTypes
import Testing

@testable import Hallpass

// API §1: 431/414/413 → unknown path 404 → method 405 → 401 → 403 → 415 → 400 → idempotency → unknown id 404 → 422 → 412 →
// 409. Each case offends in one place and in every later one that it can.

@Suite("Refusals come in the contract's order")
struct RefusalOrderTests {
    @Test("each refusal wins over all that come after it")
    func order() async throws {
        try await TestApplication.run { test in
            let id = try await test.request("sso", in: "declined")
            let path = "/v1/requests/\(id)/decline"
            let unknown = "/v1/requests/\(TestApplication.unknownID)/decline"
            let bad = Array(#"{"reason":1}"#.utf8)
            let stale = ["If-Match": "\"77\""]
            func send(
                _ role: Role?, _ method: String, _ target: String, _ fields: [String: String], _ body: [UInt8]
            ) async throws -> TestClient.Answer { try await test.client(role).send(method, target, fields, body) }
            let text = ["Content-Type": "text/plain"].merging(stale) { $1 }
            let large = [UInt8](repeating: 0x20, count: (1 << 20) + 1)
            expect(try await send(nil, "POST", "/nowhere", text, large), is: 413, "body_too_large")
            expect(try await send(nil, "POST", "/v1/requests/\(id)/explode", text, bad), is: 404, "not_found")
            expect(try await send(nil, "PUT", path, text, bad), is: 405, "method_not_allowed")
            expect(try await send(nil, "POST", path, text, bad), is: 401, "unauthorized")
            expect(try await send(.viewer, "POST", path, text, bad), is: 403, "forbidden")
            expect(try await send(.manager, "POST", unknown, text, Array("{".utf8)), is: 415, "unsupported_media_type")
            let brotli = ["Content-Encoding": "br"]
            expect(try await send(.manager, "POST", unknown, brotli, Array("{".utf8)), is: 415, "unsupported_encoding")
            let keyed = stale.merging(["Idempotency-Key": "k"]) { $1 }
            expect(try await send(.manager, "POST", unknown, keyed, Array("{".utf8)), is: 400, "malformed_json")
            let badKey = ["Idempotency-Key": String(repeating: "k", count: 256)]
            expect(try await send(.manager, "POST", unknown, badKey, bad), is: 400, "idempotency_key_invalid")
            _ = try await test.client(.manager).post("/v1/requests/\(id)/approve", "{}", ["Idempotency-Key": "k"])
            expect(try await send(.manager, "POST", unknown, keyed, bad), is: 422, "idempotency_key_reused")
            expect(try await send(.manager, "POST", unknown, stale, bad), is: 404, "not_found")
            expect(try await send(.manager, "POST", path, stale, bad), is: 422, "invalid")
            let good = Array(#"{"reason":"x"}"#.utf8)
            expect(try await send(.manager, "POST", path, stale, good), is: 412, "stale_version")
            expect(
                try await send(.manager, "POST", path, ["If-Match": "\"2\""], good), is: 409, "transition_not_allowed")
        }
    }

    @Test("reads keep it too: a bad cursor before an unknown id, that before a bad parameter")
    func reads() async throws {
        try await TestApplication.run { test in
            let client = test.client(.viewer)
            for what in ["requests", "districts", "emails", "webhook-deliveries"] {
                expect(try await client.get("/v1/\(what)/\(TestApplication.unknownID)?colour=1"), is: 404, "not_found")
                expect(try await client.get("/v1/\(what)/nope?colour=1"), is: 404, "not_found")
                expect(try await client.get("/v1/\(what)?colour=1&cursor=rubbish"), is: 400, "invalid_cursor")
                expect(
                    try await client.get("/v1/\(what)?colour=1&limit=0"), is: 422, "invalid", at: ["?limit", "?colour"])
            }
            let timeline = "/v1/requests/\(TestApplication.unknownID)/timeline"
            expect(try await client.get(timeline + "?colour=1&cursor=x"), is: 400, "invalid_cursor")
            expect(try await client.get(timeline + "?colour=1"), is: 404, "not_found")
            let id = try await test.create("sso")
            expect(try await client.get("/v1/requests/\(id)?colour=1"), is: 422, "invalid", at: ["?colour"])
            expect(try await client.get("/v1/requests/\(id)/timeline?colour=1"), is: 422, "invalid", at: ["?colour"])
        }
    }

    @Test("a malformed id is 404, as an unknown one is, whatever it is made of")
    func malformedIDs() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let id = try await test.create("sso")
            let district = try await client.get("/v1/requests/\(id)")["district", "id"]?.string ?? ""
            for text in [
                "nope", "%00", "%0d%0a", "%FF", "%ED%A0%80", id + "%00", id + "0", "%7B\(id)%7D",
                id.replacing("-", with: ""),
            ] {
                for path in [
                    "/v1/requests/\(text)", "/v1/requests/\(text)/timeline", "/v1/districts/\(text)",
                    "/v1/emails/\(text)/source", "/v1/webhook-deliveries/\(text)/payload",
                    "/v1/districts/\(text)/teachers/t1/access", "/v1/\(text)", "/\(text)",
                ] {
                    expect(try await client.get(path), is: 404, "not_found")
                }
                expect(try await client.post("/v1/requests/\(text)/approve"), is: 404, "not_found")
                expect(try await client.delete("/v1/tokens/\(text)"), is: 404, "not_found")
                expect(
                    try await client.put("/v1/requests/\(id)/checklist/\(text)", #"{"status":"done"}"#), is: 404,
                    "not_found")
            }
            for text in ["%00", "a%0Ab"] {
                let path = "/v1/districts/\(district)/teachers/\(text)/access"
                expect(try await client.get(path), is: 404, "not_found")
            }
        }
    }

    @Test("every route refuses a missing token and each lesser role, and answers OPTIONS and other methods")
    func roles() async throws {
        try await TestApplication.run { test in
            for endpoint in Routes.all {
                let path = endpoint.pattern.replacing("{id}", with: TestApplication.unknownID)
                    .replacing("{item}", with: "data_reviewed").replacing("{clever_id}", with: "t1")
                let least: Role
                switch endpoint.action {
                case .immediate, .open: continue
                case .read(let role, _), .change(let role, _), .raw(let role, _): least = role
                }
                let method = endpoint.method.rawValue
                expect(try await test.client(nil).send(method, path), is: 401, "unauthorized")
                var stranger = test.client(nil)
                stranger.token = "hp_" + String(repeating: "a", count: 43)
                expect(try await stranger.send(method, path), is: 401, "unauthorized")
                for role in Role.allCases where role < least {
                    expect(try await test.client(role).send(method, path), is: 403, "forbidden")
                }
                // The stream of events has no end to wait for.
                if endpoint.pattern != "/v1/events" {
                    let allowed = try await test.client(least).send(method, path)
                    #expect(![401, 403, 405, 500].contains(allowed.status), "\(method) \(path): \(allowed.status)")
                }
                let options = try await test.client(nil).send("OPTIONS", path)
                #expect(options.status == 204 && options.body.isEmpty)
                let allow = try #require(options.headerFields["allow"]).components(separatedBy: ", ")
                #expect(
                    allow.contains(method) && allow.contains("OPTIONS")
                        && allow.contains("GET") == allow.contains("HEAD"))
                let wrong = try await test.client(nil).send("TRACE", path)
                expect(wrong, is: 405, "method_not_allowed")
                #expect(wrong.headerFields["allow"] == options.headerFields["allow"])
            }
        }
    }

    @Test(
        "HEAD is GET without a body, wherever there is a GET",
        arguments: ["/v1/requests", "/v1/districts", "/v1/audit", "/v1/tokens", "/v1/summary", "/v1/emails", "/livez"])
    func head(path: String) async throws {
        try await TestApplication.run { test in
            _ = try await test.create("sso")
            let get = try await test.client().get(path)
            let head = try await test.client().send("HEAD", path)
            #expect(head.status == 200 && head.body.isEmpty)
            #expect(head.headerFields["content-type"] == get.headerFields["content-type"])
            #expect(head.headerFields["content-length"] == String(get.body.count))
        }
    }
}
