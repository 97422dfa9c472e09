import Foundation
import Testing

@testable import Hallpass

@Suite("integration_requests callbacks")
struct CallbackRequestTests {
    @Test("created makes a request with the sender's id, on a district that is new or known")
    func created() async throws {
        try await TestApplication.run { test in
            let wish = Callback.wish(
                "created", "rostering", id: "i1", date: #""2026-12-01""#, message: #""Line 1\nLine 2""#,
                facts: #","state":"HI","type":"school","nces_id":"0601234","unknown":{"kept":true}"#)
            #expect(try await test.send(wish, id: "m1") == "processed")
            let request = try await test.request("rostering")
            #expect(request["external_id"]?.string == "i1" && request["source"]?.string == "webhook")
            #expect(request["state"]?.string == "pending" && request["awaiting"]?.string == "sso")
            #expect(request[path: "requester.title"]?.string == "Tech admin")
            #expect(request["message"]?.string == "Line 1\nLine 2")
            #expect(request[path: "launch.requested_date"]?.string == "2026-12-01")
            #expect(request[path: "launch.date"]?.string == "2026-12-01")
            #expect(request[path: "launch.at"]?.string == "2026-12-01T10:00:00.000Z")
            let id = request[path: "district.id"]?.string ?? ""
            let district = try await test.client(.viewer).get("/v1/districts/\(id)")
            #expect(district["name"]?.string == "Demo District" && district["type"]?.string == "school")
            #expect(district["time_zone"]?.string == "Pacific/Honolulu" && district["nces_id"]?.string == "0601234")
            #expect(district["time_zone_source"]?.string == "assumed")
            #expect(district["contacts", "0", "email"]?.string == "lee@demo.k12.ca.us")
            #expect(district["account_manager"]?.string == "amy@vendor.example")

            let zoned = Callback.wish(
                "created", "sso", id: "i2", facts: #","state":"CA","time_zone":"America/Denver","nces_id":"9""#)
            #expect(try await test.send(zoned) == "processed")
            let known = try await test.client(.viewer).get("/v1/districts/\(id)")
            #expect(known["state"]?.string == "HI" && known["nces_id"]?.string == "0601234")
            #expect(known["time_zone"]?.string == "America/Denver" && known["time_zone_source"]?.string == "given")
            #expect(try await test.mails().filter { $0.hasPrefix("new_request") }.count == 2)
            let delivery = try await test.delivery("m1")
            #expect(delivery["request_id"] == request["id"])
            #expect(delivery["created"]?.string == "2026-11-23T17:00:00.000Z")
            let audit = try await test.client(.viewer).get("/v1/audit?action=request.create")
            #expect(audit["data", "1", "actor"]?.string == "webhook:\(delivery["id"]?.string ?? "")")
            #expect(audit["data", "1", "actor_role"] == .null)
            #expect(try await test.timeline(request["id"]?.string).count == 1)
        }
    }

    @Test("the same id again is superseded, whatever it says, when, and of which district")
    func sameID() async throws {
        try await TestApplication.run { test in
            let wish = Callback.wish("created", "sso", id: "i1")
            #expect(try await test.send(wish) == "processed")
            let before = try await test.request("sso")
            for again in [
                wish, wish.at("2026-11-23T16:00:00Z"), wish.at("2026-11-23T18:00:00Z"),
                .wish("created", "rostering", id: "i1"), .wish("created", "sso", id: "i1", district: "d2"),
            ] {
                #expect(try await test.send(again) == "superseded")
            }
            #expect(try await test.request("sso") == before)
            #expect(try await test.requests("d2").isEmpty)
            try await test.act("withdraw", "sso")
            #expect(try await test.send(wish.at("2026-11-23T19:00:00Z")) == "superseded")
            #expect(try await test.requests().count == 1)
        }
    }

    @Test("a date that has passed is the wish all the same; more than two years ahead is rejected")
    func dates() async throws {
        try await TestApplication.run { test in
            #expect(try await test.send(.wish("created", "sso", id: "i1", date: #""2020-02-29""#)) == "processed")
            let request = try await test.request("sso")
            #expect(request[path: "launch.date"]?.string == "2020-02-29")
            let approval = try await test.act("approve", "sso")
            #expect(approval.status == 409 && approval.code == "launch_date_passed")
            #expect(try await test.act("approve", "sso", #"{"launch_date":null}"#).status == 200)
            #expect(try await test.request("sso")[path: "launch.requested_date"]?.string == "2020-02-29")

            let last = Callback.wish("created", "sso", id: "i2", district: "d2", date: #""2028-11-23""#)
            #expect(try await test.send(last) == "processed")
            for (id, far) in [
                ("m1", Callback.wish("created", "sso", id: "i3", district: "d3", date: #""2028-11-24""#)),
                ("m2", .wish("created", "sso", id: "i4", district: "d2", date: #""2028-11-24""#)),
                ("m3", .wish("updated", "sso", id: "i2", district: "d2", date: #""2028-11-24""#)),
            ] {
                let answer = try await test.callback(far.body, id: id)
                #expect(answer.status == 400, "\(id): \(answer.text)")
                #expect(answer["errors", "0", "pointer"]?.string == "/data/object/launch_date")
                let kept = try await test.delivery(id)
                #expect(kept["status"]?.string == "rejected" && kept["type"]?.string == far.type)
            }
            #expect(try await test.requests("d3").isEmpty)
        }
    }

    @Test("updated is the district's changed wish; after approval its wish changes and the date agreed does not")
    func updated() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            let change = Callback.wish(
                "updated", "sso", id: "i1", date: #""2026-12-24""#, message: #""Later""#, email: "kim@demo.k12.ca.us"
            ).at("2026-11-23T17:01:00Z")
            #expect(try await test.send(change) == "processed")
            var request = try await test.request("sso")
            #expect(request["message"]?.string == "Later")
            #expect(request[path: "requester.email"]?.string == "kim@demo.k12.ca.us")
            #expect(request[path: "launch.date"]?.string == "2026-12-24")
            #expect(request["version"]?.integer == 2)
            try await test.act("approve", "sso")
            #expect(try await test.mails().last == "approved kim@demo.k12.ca.us")

            let none = Callback.wish("updated", "sso", id: "i1").at("2026-11-23T17:02:00Z")
            #expect(try await test.send(none) == "processed")
            request = try await test.request("sso")
            #expect(request[path: "launch.requested_date"] == .null && request["message"] == .null)
            #expect(request[path: "launch.date"]?.string == "2026-12-24")
            #expect(request["version"]?.integer == 4)
            #expect(try await test.mails().count == 2)

            let same = try await test.request("sso")
            #expect(try await test.send(none.at("2026-11-23T17:03:00Z"), id: "m") == "processed")
            #expect(try await test.request("sso") == same)
            #expect(try await test.timeline(same["id"]?.string).last?.hasSuffix("Changes nothing.") == true)
            #expect(try await test.delivery("m")["detail"]?.string == "Changes nothing.")
        }
    }

    @Test("an older updated is superseded and an equal one is not; what came by REST does not count")
    func order() async throws {
        try await TestApplication.run { test in
            func update(_ message: String) -> Callback {
                .wish("updated", "sso", id: "i1", message: "\"\(message)\"")
            }
            try await test.send(.wish("created", "sso", id: "i1"))
            #expect(try await test.send(update("2").at("2026-11-23T17:02:00Z")) == "processed")
            #expect(try await test.send(update("1").at("2026-11-23T17:01:59.999Z"), id: "old") == "superseded")
            #expect(try await test.request("sso")["message"]?.string == "2")
            #expect(try await test.delivery("old")["request_id"] == test.request("sso")["id"])
            #expect(try await test.send(update("3").at("2026-11-23T18:02:00+01:00")) == "processed")
            let id = try await test.request("sso")["id"]?.string ?? ""
            test.clock.advance(seconds: 3600)
            _ = try await test.client().patch("/v1/requests/\(id)", #"{"message":"by REST"}"#)
            #expect(try await test.send(update("4").at("2026-11-23T17:03:00Z")) == "processed")
            #expect(try await test.request("sso")["message"]?.string == "4")
        }
    }

    @Test("updated for an unseen id makes the request; for another kind or district it is rejected")
    func unseen() async throws {
        try await TestApplication.run { test in
            #expect(try await test.send(.wish("updated", "sso", id: "i1", message: #""Hello""#)) == "processed")
            #expect(try await test.request("sso")["external_id"]?.string == "i1")
            #expect(try await test.mails() == ["new_request amy@vendor.example"])
            #expect(try await test.send(.wish("created", "sso", id: "i1").at("2026-11-23T16:59:00Z")) == "superseded")
            for (pointer, wrong) in [
                ("/data/object/kind", Callback.wish("updated", "rostering", id: "i1")),
                ("/data/object/district/id", .wish("updated", "sso", id: "i1", district: "d2")),
            ] {
                let answer = try await test.callback(wrong.body, id: UUID().uuidString)
                #expect(answer.status == 400 && answer["errors", "0", "pointer"]?.string == pointer)
            }
            #expect(try await test.request("sso")["message"]?.string == "Hello")
        }
    }

    @Test(
        "deleted withdraws, and from shared on disconnects",
        arguments: [
            ("pending", "withdrawn"), ("needs_info", "withdrawn"), ("approved", "withdrawn"),
            ("shared", "disconnected"),
            ("configured", "disconnected"), ("declined", "declined"),
        ])
    func deleted(from state: String, to end: String) async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            switch state {
            case "needs_info": try await test.act("request-info", "sso", #"{"message":"Which schools?"}"#)
            case "declined": try await test.act("decline", "sso", #"{"reason":"No license"}"#)
            case "pending": break
            default: try await test.act("approve", "sso")
            }
            if state == "shared" || state == "configured" {
                try await test.act("share", "sso", #"{"method":"district"}"#)
            }
            if state == "configured" { try await test.act("configure", "sso", #"{"complete_checklist":true}"#) }
            let before = try await test.request("sso")
            #expect(before["state"]?.string == state)
            #expect(try await test.send(Callback.deleted("i1").at("2026-11-23T17:30:00Z"), id: "m") == "processed")
            let after = try await test.request("sso")
            #expect(after["state"]?.string == end)
            if state == end { #expect(after == before) }
            #expect(try await test.mails().contains("withdrawn amy@vendor.example") == (end == "withdrawn"))
            #expect(try await test.delivery("m")["request_id"] == after["id"])
            #expect(try await test.timeline(after["id"]?.string).last?.contains("deleted") == true)
        }
    }

    @Test("an event for a request that has ended is processed, noted, and changes nothing")
    func ended() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            try await test.act("withdraw", "sso")
            let before = try await test.request("sso")
            let mails = try await test.mails()
            let update = Callback.wish("updated", "sso", id: "i1", message: #""Again""#).at("2026-11-23T17:30:00Z")
            #expect(try await test.send(update) == "processed")
            #expect(try await test.send(.sharing("created", "sso")) == "processed")
            #expect(try await test.send(.sharing("updated", "sso")) == "processed")
            #expect(try await test.send(.unshared("sso")) == "processed")
            #expect(try await test.send(.districtDeleted()) == "processed")
            #expect(try await test.request("sso") == before)
            #expect(try await test.mails() == mails)
            let notes = try await test.timeline(before["id"]?.string).dropFirst()
            #expect(notes.count == 5)
            #expect(notes.allSatisfy { $0.contains("Changes nothing") })
        }
    }

    @Test("deleted for an unseen id is remembered, so that an older created is superseded and a newer one is not")
    func deletedBefore() async throws {
        try await TestApplication.run { test in
            let first = try await test.send(.deleted("i1"))
            #expect(first == "processed")
            let wish = Callback.wish("created", "sso", id: "i1")
            #expect(try await test.send(wish.at("2026-11-23T16:59:59Z")) == "superseded")
            #expect(
                try await test.send(Callback.wish("updated", "sso", id: "i1").at("2026-11-23T16:59:59Z"))
                    == "superseded")
            #expect(try await test.requests().isEmpty)
            #expect(try await test.send(wish.at("2026-11-23T17:00:01Z")) == "processed")
            #expect(try await test.state("sso") == "pending")
        }
    }
}
