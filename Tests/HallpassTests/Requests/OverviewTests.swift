import Postgres
import Testing

@testable import Hallpass

@Suite("At a glance: summary, timeline, next step")
struct OverviewTests {
    @Test("the summary counts every kind and state, zeros too, and says what is oldest, what launches, what went wrong")
    func summary() async throws {
        try await TestApplication.run { test in
            let client = test.client(.viewer)
            let empty = try await client.get("/v1/summary")
            for kind in ["sso", "rostering"] {
                guard case .object(let members)? = empty["counts", kind] else { Issue.record("no counts"); continue }
                #expect(members.map(\.name) == TestApplication.states && members.allSatisfy { $0.value.integer == 0 })
            }
            #expect(empty["oldest_undecided"] == .null && empty["launching"]?.text == #"{"7_days":0,"30_days":0}"#)
            #expect(
                empty["failed_emails"]?.integer == 0 && empty["parked_deliveries"]?.integer == 0
                    && empty["launching_not_configured"]?.integer == 0)
            for (index, state) in TestApplication.states.enumerated() {
                let date =
                    ["approved", "shared", "configured"].contains(state) ? "\"2026-11-\(27 + index % 3)\"" : "null"
                _ = try await test.request("sso", in: state, cleverID: "s\(index)", date: date)
            }
            _ = try await test.request("sso", in: "approved", cleverID: "far", date: #""2026-12-20""#)
            _ = try await test.request("sso", in: "approved", cleverID: "farther", date: #""2027-12-20""#)
            test.clock.advance(seconds: 90)
            _ = try await test.create("rostering", cleverID: "s0")
            _ = try await test.callback(Callback.sharing("created", "sso", district: "unknown").body, id: "parked")
            try await test.sql(
                "UPDATE email SET status = 'failed', next_attempt_at = NULL WHERE id = (SELECT id FROM email LIMIT 1)")
            let summary = try await client.get("/v1/summary")
            for state in TestApplication.states {
                #expect(summary["counts", "sso", state]?.integer == (state == "approved" ? 3 : 1), "\(state)")
            }
            #expect(summary["counts", "rostering", "pending"]?.integer == 1)
            #expect(summary["oldest_undecided", "age_seconds"]?.integer == 90)
            let oldest = try await client.get("/v1/requests?state=pending,needs_info&sort=created_at&limit=1").ids
            #expect([summary["oldest_undecided", "id"]?.string] == oldest)
            #expect(summary["launching"]?.text == #"{"7_days":3,"30_days":4}"#)
            #expect(summary["launching_not_configured"]?.integer == 3)
            #expect(summary["failed_emails"]?.integer == 1 && summary["parked_deliveries"]?.integer == 1)
            expect(try await client.get("/v1/summary?kind=sso"), is: 422, "invalid", at: ["?kind"])
        }
    }

    @Test("the timeline tells everything, oldest first, in types and words, with the mail server's reply")
    func timeline() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            _ = try await test.callback(Callback.wish("created", "sso", id: "x1").body, id: "w1")
            let id = try await client.get("/v1/requests").ids[0]
            for (action, body) in [
                ("request-info", #"{"message":"Which schools?"}"#), ("provide-info", #"{"message":"All of them."}"#),
                ("reschedule", #"{"launch_date":"2026-12-01","reason":"They asked."}"#),
                ("approve", #"{"message":"Hi"}"#),
                ("share", #"{"method":"district"}"#), ("launch", "{}"), ("configure", #"{"complete_checklist":true}"#),
            ] {
                test.clock.advance(seconds: 10)
                #expect(try await client.post("/v1/requests/\(id)/\(action)", body).status == 200, "\(action)")
            }
            try await test.deliverMail()
            let entries = try await client.get("/v1/requests/\(id)/timeline?limit=500").data
            let times = entries.compactMap { $0["at"]?.string }
            #expect(times == times.sorted() && times.count == entries.count)
            #expect(
                Set(entries.compactMap { $0["type"]?.string }) == [
                    "callback", "decision", "sharing", "launch", "email", "note",
                ])
            let texts = entries.compactMap { $0["text"]?.string }
            for text in [
                "Which schools?", "All of them.", "They asked.", "admin approved it", "admin launched it",
                "admin configured it",
            ] {
                #expect(texts.contains { $0.contains(text) }, "\(text)")
            }
            #expect(
                entries.compactMap { $0["actor"]?.string }.contains { $0.hasPrefix("webhook:") }
                    && entries.contains { $0["actor"]?.string == "admin" })
            let mail = try #require(
                entries.first { $0["type"]?.string == "email" && $0["data"]?["template"]?.string == "approved" })
            #expect(mail["data"]?["status"]?.string == "sent")
            #expect(mail["data"]?["attempts"]?.array?.first?["reply"]?.string == "250 2.0.0 Ok: queued")
            #expect(mail["data"]?["attempts"]?.array?.first?["code"]?.integer == 250)
            var paged: [JSONValue] = []
            var target = "/v1/requests/\(id)/timeline?limit=3"
            while true {
                let page = try await client.get(target)
                paged += page.data
                guard let link = page.headerFields["link"] else { break }
                target = String(link.dropFirst().prefix { $0 != ">" })
            }
            #expect(paged == entries)
            expect(try await client.get("/v1/requests/nope/timeline"), is: 404, "not_found")
        }
    }

