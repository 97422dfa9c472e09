import Foundation
import Testing

@testable import Hallpass

@Suite("sharing_permissions callbacks")
struct CallbackSharingTests {
    @Test("created completes the wizard of an approved request: shared, and launched or scheduled")
    func created() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            try await test.send(.wish("created", "rostering", id: "i2", date: #""2026-12-01""#))
            try await test.act("approve", "sso", #"{"with_pair":true}"#)
            let rules = #"["s1",{"b":2,"a":[1.50,null]},7]"#
            #expect(try await test.send(.sharing("created", "sso", rules: rules), id: "m") == "processed")
            let sso = try await test.request("sso")
            #expect(sso["state"]?.string == "shared" && sso[path: "launch.status"]?.string == "launched")
            #expect(sso[path: "badge.label"]?.string == "Launched" && sso[path: "badge.color"]?.string == "green")
            #expect(sso[path: "sharing.method"]?.string == "sections")
            #expect(sso[path: "sharing.source"]?.string == "webhook")
            #expect(sso[path: "sharing.rules"] == (try JSONParser.parse(Array(rules.utf8))))
            #expect(sso[path: "sharing.completed_at"]?.string == "2026-11-23T18:00:00.000Z")
            #expect(try await test.delivery("m")["request_id"] == sso["id"])

            let flat = Callback(
                type: "sharing_permissions.created",
                object: #"{"district":"d1","kind":"rostering","method":"rules","other":1}"#)
            #expect(try await test.send(flat) == "processed")
            let rostering = try await test.request("rostering")
            #expect(rostering[path: "launch.status"]?.string == "scheduled")
            #expect(rostering[path: "badge.label"]?.string == "Launch Date: 12/01/26")
            #expect(rostering[path: "sharing.rules"] == .null)
            #expect(try await test.mails().filter { $0 == "setup_completed amy@vendor.example" }.count == 2)
        }
    }

    @Test("when already shared, created acts as updated: new rules, no second mail, the launch as it was")
    func again() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            try await test.act("approve", "sso")
            try await test.act("share", "sso", #"{"method":"district"}"#)
            test.clock.advance(seconds: 60)
            let changed = Callback.sharing("created", "sso", rules: #"["s2"]"#)
            #expect(try await test.send(changed) == "processed")
            let sso = try await test.request("sso")
            #expect(sso[path: "sharing.rules.0"]?.string == "s2")
            #expect(sso[path: "sharing.source"]?.string == "webhook")
            #expect(sso[path: "sharing.completed_at"]?.string == "2026-11-23T18:00:00.000Z")
            #expect(sso[path: "launch.launched_at"]?.string == "2026-11-23T18:00:00.000Z")
            #expect(try await test.send(changed.at("2026-11-23T17:01:00Z")) == "processed")
            #expect(try await test.request("sso") == sso)
            #expect(try await test.timeline(sso["id"]?.string).last?.hasSuffix("Changes nothing.") == true)
            try await test.act("configure", "sso", #"{"complete_checklist":true}"#)
            let update = Callback.sharing("updated", "sso", method: "schools", rules: nil).at("2026-11-23T17:02:00Z")
            #expect(try await test.send(update) == "processed")
            let configured = try await test.request("sso")
            #expect(configured["state"]?.string == "configured")
            #expect(configured[path: "sharing.method"]?.string == "schools")
            #expect(configured[path: "sharing.rules"] == .null)
            #expect(try await test.mails().filter { $0.hasPrefix("setup_completed") }.count == 1)
        }
    }

    @Test("updated completes the wizard too, when it is the first that comes")
    func updatedFirst() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            try await test.act("approve", "sso")
            #expect(try await test.send(.sharing("updated", "sso", rules: #"["s2"]"#)) == "processed")
            #expect(try await test.state("sso") == "shared")
            let older = Callback.sharing("created", "sso").at("2026-11-23T16:00:00Z")
            #expect(try await test.send(older) == "superseded")
            #expect(try await test.request("sso")[path: "sharing.rules.0"]?.string == "s2")
        }
    }

    @Test("before approval it is parked, and applied by the approval itself, also when everything came by REST")
    func parked() async throws {
        try await TestApplication.run { test in
            #expect(try await test.send(.sharing("created", "sso"), id: "m1") == "parked")
            let later = Callback.sharing("updated", "sso", rules: #"["s2"]"#).at("2026-11-23T17:05:00Z")
            #expect(try await test.send(later, id: "m2") == "parked")
            #expect(try await test.send(.sharing("created", "rostering"), id: "m3") == "parked")
            _ = try await test.create("sso")
            #expect(try await test.state("sso") == "pending")
            let approved = try await test.act("approve", "sso")
            #expect(approved.status == 200 && approved["state"]?.string == "shared")
            #expect(approved.headerFields["etag"] == "\"\(approved["version"]?.integer ?? 0)\"")
            let sso = try await test.request("sso")
            #expect(sso[path: "sharing.rules.0"]?.string == "s2" && sso["version"] == approved["version"])
            #expect(
                try await test.mails() == [
                    "new_request amy@vendor.example", "approved lee@demo.k12.ca.us",
                    "setup_completed amy@vendor.example",
                ])
            let statuses = try await test.deliveryStatuses()
            #expect(statuses == ["m1": "superseded", "m2": "processed", "m3": "parked"])
            let audit = try await test.client(.viewer).get("/v1/audit?action=request.share")
            let delivery = try await test.delivery("m2")["id"]?.string ?? ""
            #expect(audit["data", "0", "actor"]?.string == "webhook:\(delivery)")
        }
    }

    @Test("parked sharing for both kinds is applied when both are approved at once")
    func both() async throws {
        try await TestApplication.run { test in
            for kind in ["sso", "rostering"] {
                try await test.send(.wish("created", kind, id: "i-\(kind)"))
                #expect(try await test.send(.sharing("created", kind), id: kind) == "parked")
            }
            let id = try await test.request("sso")[path: "district.id"]?.string ?? ""
            let answer = try await test.client().post("/v1/districts/\(id)/approve")
            #expect(answer["requests"]?.array?.compactMap { $0["state"]?.string } == ["shared", "shared"])
            #expect(try await test.deliveryStatuses().values.filter { $0 == "processed" }.count == 4)
        }
    }

    @Test("parked sharing is superseded when the request it waits for ends, and the other kind's is not")
    func ended() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            try await test.send(.sharing("created", "sso"), id: "m1")
            try await test.send(.sharing("created", "rostering"), id: "m2")
            try await test.send(.wish("created", "sso", id: "i2"), id: "m3")
            try await test.act("decline", "sso", #"{"reason":"No"}"#)
            var statuses = try await test.deliveryStatuses()
            #expect(statuses["m1"] == "superseded" && statuses["m2"] == "parked" && statuses["m3"] == "processed")
            #expect(try await test.act("approve", "sso")["state"]?.string == "approved")
            try await test.send(.districtDeleted())
            statuses = try await test.deliveryStatuses()
            #expect(statuses["m2"] == "parked")
        }
    }

