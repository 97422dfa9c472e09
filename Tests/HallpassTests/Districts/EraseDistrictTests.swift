import Postgres
import Testing

@testable import Hallpass

@Suite("DELETE /v1/districts/{id}")
struct EraseDistrictTests {
    /// Every place in the database where a word is left, as `table: count`; bytes are looked through too.
    private func places(of word: String, _ test: TestApplication) async throws -> [String] {
        let tables = try await test.sql("SELECT relname::text FROM pg_stat_user_tables ORDER BY relname")
        let hex = word.utf8.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        var found: [String] = []
        for row in tables {
            let table = try row.get(0, as: String.self)
            let count = try await test.sql(
                SQL(
                    raw:
                        "SELECT count(*) FROM \"\(table)\" t WHERE t::text ILIKE '%\(word)%' OR t::text LIKE '%\(hex)%'"
                ))
            let number = try count[0].get(0, as: Int.self)
            if number > 0 { found.append("\(table): \(number)") }
        }
        return found
    }

    private func fill(_ test: TestApplication) async throws -> String {
        let client = test.client()
        let body =
            #"{"kind":"sso","district":{"clever_id":"gone-1","name":"Erasmus District","state":"CA"},"requester":{"name":"Erika Muster","email":"erika@gone.example"},"message":"Erika asks"}"#
        let sso = try await client.post("/v1/requests", body, ["Idempotency-Key": "create"])
        #expect(sso.status == 201, "\(sso.text)")
        let wish = Callback.wish(
            "created", "rostering", id: "ext-gone", district: "gone-1", email: "erika@gone.example")
        #expect(try await test.callback(wish.body, id: "wh-gone").status == 200)
        _ = try await test.callback(
            Callback.wish("created", "rostering", id: "ext-later", district: "gone-1").body, id: "wh-parked")
        let district = sso["district", "id"]?.string ?? ""
        _ = try await client.patch(
            "/v1/districts/\(district)", #"{"license":{"seats":5,"licensed_teachers":["t-gone"]}}"#)
        _ = try await client.post("/v1/districts/\(district)/approve", "{}", ["Idempotency-Key": "approve"])
        let ids = try await client.get("/v1/requests?district_id=\(district)").ids
        for id in ids {
            _ = try await client.post("/v1/requests/\(id)/share", #"{"method":"sections","rules":["rule-gone"]}"#)
            let lines =
                #"{"type":"section","id":"s1","teachers":["t-gone"],"students":["u-gone"]}"# + "\n"
                + #"{"type":"teacher","id":"t2","email":"erika@gone.example"}"#
            let upload = try await client.send(
                "PUT", "/v1/requests/\(id)/shared-data", ["Content-Type": "application/x-ndjson"], Array(lines.utf8))
            #expect(upload.status == 200, "\(upload.text)")
        }
        let list = ids.map { "\"\($0)\"" }.joined(separator: ",")
        _ = try await client.post(
            "/v1/requests/bulk", #"{"action":"reschedule","ids":[\#(list)],"body":{"launch_date":null}}"#,
            ["Idempotency-Key": "bulk"])
        try await test.deliverMail()
        _ = try await client.post("/v1/requests/\(ids[0])/disconnect", #"{"reason":"Erika left"}"#)
        _ = try await client.post("/v1/requests/\(ids[1])/reopen", #"{"reason":"Erika left"}"#)
        return district
    }

    @Test(
        "takes the district and all personal data about it, keeps what the audit trail and duplicates need, and verifies"
    )
    func erases() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let other = try await test.request("sso", in: "approved", cleverID: "stays")
            let district = try await fill(test)
            let path = "/v1/districts/\(district)"
            let queued = try await client.get("/v1/emails?status=queued").data.count
            let entries = try await client.get("/v1/audit?limit=500").data
            expect(try await test.client(.manager).delete(path), is: 403, "forbidden")
            expect(try await client.delete("/v1/districts/\(TestApplication.unknownID)"), is: 404, "not_found")
            expect(try await client.delete(path, ["If-Match": "\"99\""]), is: 412, "stale_version")
            expect(try await client.delete(path + "?colour=1"), is: 422, "invalid", at: ["?colour"])
            let dry = try await client.delete(path + "?dry_run=true")
            #expect(dry.status == 200 && dry["would_send"] == .array([]))
            #expect(try await client.get(path).status == 200)
            for word in ["erika", "gone-1", "Erasmus", "t-gone"] {
                #expect(try await !places(of: word, test).isEmpty, "\(word)")
            }

            let erased = try await client.delete(path)
            #expect(erased.status == 204 && erased.body.isEmpty)
            for word in [
                "erika", "Erika Muster", "gone-1", "Erasmus", "t-gone", "u-gone", "rule-gone", "ext-gone",
            ] {
                #expect(try await places(of: word, test) == [], "\(word) is left")
            }
            expect(try await client.get(path), is: 404, "not_found")
            expect(try await client.delete(path), is: 404, "not_found")
            #expect(try await client.get("/v1/requests").ids == [other])
            #expect(try await client.get("/v1/emails?status=queued").data.count < queued || queued == 0)
            let delivered = test.mailbox.delivered.count
            try await test.deliverMail()
            #expect(test.mailbox.delivered.dropFirst(delivered).allSatisfy { !$0.recipient.contains("gone") })

            let after = try await client.get("/v1/audit?limit=500").data
            #expect(after.count == entries.count + 1 && after[0]["action"]?.string == "district.erase")
            for (old, new) in zip(entries, after.dropFirst()) {
                for member in ["id", "at", "actor", "action", "hash"] { #expect(old[member] == new[member]) }
                let isErased = old["district_id"]?.string == district
                for member in ["before", "after", "request_id", "district_id", "http_request_id", "actor_role"]
                where isErased {
                    #expect(new[member] == .null, "\(member)")
                }
                if !isErased { #expect(old == new) }
            }
            #expect(try await test.auditFault() == nil)

            // A callback that comes again is still a duplicate, and what was parked is not applied.
            let again = try await test.callback(
                Callback.wish("created", "rostering", id: "ext-gone", district: "gone-1", email: "erika@gone.example")
                    .body, id: "wh-gone")
            #expect(again["status"]?.string == "duplicate")
            #expect(try await client.get("/v1/webhook-deliveries?status=parked").data.isEmpty)
            let fresh = try await client.post("/v1/requests", TestApplication.ask("sso", cleverID: "gone-1"))
            #expect(fresh.status == 201 && fresh["attempt"]?.integer == 1)
            #expect(try await client.get("/v1/requests?kind=rostering").data.isEmpty)
        }
    }
}
