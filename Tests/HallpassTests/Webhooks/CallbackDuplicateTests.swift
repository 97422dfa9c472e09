import Foundation
import Testing

@testable import Hallpass

@Suite("Callbacks that come again")
struct CallbackDuplicateTests {
    @Test("the same id with the same bytes is a duplicate for good, and changes nothing")
    func duplicate() async throws {
        try await TestApplication.run { test in
            let body = Callback.wish("created", "sso", id: "i1").body
            let first = try await test.deliver(body, id: "m1")
            #expect(first.status == 200 && first["status"]?.string == "processed")
            #expect(first["first_status"] == nil)
            let version = try await test.request("sso")[path: "version"]
            let audits = try await test.count("audit_entry")
            test.clock.advance(seconds: 400 * 86_400)
            let again = try await test.deliver(body, id: "m1")
            #expect(again.status == 200 && again["status"]?.string == "duplicate")
            #expect(again["first_status"]?.string == "processed")
            #expect(again["delivery_id"] == first["delivery_id"])
            #expect(try await test.count("webhook_delivery") == 1)
            #expect(try await test.count("audit_entry") == audits)
            #expect(try await test.mails() == ["new_request amy@vendor.example"])
            #expect(try await test.request("sso")[path: "version"] == version)
        }
    }

    @Test("the same id with other bytes is 409, kept as a conflict, and the first still counts")
    func conflict() async throws {
        try await TestApplication.run { test in
            let body = Callback.wish("created", "sso", id: "i1").body
            let other = Callback.wish("created", "rostering", id: "i2").body
            let first = try await test.deliver(body, id: "m1")
            let conflict = try await test.deliver(other, id: "m1")
            #expect(conflict.status == 409 && conflict.code == "webhook_id_conflict")
            #expect(try await test.requests().count == 1)
            let id = conflict["delivery_id"]?.string ?? ""
            #expect(id != first["delivery_id"]?.string)
            let kept = try await test.client(.viewer).get("/v1/webhook-deliveries/\(id)")
            #expect(kept["status"]?.string == "conflict" && kept["webhook_id"]?.string == "m1")
            #expect(kept["detail"]?.string?.isEmpty == false && kept["processed_at"]?.string != nil)
            #expect(try await test.client(.viewer).get("/v1/webhook-deliveries/\(id)/payload").body == other)
            #expect(try await test.deliver(body, id: "m1")["status"]?.string == "duplicate")
            #expect(try await test.deliver(body + [0x0A], id: "m1").status == 409)
            let replay = try await test.client().post("/v1/webhook-deliveries/\(id)/replay")
            #expect(replay.status == 409 && replay.code == "delivery_not_replayable")
            #expect(try await test.requests().count == 1)
        }
    }

    @Test("100 identical ones at once have one effect, and all are answered")
    func atOnce() async throws {
        try await TestApplication.run { test in
            let body = Callback.wish("created", "sso", id: "i1").body
            let answers = try await withThrowingTaskGroup(of: TestClient.Answer.self) { group in
                for _ in 0..<100 { group.addTask { try await test.deliver(body, id: "m1") } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.allSatisfy { $0.status == 200 })
            #expect(answers.filter { $0["status"]?.string == "processed" }.count == 1)
            #expect(answers.filter { $0["status"]?.string == "duplicate" }.count == 99)
            #expect(Set(answers.compactMap { $0["delivery_id"]?.string }).count == 1)
            #expect(try await test.count("request") == 1)
            #expect(try await test.count("webhook_delivery") == 1)
            #expect(try await test.mails() == ["new_request amy@vendor.example"])
        }
    }

    @Test("the same event under many ids at once makes one request, and the others are superseded")
    func sameEventAtOnce() async throws {
        try await TestApplication.run { test in
            let body = Callback.wish("created", "sso", id: "i1").body
            let statuses = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<20 { group.addTask { try await test.deliver(body)["status"]?.string ?? "" } }
                return try await group.reduce(into: [String: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(statuses == ["processed": 1, "superseded": 19])
            #expect(try await test.count("request") == 1)
        }
    }

    @Test("a duplicate of one that was rejected, ignored, parked or superseded says so, and is not applied either")
    func ofOthers() async throws {
        try await TestApplication.run { test in
            let unknown = Callback(type: "sections.created", object: "{}")
            let parked = Callback.sharing("created", "sso")
            _ = try await test.deliver(Array("[]".utf8), id: "rejected")
            try await test.send(unknown, id: "ignored")
            try await test.send(parked, id: "parked")
            try await test.send(Callback.deleted("i9"), id: "x")
            let old = Callback.wish("created", "sso", id: "i9", district: "d9").at("2026-11-23T16:00:00Z")
            #expect(try await test.send(old, id: "superseded") == "superseded")
            let bodies = [
                "rejected": Array("[]".utf8), "ignored": unknown.body, "parked": parked.body, "superseded": old.body,
            ]
            for (id, body) in bodies {
                let answer = try await test.deliver(body, id: id)
                #expect(answer.status == 200 && answer["status"]?.string == "duplicate", "\(id)")
                #expect(answer["first_status"]?.string == id)
            }
            #expect(try await test.count("webhook_delivery") == 5)
            #expect(try await test.count("request") == 0)
        }
    }

    @Test("a gzipped body is signed as sent, applied inflated, and given back as sent")
    func gzip() async throws {
        try await TestApplication.run { test in
            let plain = Callback.wish("created", "sso", id: "i1").body
            let packed = CallbackRefusalTests.gzip(plain)
            let fields = ["Content-Encoding": "gzip", "Content-Type": "application/json; charset=utf-8"]
            let answer = try await test.deliver(packed, id: "m1", fields: fields)
            #expect(answer["status"]?.string == "processed")
            #expect(try await test.state("sso") == "pending")
            let id = answer["delivery_id"]?.string ?? ""
            let payload = try await test.client(.viewer).get("/v1/webhook-deliveries/\(id)/payload")
            #expect(payload.body == packed)
            #expect(payload.headerFields["content-encoding"] == "gzip")
            #expect(payload.headerFields["content-type"] == "application/json; charset=utf-8")
            #expect(try await test.deliver(packed, id: "m1", fields: fields)["status"]?.string == "duplicate")
            #expect(try await test.deliver(plain, id: "m1").status == 409)

            let damaged = try await test.deliver(Array(packed.dropLast(9)), id: "m2", fields: fields)
            #expect(damaged.status == 400 && damaged.code == "malformed_json")
            #expect(try await test.delivery("m2")["status"]?.string == "rejected")
            let kept = try await test.delivery("m2")["id"]?.string ?? ""
            var client = test.client(.viewer)
            // The checker would inflate it.
            client.isDocumented = false
            #expect(
                try await client.get("/v1/webhook-deliveries/\(kept)/payload").body == Array(packed.dropLast(9)))
        }
    }
}
