import Postgres
import Testing

@testable import Hallpass

@Suite("Idempotency-Key")
struct IdempotencyTests {
    private func key(_ text: String) -> [String: String] { ["Idempotency-Key": text] }

    @Test("an answer that came from running the change is replayed whole, whatever has happened since")
    func replays() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let first = try await client.post("/v1/requests", TestApplication.ask("sso"), key("create"))
            #expect(first.status == 201 && first.headerFields["idempotency-replayed"] == nil)
            _ = try await client.post("/v1/requests/\(first.id)/withdraw")
            let again = try await client.post("/v1/requests", TestApplication.ask("sso"), key("create"))
            #expect(
                again.status == 201 && again.json == first.json && again.headerFields["idempotency-replayed"] == "true")
            #expect(again.headerFields["location"] == first.headerFields["location"])
            #expect(again.headerFields["etag"] == first.headerFields["etag"])
            #expect(again.headerFields["content-type"] == "application/json")
            #expect(try await client.get("/v1/requests").data.count == 1)
            // 409 and 404 came from running it too.
            let refused = try await client.post("/v1/requests/\(first.id)/approve", "{}", key("approve"))
            expect(refused, is: 409, "transition_not_allowed")
            let refusedAgain = try await client.post("/v1/requests/\(first.id)/approve", "{}", key("approve"))
            expect(refusedAgain, is: 409, "transition_not_allowed")
            #expect(
                refusedAgain.headerFields["idempotency-replayed"] == "true"
                    && refusedAgain["state"]?.string == "withdrawn")
            for path in ["/v1/requests/\(TestApplication.unknownID)/approve", "/v1/requests/nope/approve"] {
                expect(try await client.post(path, "{}", key(path)), is: 404, "not_found")
                let missing = try await client.post(path, "{}", key(path))
                expect(missing, is: 404, "not_found")
                #expect(missing.headerFields["idempotency-replayed"] == "true", "\(path)")
            }
        }
    }

    @Test("other refusals and dry runs are not stored: the key is free")
    func notStored() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            expect(try await client.post("/v1/requests", "{", key("k")), is: 400, "malformed_json")
            expect(try await client.post("/v1/requests", "{}", key("k")), is: 422, "invalid")
            expect(try await test.client(.viewer).post("/v1/requests", "{}", key("k")), is: 403, "forbidden")
            #expect(
                try await client.post("/v1/requests?dry_run=true", TestApplication.ask("sso"), key("k")).status == 201)
            let made = try await client.post("/v1/requests", TestApplication.ask("sso"), key("k"))
            #expect(made.status == 201 && made.headerFields["idempotency-replayed"] == nil)
            let path = "/v1/requests/\(made.id)/approve"
            expect(
                try await client.post(path, "{}", key("a").merging(["If-Match": "\"9\""]) { $1 }), is: 412,
                "stale_version")
            #expect(try await client.post(path, "{}", key("a")).headerFields["idempotency-replayed"] == nil)
        }
    }

    @Test(
        "another method, path or body under a key is refused, and leaves the first answer; another token's key is another key"
    )
    func reuse() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let made = try await client.post("/v1/requests", TestApplication.ask("sso"), key("k"))
            expect(
                try await client.post("/v1/requests", TestApplication.ask("sso", cleverID: "d2"), key("k")), is: 422,
                "idempotency_key_reused")
            expect(
                try await client.post("/v1/requests/\(made.id)/approve", TestApplication.ask("sso"), key("k")), is: 422,
                "idempotency_key_reused")
            expect(
                try await client.post("/v1/requests/nope/approve", "{}", key("k")), is: 422, "idempotency_key_reused")
            expect(try await client.post("/v1/requests", "{}", key("k")), is: 422, "idempotency_key_reused")
            for query in ["?dry_run=null", "?colour=%00", "?dry_run=false&x"] {
                expect(
                    try await client.post("/v1/requests\(query)", TestApplication.ask("sso"), key("k")), is: 422,
                    "idempotency_key_reused")
            }
            for query in ["", "?", "?dry_run=false"] {
                let again = try await client.post("/v1/requests\(query)", TestApplication.ask("sso"), key("k"))
                #expect(again.json == made.json && again.headerFields["idempotency-replayed"] == "true")
            }
            expect(
                try await test.client(.manager).post("/v1/requests", TestApplication.ask("sso"), key("k")), is: 409,
                "request_exists")
        }
    }

    @Test("a key is 1 to 255 characters", arguments: ["", String(repeating: "k", count: 256), "a\tb"])
    func invalid(text: String) async throws {
        try await TestApplication.run { test in
            for path in ["/v1/requests", "/v1/requests?dry_run=true", "/v1/requests/bulk"] {
                expect(
                    try await test.client().post(path, TestApplication.ask("sso"), key(text)), is: 400,
                    "idempotency_key_invalid")
            }
            let longest = key(String(repeating: "k", count: 255))
            #expect(try await test.client().post("/v1/requests", TestApplication.ask("sso"), longest).status == 201)
        }
    }

    @Test("after 24 hours the change runs anew")
    func expiry() async throws {
        try await TestApplication.run { test in
            let made = try await test.client().post("/v1/requests", TestApplication.ask("sso"), key("k"))
            test.clock.advance(seconds: 24 * 3600 - 1)
            #expect(
                try await test.client().post("/v1/requests", TestApplication.ask("sso"), key("k")).json == made.json)
            test.clock.advance(seconds: 1)
            expect(
                try await test.client().post("/v1/requests", TestApplication.ask("sso"), key("k")), is: 409,
                "request_exists")
            let bulk = #"{"action":"approve","ids":["\#(made.id)"]}"#
            _ = try await test.client().post("/v1/requests/bulk", bulk, key("b"))
            test.clock.advance(seconds: 24 * 3600)
            let anew = try await test.client().post("/v1/requests/bulk", bulk, key("b"))
            #expect(anew["results", "0", "code"]?.string == "transition_not_allowed", "\(anew.text)")
        }
    }

    @Test("many at once have one effect: one runs, the others replay it or are told to wait")
    func atOnce() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let answers = try await withThrowingTaskGroup(of: TestClient.Answer.self) { group in
                for _ in 0..<40 {
                    group.addTask { try await client.post("/v1/requests", TestApplication.ask("sso"), key("k")) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for answer in answers where answer.status != 201 { expect(answer, is: 409, "idempotency_in_progress") }
            #expect(answers.contains { $0.status == 201 })
            #expect(answers.filter { $0.status == 201 && $0.headerFields["idempotency-replayed"] == nil }.count == 1)
            #expect(Set(answers.filter { $0.status == 201 }.map(\.id)).count == 1)
            #expect(try await client.get("/v1/requests").data.count == 1)
            #expect(try await test.mails() == ["new_request amy@vendor.example"])
        }
    }

    @Test("a key is free the moment its call is answered, whatever the answer")
    func freeAtOnce() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let id = try await test.create("sso", cleverID: "d0")
            for number in 0..<40 {
                let field = key("k\(number)")
                let ask = TestApplication.ask("sso", cleverID: "e\(number)")
                expect(try await client.post("/v1/requests", "{}", field), is: 422, "invalid")
                #expect(try await client.post("/v1/requests", ask, field).status == 201)
                #expect(try await client.post("/v1/requests", ask, field).status == 201)
                expect(try await client.post("/v1/requests", "{}", field), is: 422, "idempotency_key_reused")
                #expect(try await client.post("/v1/requests", ask, field).status == 201)
                let bulk = #"{"action":"decline","ids":["\#(id)"],"body":{"reason":"no"}}"#
                let other = key("b\(number)")
                expect(try await client.post("/v1/requests/bulk", "{}", other), is: 422, "invalid")
                for _ in 0..<2 { #expect(try await client.post("/v1/requests/bulk", bulk, other).status == 200) }
                expect(try await client.post("/v1/requests/bulk", "{}", other), is: 422, "idempotency_key_reused")
            }
        }
    }

    @Test("a created token is shown once: its replay has none")
    func tokens() async throws {
        try await TestApplication.run { test in
            let body = #"{"name":"ci","role":"viewer"}"#
            let made = try await test.client().post("/v1/tokens", body, key("t"))
            #expect(made.status == 201 && made["token"]?.string?.hasPrefix("hp_") == true)
            let again = try await test.client().post("/v1/tokens", body, key("t"))
            #expect(again.status == 201 && again["token"] == .null && again.id == made.id)
            #expect(try await test.client().get("/v1/tokens").data.filter { $0["name"]?.string == "ci" }.count == 1)
        }
    }

    @Test("after an erasure the key stays without its answer, for single changes and for bulk")
    func erasure() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let made = try await client.post("/v1/requests", TestApplication.ask("sso"), key("k"))
            let bulk = #"{"action":"approve","ids":["\#(made.id)"]}"#
            #expect(
                try await client.post("/v1/requests/bulk", bulk, key("b"))["results", "0", "status"]?.integer == 200)
            expect(
                try await client.post("/v1/requests/\(made.id)/approve", "{}", key("c")), is: 409,
                "transition_not_allowed")
            _ = try await client.delete("/v1/districts/\(made["district", "id"]?.string ?? "")")
            for _ in 0..<2 {
                expect(
                    try await client.post("/v1/requests", TestApplication.ask("sso"), key("k")), is: 404, "not_found")
                expect(try await client.post("/v1/requests/bulk", bulk, key("b")), is: 404, "not_found")
                expect(try await client.post("/v1/requests/\(made.id)/approve", "{}", key("c")), is: 404, "not_found")
            }
            let kept = try await test.sql(
                "SELECT count(*) FROM idempotency_key WHERE body IS NOT NULL OR headers IS NOT NULL OR NOT erased")
            #expect(try kept[0].get(0, as: Int.self) == 0)
            #expect(try await client.get("/v1/requests").data.isEmpty)
        }
    }
}