    @Test("the next step says what happens next and who has to do it")
    func nextStep() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            func step(_ id: String) async throws -> String {
                let step = try await client.get("/v1/requests/\(id)")["next_step"]
                return "\(step?["owner"]?.string ?? "?"): \(step?["text"]?.string ?? "?")"
            }
            let expected = [
                "pending": "vendor: Approve or decline the request.",
                "needs_info": "district: Answer the vendor's question",
                "approved": "district: Complete Clever's sharing wizard for SSO",
                "shared": "vendor: Review the shared data and configure",
                "configured": "none: Nothing to do: users can log in.", "declined": "none: Declined.",
                "withdrawn": "none: Withdrawn.",
                "disconnected": "none: Disconnected.",
            ]
            for state in TestApplication.states {
                let id = try await test.request("sso", in: state, cleverID: "n-\(state)")
                let text = try await step(id)
                #expect(text.hasPrefix(expected[state] ?? "?"), "\(text)")
                let listed = try await client.get("/v1/requests?state=\(state)").data.first { $0["id"]?.string == id }
                #expect(listed == (try await client.get("/v1/requests/\(id)").json), "the list shows the same")
            }
            let rostering = try await test.create("rostering", cleverID: "pair", date: #""2026-12-01""#)
            #expect(
                try await step(rostering)
                    == "district: Ask for SSO too: rostering needs it. Both can then be approved at once.")
            let sso = try await test.create("sso", cleverID: "pair")
            #expect(try await step(rostering) == "vendor: Approve the SSO request first, or both at once.")
            #expect(
                try await step(sso)
                    == "vendor: Approve or decline; rostering waits too, and both can be approved at once.")
            _ = try await client.post("/v1/requests/\(sso)/approve")
            test.clock.set("2026-12-02T12:00:00.000Z")
            #expect(try await step(rostering).hasPrefix("vendor: The launch date 2026-12-01 has passed"))
            _ = try await client.post("/v1/requests/\(rostering)/approve", #"{"launch_date":"2026-12-24"}"#)
            _ = try await client.post("/v1/requests/\(rostering)/share", #"{"method":"district"}"#)
            for item in ["data_reviewed", "license_confirmed", "sharing_matches_sso", "import_enabled"] {
                _ = try await client.put("/v1/requests/\(rostering)/checklist/\(item)", #"{"status":"done"}"#)
            }
            #expect(
                try await step(rostering)
                    == "vendor: Configure the account: the checklist is complete. It launches on 2026-12-24.")
            _ = try await client.post("/v1/requests/\(rostering)/configure")
            #expect(try await step(rostering) == "none: Nothing to do: it launches on 2026-12-24.")
            _ = try await client.post("/v1/requests/\(sso)/disconnect", #"{"reason":"x"}"#)
            #expect(try await step(rostering).hasPrefix("vendor: SSO is no longer approved"))
        }
    }
}
