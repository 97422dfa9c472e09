import Foundation
import Postgres
import Testing

@testable import Hallpass

@Suite("Replaying a delivery")
struct ReplayDeliveryTests {
    static func replay(
        _ webhookID: String, _ test: TestApplication, as role: Role = .admin, query: String = "",
        fields: [String: String] = [:]
    ) async throws -> TestClient.Answer {
        let id = try await test.delivery(webhookID)["id"]?.string ?? ""
        return try await test.client(role).post("/v1/webhook-deliveries/\(id)/replay\(query)", nil, fields)
    }

    @Test("one that was processed is a duplicate, counted and audited, and changes nothing")
    func processed() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"), id: "m1")
            let before = try await test.request("sso")
            let answer = try await Self.replay("m1", test)
            #expect(answer.status == 200 && answer["status"]?.string == "duplicate")
            #expect(answer["delivery_id"] == (try await test.delivery("m1"))["id"])
            _ = try await Self.replay("m1", test)
            #expect(try await test.delivery("m1")["replays"]?.integer == 2)
            #expect(try await test.delivery("m1")["status"]?.string == "processed")
            #expect(try await test.request("sso") == before)
            #expect(try await test.mails().count == 1)
            let audit = try await test.client().get("/v1/audit?action=delivery.replay")
            #expect(audit["data"]?.array?.count == 2)
            #expect(audit["data", "0", "actor"]?.string == "admin")
            #expect(audit["data", "0", "after", "delivery_id"] == answer["delivery_id"])
            #expect(audit["data", "0", "after", "status"]?.string == "duplicate")
            #expect(try await VerifyAudit.run(test.application.database).fault == nil)
        }
    }

    @Test("one that is parked is tried again: parked still, or applied when it can be, as the delivery's own deed")
    func parked() async throws {
        try await TestApplication.run { test in
            try await test.send(.sharing("created", "sso"), id: "m1")
            let first = try await Self.replay("m1", test)
            #expect(first["status"]?.string == "parked")
            #expect(try await test.delivery("m1")["processed_at"] == .null)
            _ = try await test.create("sso")
            #expect(try await Self.replay("m1", test)["status"]?.string == "parked")
            // As if the approval had been written by hand, past the code that applies what is parked.
            try await test.sql("UPDATE request SET state = 'approved', decision_at = created_at")
            let dry = try await Self.replay("m1", test, query: "?dry_run=true")
            #expect(dry["status"]?.string == "processed")
            #expect(dry["would_send", "0", "template"]?.string == "setup_completed")
            #expect(try await test.state("sso") == "approved")
            let key = ["Idempotency-Key": "k1"]
            let answer = try await Self.replay("m1", test, fields: key)
            #expect(answer["status"]?.string == "processed")
            #expect(try await test.state("sso") == "shared")
            let again = try await Self.replay("m1", test, fields: key)
            #expect(again["status"]?.string == "processed" && again.headerFields["idempotency-replayed"] == "true")
            let delivery = try await test.delivery("m1")
            #expect(delivery["replays"]?.integer == 3 && delivery["status"]?.string == "processed")
            #expect(delivery["request_id"] == (try await test.request("sso"))["id"])
            let audit = try await test.client().get("/v1/audit?action=request.share")
            #expect(audit["data", "0", "actor"]?.string == "webhook:\(delivery["id"]?.string ?? "")")
            #expect(try await test.mails().filter { $0.hasPrefix("setup_completed") }.count == 1)
        }
    }

    @Test("rejected, superseded and ignored ones go through the same code as the first time")
    func others() async throws {
        try await TestApplication.run { test in
            _ = try await test.deliver(Array("{}".utf8), id: "rejected")
            try await test.send(Callback(type: "x.y", object: "{}"), id: "ignored")
            try await test.send(.wish("created", "sso", id: "i1"))
            try await test.send(.wish("created", "sso", id: "i1"), id: "superseded")
            for status in ["rejected", "ignored", "superseded"] {
                let answer = try await Self.replay(status, test)
                #expect(answer.status == 200 && answer["status"]?.string == status, "\(answer.text)")
                #expect(try await test.delivery(status)["replays"]?.integer == 1)
            }
            // One that an earlier version could not read.
            try await test.send(.wish("created", "rostering", id: "i2"), id: "m")
            let request = try await test.request("rostering")["id"]?.string ?? ""
            try await test.sql("DELETE FROM request WHERE id = \(UUID(uuidString: request) ?? UUID())")
            try await test.sql("DELETE FROM callback_clock WHERE subject = 'request:i2'")
            try await test.sql(
                "UPDATE webhook_delivery SET status = 'rejected', type = NULL, kind = NULL WHERE webhook_id = 'm'")
            #expect(try await Self.replay("m", test)["status"]?.string == "processed")
            #expect(try await test.state("rostering") == "pending")
            #expect(try await test.delivery("m")["type"]?.string == "integration_requests.created")
        }
    }

    @Test("is for admins; an unknown id is 404, and one whose bytes are gone 409")
    func refusals() async throws {
        try await TestApplication.run { test in
            try await test.send(.sharing("created", "sso"), id: "m1")
            for role in [Role.viewer, .submitter, .manager] {
                #expect(try await Self.replay("m1", test, as: role).status == 403)
            }
            let unknown = UUID().uuidString.lowercased()
            #expect(try await test.client().post("/v1/webhook-deliveries/\(unknown)/replay").status == 404)
            #expect(try await test.client().post("/v1/webhook-deliveries/x/replay").status == 404)
            let body = try await test.client().post("/v1/webhook-deliveries/x/replay", #"{"force":true}"#)
            #expect(body.status == 404)
            let id = try await test.delivery("m1")["id"]?.string ?? ""
            let member = try await test.client().post("/v1/webhook-deliveries/\(id)/replay", #"{"force":true}"#)
            #expect(member.status == 422)
            try await test.sql("UPDATE webhook_delivery SET body = NULL")
            let gone = try await Self.replay("m1", test)
            #expect(gone.status == 409 && gone.code == "delivery_not_replayable")
            #expect(gone["delivery_status"]?.string == "parked")
            #expect(try await test.delivery("m1")["replays"]?.integer == 0)
        }
    }

    @Test("20 replays at once of a parked one apply it once")
    func atOnce() async throws {
        try await TestApplication.run { test in
            try await test.send(.sharing("created", "sso"), id: "m1")
            _ = try await test.create("sso")
            try await test.sql("UPDATE request SET state = 'approved', decision_at = created_at")
            let statuses = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<20 {
                    group.addTask { try await Self.replay("m1", test)["status"]?.string ?? "" }
                }
                return try await group.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(statuses == ["processed": 1, "duplicate": 19])
            #expect(try await test.delivery("m1")["replays"]?.integer == 20)
            #expect(try await VerifyAudit.run(test.application.database).fault == nil)
        }
    }
}