    @Test("deleted takes shared and configured back to approved, waiting and not launched")
    func deleted() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            try await test.act("approve", "sso")
            try await test.send(.sharing("created", "sso"))
            try await test.act("configure", "sso", #"{"complete_checklist":true}"#)
            let mails = try await test.mails()
            #expect(try await test.send(Callback.unshared("sso").at("2026-11-23T17:10:00Z")) == "processed")
            let sso = try await test.request("sso")
            #expect(sso["state"]?.string == "approved" && sso["sharing"] == .null && sso["badge"] == .null)
            #expect(sso[path: "launch.status"]?.string == "waiting" && sso[path: "launch.launched_at"] == .null)
            #expect(sso["configured_at"] == .null)
            #expect(try await test.mails() == mails)
            let old = Callback.sharing("updated", "sso").at("2026-11-23T17:09:00Z")
            #expect(try await test.send(old) == "superseded")
            #expect(try await test.send(old.at("2026-11-23T17:11:00Z")) == "processed")
            #expect(try await test.state("sso") == "shared")
            #expect(try await test.request("sso")[path: "launch.status"]?.string == "launched")
        }
    }

    @Test("deleted takes out what is parked, and what comes later though it is older")
    func deletedBefore() async throws {
        try await TestApplication.run { test in
            #expect(try await test.send(.sharing("created", "sso"), id: "m1") == "parked")
            #expect(try await test.send(Callback.unshared("sso").at("2026-11-23T17:10:00Z")) == "processed")
            #expect(try await test.send(.sharing("created", "sso"), id: "m2") == "superseded")
            try await test.send(.wish("created", "sso", id: "i1"))
            #expect(try await test.act("approve", "sso")["state"]?.string == "approved")
            #expect(try await test.deliveryStatuses()["m1"] == "superseded")
            let before = try await test.request("sso")
            #expect(try await test.send(Callback.unshared("sso").at("2026-11-23T17:12:00Z")) == "processed")
            #expect(try await test.request("sso") == before)
            #expect(try await test.timeline(before["id"]?.string).last?.hasSuffix("Changes nothing.") == true)
        }
    }

    @Test("a Clever id given to a district by REST lets what was parked for it be applied")
    func cleverID() async throws {
        try await TestApplication.run { test in
            #expect(try await test.send(.sharing("created", "sso", district: "d7"), id: "m1") == "parked")
            let ask = """
                {"kind":"sso","district":{"name":"Demo","state":"CA"},"requester":{"name":"L","email":"l@x.example"}}
                """
            let request = try await test.client().post("/v1/requests", ask)
            let id = request["id"]?.string ?? ""
            _ = try await test.client().post("/v1/requests/\(id)/approve")
            let district = request["district", "id"]?.string ?? ""
            let patched = try await test.client().patch("/v1/districts/\(district)", #"{"clever_id":"d7"}"#)
            #expect(patched.status == 200)
            #expect(try await test.client().get("/v1/requests/\(id)")["state"]?.string == "shared")
            #expect(try await test.deliveryStatuses()["m1"] == "processed")
        }
    }

    @Test(
        "rules of any shape are kept, and those that cannot be are rejected",
        arguments: [
            (#"["\u0000"]"#, false), (#"["\ud800"]"#, false), (#"[{"a\u0000":1}]"#, false), ("[1e99999]", false),
            (#""s1""#, false), (#"{"a":1}"#, false), ("[]", true),
            (#"[[[{"ü":"\u00e9","n":-1.5e-3}]],true,null]"#, true),
        ])
    func rules(rules: String, isKept: Bool) async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            try await test.act("approve", "sso")
            let answer = try await test.callback(Callback.sharing("created", "sso", rules: rules).body, id: "m")
            #expect(answer.status == (isKept ? 200 : 400), "\(answer.text)")
            let byREST = try await test.act("share", "sso", #"{"method":"rules","rules":\#(rules)}"#)
            #expect(byREST.status == (isKept ? 409 : 422), "\(byREST.text)")
            #expect(try await test.delivery("m")["status"]?.string == (isKept ? "processed" : "rejected"))
        }
    }
}
