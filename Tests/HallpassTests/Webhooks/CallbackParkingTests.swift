import Foundation
import Postgres
import Testing

@testable import Hallpass

@Suite("Requests that wait for another to end")
struct CallbackParkingTests {
    @Test("another id while one is open is parked, and applied by itself when that ends by REST")
    func parked() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            #expect(try await test.send(.wish("created", "sso", id: "i2"), id: "m2") == "parked")
            let parked = try await test.delivery("m2")
            #expect(parked["processed_at"] == .null && parked["detail"]?.string?.isEmpty == false)
            #expect(try await test.client(.viewer).get("/v1/summary")["parked_deliveries"]?.integer == 1)
            #expect(try await test.requests().count == 1)
            let answer = try await test.act("decline", "sso", #"{"reason":"Twice"}"#)
            #expect(answer.status == 200 && answer["state"]?.string == "declined")
            let next = try await test.request("sso")
            #expect(next["external_id"]?.string == "i2" && next["attempt"]?.integer == 2)
            #expect(next["state"]?.string == "pending" && next["source"]?.string == "webhook")
            let applied = try await test.delivery("m2")
            #expect(applied["status"]?.string == "processed" && applied["request_id"] == next["id"])
            #expect(applied["processed_at"]?.string == "2026-11-23T18:00:00.000Z")
            let audit = try await test.client(.viewer).get("/v1/audit?action=request.create")
            #expect(audit["data", "0", "actor"]?.string == "webhook:\(applied["id"]?.string ?? "")")
            #expect(
                try await test.mails() == [
                    "new_request amy@vendor.example", "declined lee@demo.k12.ca.us", "new_request amy@vendor.example",
                ])
            #expect(try await VerifyAudit.run(test.application.database).fault == nil)
        }
    }

    @Test("of several parked ones the latest is applied, whatever the order they came in, and the others superseded")
    func latest() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            let minutes = ["m3": 3, "m5": 5, "m4": 4]
            for id in ["m3", "m5", "m4"] {
                let wish = Callback.wish("created", "sso", id: "i-\(id)").at("2026-11-23T17:0\(minutes[id] ?? 0):00Z")
                #expect(try await test.send(wish, id: id) == "parked")
            }
            #expect(try await test.send(.wish("created", "rostering", id: "r1")) == "processed")
            #expect(try await test.send(.wish("created", "rostering", id: "r2"), id: "r") == "parked")
            #expect(try await test.send(Callback.deleted("i1").at("2026-11-23T17:30:00Z")) == "processed")
            #expect(try await test.request("sso")["external_id"]?.string == "i-m5")
            let statuses = try await test.deliveryStatuses()
            #expect(
                ["m3", "m4", "m5", "r"].map { statuses[$0] } == ["superseded", "superseded", "processed", "parked"])
            #expect(try await test.requests().count == 3)
        }
    }

    @Test("an update of one that is parked takes its place, and its deletion takes it out")
    func updatedAndDeleted() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            try await test.send(.wish("created", "sso", id: "i2"), id: "c2")
            let update = Callback.wish("updated", "sso", id: "i2", message: #""New""#).at("2026-11-23T17:05:00Z")
            #expect(try await test.send(update, id: "u2") == "parked")
            try await test.act("withdraw", "sso")
            #expect(try await test.request("sso")["message"]?.string == "New")
            #expect(try await test.deliveryStatuses()["c2"] == "superseded")

            #expect(try await test.send(.wish("created", "sso", id: "i3"), id: "c3") == "parked")
            #expect(try await test.send(Callback.deleted("i3").at("2026-11-23T17:06:00Z"), id: "x3") == "processed")
            #expect(try await test.deliveryStatuses()["c3"] == "superseded")
            try await test.act("withdraw", "sso")
            #expect(try await test.state("sso") == "withdrawn")
            #expect(try await test.requests().count == 2)
        }
    }

    @Test("one whose id was meanwhile used for another district does not stand in the way of the change")
    func usedElsewhere() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            #expect(try await test.send(.wish("created", "sso", id: "i2"), id: "c2") == "parked")
            let elsewhere = Callback.wish("created", "sso", id: "i2", district: "d2")
            #expect(try await test.send(elsewhere.at("2026-11-23T16:00:00Z")) == "processed")
            #expect(try await test.act("withdraw", "sso").status == 200)
            #expect(try await test.state("sso") == "withdrawn")
            #expect(try await test.deliveryStatuses()["c2"] == "superseded")
            #expect(try await test.state("sso", "d2") == "pending")
        }
    }

    @Test("one that was deleted in the meantime, before its district was told, is superseded when its turn comes")
    func clock() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            #expect(try await test.send(.wish("created", "sso", id: "i2"), id: "c2") == "parked")
            try await test.sql(
                """
                INSERT INTO callback_clock (subject, created, deleted)
                VALUES ('request:i2', '2026-11-23T17:00:00.001Z', true)
                """)
            #expect(try await test.act("withdraw", "sso").status == 200)
            #expect(try await test.deliveryStatuses()["c2"] == "superseded")
            #expect(try await test.requests().count == 1)
        }
    }

    @Test("what has become impossible while it was parked is rejected, and the change that set it off goes on")
    func impossible() async throws {
        try await TestApplication.run { test in
            let far = Callback.district(#","name":"Demo","launch_date":"2029-01-01""#)
            #expect(try await test.send(far, id: "far") == "parked")
            let create = try await test.client().post("/v1/requests", TestApplication.ask("sso"))
            #expect(create.status == 201)
            let delivery = try await test.delivery("far")
            #expect(delivery["status"]?.string == "rejected")
            #expect(delivery["detail"]?.string?.contains("two years") == true)
            #expect(try await test.request("sso")[path: "district.name"]?.string == "District d1")
        }
    }

    @Test("bytes that can no longer be read stay parked, and do not stand in the way")
    func unreadable() async throws {
        try await TestApplication.run { test in
            #expect(try await test.send(.sharing("created", "sso"), id: "s1") == "parked")
            #expect(try await test.send(.sharing("created", "sso"), id: "s2") == "parked")
            try await test.sql("UPDATE webhook_delivery SET body = NULL WHERE webhook_id = 's1'")
            try await test.sql("UPDATE webhook_delivery SET body = '\\x0102'::bytea WHERE webhook_id = 's2'")
            try await test.send(.wish("created", "sso", id: "i1"))
            #expect(try await test.act("approve", "sso").status == 200)
            #expect(try await test.state("sso") == "approved")
            let statuses = try await test.deliveryStatuses()
            #expect(statuses["s1"] == "parked" && statuses["s2"] == "parked")
        }
    }
}
