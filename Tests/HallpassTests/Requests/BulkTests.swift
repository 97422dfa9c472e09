import HTTPServer
import Postgres
import Sockets
import Synchronization
import Testing

@testable import Hallpass

@Suite("POST /v1/requests/bulk")
struct BulkTests {
    private func bulk(_ action: String, _ ids: [String], body: String? = nil, rest: String = "") -> String {
        let list = ids.map { "\"\($0)\"" }.joined(separator: ",")
        return #"{"action":"\#(action)","ids":[\#(list)]\#(body.map { #","body":\#($0)"# } ?? "")\#(rest)}"#
    }

    private func results(_ answer: TestClient.Answer) -> [JSONValue] { answer["results"]?.array ?? [] }

    @Test(
        "every action of the table but share, with reschedule and launch, each in the order of the ids, a repeated id once"
    )
    func actions() async throws {
        try await TestApplication.run { test in
            let cases: [(String, String, String?, String)] = [
                ("approve", "pending", #"{"launch_date":null,"message":"Welcome"}"#, "approved"),
                ("decline", "pending", #"{"reason":"no"}"#, "declined"),
                ("request-info", "pending", #"{"message":"?"}"#, "needs_info"),
                ("provide-info", "needs_info", #"{"message":"!"}"#, "pending"),
                ("withdraw", "approved", nil, "withdrawn"),
                ("configure", "shared", #"{"complete_checklist":true}"#, "configured"),
                ("reopen", "configured", #"{"reason":"r"}"#, "shared"),
                ("disconnect", "configured", #"{"reason":"r"}"#, "disconnected"),
                ("reschedule", "shared", #"{"launch_date":"2026-12-24"}"#, "shared"),
                ("launch", "shared", nil, "shared"),
            ]
            for (action, from, body, to) in cases {
                let date = ["reschedule", "launch"].contains(action) ? #""2026-12-01""# : "null"
                let ids = [
                    try await test.request("sso", in: from, cleverID: "\(action)-1", date: date),
                    TestApplication.unknownID,
                    try await test.request("sso", in: "declined", cleverID: "\(action)-2"),
                    try await test.request("sso", in: from, cleverID: "\(action)-3", date: date),
                ]
                let asked = bulk(action, [ids[3], ids[0], ids[1], ids[2], ids[0]], body: body)
                let dry = try await test.client(.manager).post("/v1/requests/bulk?dry_run=true", asked)
                let answer = try await test.client(.manager).post("/v1/requests/bulk", asked)
                #expect(answer.status == 200, "\(answer.text)")
                let results = results(answer)
                #expect(results.compactMap { $0["id"]?.string } == [ids[3], ids[0], ids[1], ids[2]])
                #expect(results.compactMap { $0["status"]?.integer } == [200, 200, 404, 409])
                #expect(
                    results.prefix(2).allSatisfy { $0["request"]?["state"]?.string == to }, "\(action): \(answer.text)")
                #expect(
                    results[2]["code"]?.string == "not_found" && results[3]["code"]?.string == "transition_not_allowed")
                #expect(results[3]["state"]?.string == "declined" && results[3]["allowed"] == .array([]))
                #expect(dry["results"] == answer["results"] && dry["would_send"]?.array != nil)
                let shown = try await test.client().get("/v1/requests/\(ids[0])")
                #expect(results[1]["request"] == shown.json)
            }
        }
    }

    @Test("a body that no request could take, unknown actions and bad ids are refused whole, and nothing is done")
    func refusals() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            let client = test.client()
            let cases: [(String, [String])] = [
                (bulk("approve", [id], body: #"{"colour":1}"#), ["/body/colour"]),
                (bulk("decline", [id]), ["/body/reason"]),
                (bulk("approve", [id], body: #"{"launch_date":"2020-01-01"}"#), ["/body/launch_date"]),
                (bulk("approve", [id], body: #"{"launch_date":"2030-01-01"}"#), ["/body/launch_date"]),
                (bulk("reschedule", [id], body: #"{}"#), ["/body/launch_date"]),
                (bulk("reschedule", [id], body: #"{"launch_date":"2020-01-01"}"#), ["/body/launch_date"]),
                (bulk("approve", [id], body: "[]"), ["/body"]),
                (bulk("share", [id], body: #"{"method":"district"}"#), ["/action"]),
                (bulk("checklist", [id]), ["/action"]), (bulk("aprove", [id]), ["/action"]),
                (bulk("approve", []), ["/ids"]),
                (bulk("approve", [id, "nope"]), ["/ids/1"]), (#"{"action":"approve","ids":[7]}"#, ["/ids/0"]),
                (#"{"action":"approve"}"#, ["/ids"]), ("{}", ["/action", "/ids"]),
                (bulk("approve", [id], rest: #","max_affected":-1"#), ["/max_affected"]),
                (bulk("approve", [id], rest: #","max_afected":1"#), ["/max_afected"]),
                (bulk("approve", Array(repeating: id, count: 501)), ["/ids"]),
            ]
            for (body, offenders) in cases {
                expect(try await client.post("/v1/requests/bulk", body), is: 422, "invalid", at: offenders)
            }
            let suggestion = try await client.post("/v1/requests/bulk", bulk("aprove", [id]))
            #expect(suggestion.offence("/action")?.hasSuffix("did you mean approve?") == true)
            let second = try await test.create("sso", cleverID: "d2")
            let many = bulk("approve", [id, second, id], rest: #","max_affected":1"#)
            expect(try await client.post("/v1/requests/bulk", many), is: 422, "max_affected_exceeded")
            #expect(try await client.get("/v1/requests?state=pending").data.count == 2)
            let enough = try await client.post(
                "/v1/requests/bulk", bulk("approve", [id, second, id], rest: #","max_affected":100000"#))
            #expect(results(enough).count == 2)
            expect(try await test.client(.submitter).post("/v1/requests/bulk", "{}"), is: 403, "forbidden")
            expect(try await client.get("/v1/requests/bulk"), is: 405, "method_not_allowed")
        }
    }

    @Test(
        "requests of one district come one after the other: approval takes SSO first, all else keeps the order of the ids"
    )
    func districtOrder() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            var pairs: [(sso: String, rostering: String)] = []
            for number in 0..<12 {
                let rostering = try await test.create("rostering", cleverID: "d\(number)")
                pairs.append((try await test.create("sso", cleverID: "d\(number)"), rostering))
            }
            let asked = bulk("approve", pairs.flatMap { [$0.rostering, $0.sso] })
            let dry = try await client.post("/v1/requests/bulk?dry_run=true", asked)
            #expect(results(dry).allSatisfy { $0["status"]?.integer == 200 }, "\(dry.text)")
            #expect(dry["would_send"]?.array?.count == 24)
            #expect(try await client.get("/v1/requests?state=approved").data.isEmpty, "a dry run stores nothing")
            let answer = try await client.post("/v1/requests/bulk", asked)
            #expect(results(answer).allSatisfy { $0["status"]?.integer == 200 }, "\(answer.text)")
            #expect(results(answer).compactMap { $0["id"]?.string } == pairs.flatMap { [$0.rostering, $0.sso] })
            #expect(try await test.auditFault() == nil)
        }
    }

    @Test("a refused input leaves the key free, a finished call is replayed, and one that broke off does only the rest")
    func idempotency() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let key = ["Idempotency-Key": "bulk-1"]
            let first = try await test.create("sso")
            let second = try await test.create("sso", cleverID: "d2")
            let body = bulk("decline", [first, second], body: #"{"reason":"no"}"#)
            expect(try await client.post("/v1/requests/bulk", bulk("decline", [first]), key), is: 422, "invalid")
            let answer = try await client.post("/v1/requests/bulk", body, key)
            #expect(results(answer).compactMap { $0["status"]?.integer } == [200, 200], "\(answer.text)")
            // As if the process had died between the first request's commit and the second's.
            try await test.sql(
                "UPDATE idempotency_key SET status = NULL, headers = NULL, body = NULL WHERE key = 'bulk-1'")
            let gone = try #require(Identifier.parse(second))
            try await test.sql("DELETE FROM idempotency_result WHERE key = 'bulk-1' AND item = \(gone)")
            let resumed = try await client.post("/v1/requests/bulk", body, key)
            #expect(resumed.headerFields["idempotency-replayed"] == nil)
            try #require(results(resumed).count == 2, "\(resumed.text)")
            #expect(results(resumed)[0] == results(answer)[0])
            #expect(results(resumed)[1]["code"]?.string == "transition_not_allowed", "the rest was run again")
            let replayed = try await client.post("/v1/requests/bulk", body, key)
            #expect(replayed.json == resumed.json && replayed.headerFields["idempotency-replayed"] == "true")
            expect(
                try await client.post("/v1/requests/bulk", bulk("decline", [first], body: #"{"reason":"no"}"#), key),
                is: 422, "idempotency_key_reused")
            #expect(try await test.mails().filter { $0.hasPrefix("declined") }.count == 2)
        }
    }

    @Test("two calls with one key at once do each request once")
    func twoAtOnce() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            var ids: [String] = []
            for number in 0..<20 { ids.append(try await test.create("sso", cleverID: "d\(number)")) }
            let body = bulk("approve", ids)
            let answers = try await withThrowingTaskGroup(of: TestClient.Answer.self) { group in
                for _ in 0..<6 {
                    group.addTask { try await client.post("/v1/requests/bulk", body, ["Idempotency-Key": "one"]) }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for answer in answers where answer.status != 200 { expect(answer, is: 409, "idempotency_in_progress") }
            let done = answers.filter { $0.status == 200 }
            #expect(!done.isEmpty && done.allSatisfy { results($0).allSatisfy { $0["status"]?.integer == 200 } })
            #expect(Set(done.map(\.text)).count == 1)
            #expect(try await test.mails().filter { $0.hasPrefix("approved") }.count == 20)
        }
    }

    @Test(
        "while a call runs on one instance its key is in progress on every other, and free when that instance is gone")
    func instances() async throws {
        try await TestApplication.run { test in
            let ids = [try await test.create("sso"), try await test.create("sso", cleverID: "d2")]
            let body = bulk("decline", ids, body: #"{"reason":"no"}"#)
            let key = ["Idempotency-Key": "one"]
            let client = test.client()
            let other = try test.twin()
            let server = try Listening.server(other)
            let there = TestClient(port: Int(try await server.start()[0].port ?? 0), token: client.token)
            // Holds up the second district, so the call on the other instance stands in its middle.
            let district = try await client.get("/v1/requests/\(ids[1])")["district", "id"]?.string ?? ""
            let districtID = try #require(Identifier.parse(district))
            let gate = Gate()
            let blocker = Task {
                try await test.application.database.transaction("block") { transaction in
                    _ = try await transaction.query(
                        Query("block", "SELECT 1 FROM district WHERE id = \(districtID) FOR UPDATE"))
                    gate.isShut.withLock { $0 = true }
                    while gate.isShut.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(2)) }
                }
            }
            while !gate.isShut.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(2)) }
            let running = Task { try await there.post("/v1/requests/bulk", body, key) }
            while try await test.sql("SELECT FROM idempotency_result").isEmpty {}
            for _ in 0..<2 {
                expect(try await client.post("/v1/requests/bulk", body, key), is: 409, "idempotency_in_progress")
                expect(try await there.post("/v1/requests/bulk", body, key), is: 409, "idempotency_in_progress")
            }
            // Another change with the key is told the same; a dry run takes no key, and another key is another call.
            expect(
                try await client.post("/v1/requests/\(ids[0])/approve", "{}", key), is: 409, "idempotency_in_progress")
            let free = bulk("decline", [ids[0]], body: #"{"reason":"no"}"#)
            #expect(try await client.post("/v1/requests/bulk?dry_run=true", free, key).status == 200)
            #expect(try await client.post("/v1/requests/bulk", free, ["Idempotency-Key": "two"]).status == 200)
            // The instance goes, as in a crash: its connections end, and with them what it held.
            await other.database.close()
            #expect(try await running.value.status == 503)
            gate.isShut.withLock { $0 = false }
            try await blocker.value
            var resumed = try await client.post("/v1/requests/bulk", body, key)
            while resumed.status == 409 { resumed = try await client.post("/v1/requests/bulk", body, key) }
            #expect(results(resumed).compactMap { $0["status"]?.integer } == [200, 200], "\(resumed.text)")
            #expect(resumed.headerFields["idempotency-replayed"] == nil)
            let replayed = try await client.post("/v1/requests/bulk", body, key)
            #expect(replayed.json == resumed.json && replayed.headerFields["idempotency-replayed"] == "true")
            #expect(try await test.mails().filter { $0.hasPrefix("declined") }.count == 2)
            await server.stop(deadline: .seconds(2))
        }
    }

    private final class Gate: Sendable {
        let isShut = Mutex(false)
    }
}
