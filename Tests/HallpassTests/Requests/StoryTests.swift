import Foundation
import Testing

@testable import Hallpass

@Suite("The story, over HTTP")
struct StoryTests {
    @Test("from two requests to teachers who can import, with both e-mails")
    func wholeStory() async throws {
        try await TestApplication.run { test in
            let client = test.client(.manager)
            let sso = try await test.create("sso")
            let rostering = try await test.create("rostering")
            let district = try await client.get("/v1/requests/\(sso)")["district", "id"]?.string ?? ""
            #expect(try await client.get("/v1/requests/\(rostering)")["awaiting"]?.string == "sso")

            let approved = try await client.post("/v1/districts/\(district)/approve")
            #expect(approved.status == 200)
            #expect(approved["requests"]?.array?.compactMap { $0["state"]?.string } == ["approved", "approved"])
            #expect(try await test.mails().filter { $0.hasPrefix("approved") } == ["approved lee@demo.k12.ca.us"])

            for id in [sso, rostering] {
                let shared = try await client.post("/v1/requests/\(id)/share", #"{"method":"sections","rules":["s1"]}"#)
                #expect(shared["badge", "label"]?.string == "Launched")
                let upload = try await client.send(
                    "PUT", "/v1/requests/\(id)/shared-data", ["Content-Type": "application/x-ndjson"],
                    Array(#"{"type":"section","id":"s1","teachers":["t1"],"students":["u1"]}"#.utf8))
                #expect(upload.status == 200)
            }
            let before = try await client.get("/v1/districts/\(district)/teachers/t1/access")
            #expect(before["can_log_in"] == .bool(true))
            #expect(before["can_import_roster"] == .bool(false))
            #expect(before["reasons", "0", "code"]?.string == "rostering_not_configured")

            let early = try await client.post("/v1/requests/\(rostering)/configure")
            #expect(early.status == 409 && early.code == "checklist_incomplete")
            #expect(early["open_items"]?.array?.count == 4)
            let configured = try await client.post(
                "/v1/requests/\(rostering)/configure", #"{"complete_checklist":true}"#)
            #expect(configured["state"]?.string == "configured")
            let after = try await client.get("/v1/districts/\(district)/teachers/t1/access")
            #expect(after["can_import_roster"] == .bool(true))

            try await test.deliverMail()
            let texts = test.mailbox.delivered.filter { $0.recipient == "lee@demo.k12.ca.us" }.map(\.text)
            #expect(texts.count == 2)
            #expect(texts.contains { $0.contains("Subject: Teachers can now import rosters") })
        }
    }

    @Test("a launch waits for local midnight, happens once, and the badge tells so")
    func launch() async throws {
        try await TestApplication.run(at: "2026-11-23T18:00:00.000Z") { test in
            let client = test.client()
            let id = try await test.create("sso", date: #""2026-12-01""#)
            _ = try await client.post("/v1/requests/\(id)/approve")
            let shared = try await client.post("/v1/requests/\(id)/share", #"{"method":"district"}"#)
            #expect(shared["badge", "label"]?.string == "Launch Date: 12/01/26")
            #expect(shared["badge", "color"]?.string == "yellow")
            #expect(shared["launch", "at"]?.string == "2026-12-01T08:00:00.000Z")
            test.clock.set("2026-12-01T07:59:59.999Z")
            _ = try await test.launches.turn()
            #expect(try await client.get("/v1/requests/\(id)")["launch", "status"]?.string == "scheduled")
            test.clock.set("2026-12-01T08:00:00.000Z")
            async let first = test.launches.turn()
            async let second = test.launches.turn()
            _ = try await (first, second)
            let launched = try await client.get("/v1/requests/\(id)")
            #expect(launched["badge", "label"]?.string == "Launched")
            #expect(launched["version"]?.integer == (shared["version"]?.integer ?? 0) + 1)
            let entries = try await client.get("/v1/audit?action=request.launch&request_id=\(id)")
            #expect(entries["data"]?.array?.count == 1)
            #expect(try await VerifyAudit.run(test.application.database).fault == nil)
        }
    }
}
