import Foundation
import Testing

@testable import Hallpass

@Suite("districts callbacks")
struct CallbackDistrictTests {
    /// Every member that Clever's Data API v3.1 publishes of a district.
    static let whole = """
        ,"name":"Demo Unified","sis_type":"powerschool","launch_date":"2026-12-24","state":"running","error":"",
        "last_sync":"2026-11-22T03:04:05.678Z","last_attendance_sync":null,"pause_start":null,"pause_end":null,
        "login_methods":["google_oidc","password"],"portal_url":"https://clever.com/in/demo","mdr_number":"04763521",
        "nces_id":"0601234","lms_type":"canvas","lms_state":"success",
        "district_contact":{"id":"c1","district":"d1","email":"pat@demo.k12.ca.us","title":"Director",
        "name":{"first":"Pat","middle":null,"last":"Ruiz"}},"later_member":{"kept":true}
        """

    @Test("updated takes Clever's own object: name, contact, sync facts, and the launch date")
    func updated() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            try await test.act("approve", "sso")
            #expect(try await test.send(.district(Self.whole), id: "m") == "processed")
            let sso = try await test.request("sso")
            #expect(sso[path: "district.name"]?.string == "Demo Unified")
            #expect(sso[path: "launch.date"]?.string == "2026-12-24")
            #expect(sso[path: "launch.requested_date"] == .null)
            #expect(sso["version"]?.integer == 4)
            let id = sso[path: "district.id"]?.string ?? ""
            let district = try await test.client(.viewer).get("/v1/districts/\(id)").json
            #expect(district["name"]?.string == "Demo Unified" && district["state"]?.string == "CA")
            #expect(district["nces_id"]?.string == "0601234")
            #expect(district[path: "contacts.0.name"]?.string == "Lee Park")
            #expect(district[path: "contacts.1.name"]?.string == "Pat Ruiz")
            #expect(district[path: "contacts.1.email"]?.string == "pat@demo.k12.ca.us")
            #expect(district[path: "clever.state"]?.string == "running")
            #expect(district[path: "clever.error"]?.string == "" && district[path: "clever.pause_start"] == .null)
            #expect(district[path: "clever.last_sync"]?.string == "2026-11-22T03:04:05.678Z")
            #expect(district[path: "clever.login_methods.1"]?.string == "password")
            #expect(district[path: "clever.sis_type"]?.string == "powerschool")
            #expect(district[path: "clever.lms_state"]?.string == "success")
            #expect(district[path: "clever.later_member"] == nil && district[path: "clever.name"] == nil)
            #expect(try await test.mails().filter { $0 == "rescheduled lee@demo.k12.ca.us" }.count == 1)
            #expect(try await test.delivery("m")["request_id"] == .null)

            #expect(try await test.send(.district(Self.whole)) == "processed")
            #expect(try await test.client(.viewer).get("/v1/districts/\(id)").json == district)
            #expect(try await test.request("sso") == sso)
            #expect(try await test.timeline(sso["id"]?.string).last?.hasSuffix("Changes nothing.") == true)
            #expect(try await test.mails().filter { $0.hasPrefix("rescheduled") }.count == 1)

            let next = #","name":"Demo Unified","state":"paused","district_contact":{"email":"sam@demo.k12.ca.us"}"#
            #expect(try await test.send(.district(next)) == "processed")
            let last = try await test.client(.viewer).get("/v1/districts/\(id)").json
            #expect(
                last["contacts"]?.array?.compactMap { $0["email"]?.string } == [
                    "lee@demo.k12.ca.us", "sam@demo.k12.ca.us",
                ])
            #expect(last[path: "clever.state"]?.string == "paused" && last[path: "clever.sis_type"] == nil)
            #expect(try await test.request("sso")[path: "launch.date"]?.string == "2026-12-24")
        }
    }

    @Test("the launch date moves approved and shared requests that have not launched, and no others, in one mail")
    func launchDate() async throws {
        try await TestApplication.run { test in
            for district in ["d1", "d2"] {
                try await test.send(
                    .wish("created", "sso", id: "s-\(district)", district: district, date: #""2026-12-01""#))
                try await test.send(.wish("created", "rostering", id: "r-\(district)", district: district))
            }
            try await test.act("approve", "sso", #"{"with_pair":true}"#)
            try await test.act("share", "sso", #"{"method":"district"}"#)
            #expect(try await test.send(.district(#","launch_date":"2026-12-11""#)) == "processed")
            let sso = try await test.request("sso")
            #expect(sso[path: "launch.date"]?.string == "2026-12-11")
            #expect(sso[path: "launch.at"]?.string == "2026-12-11T08:00:00.000Z")
            #expect(sso[path: "badge.label"]?.string == "Launch Date: 12/11/26")
            #expect(try await test.request("rostering")[path: "launch.date"]?.string == "2026-12-11")
            #expect(try await test.mails().filter { $0.hasPrefix("rescheduled") } == ["rescheduled lee@demo.k12.ca.us"])

            #expect(try await test.send(.district(#","launch_date":"2026-12-11""#, id: "d2")) == "processed")
            #expect(try await test.request("sso", "d2")[path: "launch.date"]?.string == "2026-12-01")
            #expect(try await test.request("rostering", "d2")[path: "launch.date"] == .null)
            #expect(try await test.mails().filter { $0.hasPrefix("rescheduled") }.count == 1)

            #expect(try await test.send(.district(#","launch_date":null"#)) == "processed")
            let launched = try await test.request("sso")
            #expect(launched[path: "launch.status"]?.string == "launched" && launched[path: "launch.date"] == .null)
            #expect(try await test.send(.district(#","launch_date":"2026-12-31""#)) == "processed")
            #expect(try await test.request("sso") == launched)
            #expect(try await test.request("rostering")[path: "launch.date"]?.string == "2026-12-31")
            #expect(try await test.mails().filter { $0.hasPrefix("rescheduled") }.count == 3)
        }
    }

    @Test("an empty launch date says nothing, and one that has passed launches what is shared")
    func emptyAndPast() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1", date: #""2026-12-01""#))
            try await test.act("approve", "sso")
            try await test.act("share", "sso", #"{"method":"district"}"#)
            let before = try await test.request("sso")
            let empty = #","launch_date":"","name":"","nces_id":"","district_contact":{"email":"","name":{"first":""}}"#
            #expect(try await test.send(.district(empty)) == "processed")
            #expect(try await test.request("sso") == before)
            #expect(try await test.send(.district(#","launch_date":"2016-08-14""#)) == "processed")
            #expect(try await test.request("sso")[path: "launch.status"]?.string == "launched")
        }
    }

    @Test("for an unknown district it is parked, and the newest is applied with the district's first request")
    func unknown() async throws {
        try await TestApplication.run { test in
            let first = Callback.district(#","name":"First","state":"running""#)
            #expect(try await test.send(first, id: "m1") == "parked")
            let second = Callback.district(#","name":"Second","launch_date":"2026-12-05""#).at("2026-11-23T17:01:00Z")
            #expect(try await test.send(second, id: "m2") == "parked")
            #expect(try await test.send(.district(#","name":"Other""#, id: "d2"), id: "m3") == "parked")
            try await test.send(.wish("created", "sso", id: "i1", date: #""2026-12-01""#))
            let sso = try await test.request("sso")
            #expect(sso[path: "district.name"]?.string == "Second")
            #expect(sso[path: "launch.date"]?.string == "2026-12-01")
            #expect(
                try await test.deliveryStatuses().filter { $0.key.hasPrefix("m") } == [
                    "m1": "superseded", "m2": "processed", "m3": "parked",
                ])
            #expect(try await test.send(first.at("2026-11-23T17:00:30Z")) == "superseded")
        }
    }

    @Test("deleted disconnects every open request, and takes out what is parked and older")
    func deleted() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            try await test.send(.wish("created", "rostering", id: "i2"))
            try await test.act("approve", "sso")
            let mails = try await test.mails()
            let gone = Callback.districtDeleted().at("2026-11-23T17:10:00Z")
            #expect(try await test.send(gone) == "processed")
            #expect(try await test.requests().compactMap { $0["state"]?.string } == ["disconnected", "disconnected"])
            #expect(try await test.requests().map { $0["awaiting"] } == [.null, .null])
            #expect(try await test.mails() == mails)
            for request in try await test.requests() {
                #expect(try await test.timeline(request["id"]?.string).last?.contains("districts.deleted") == true)
            }
            let before = try await test.requests()
            #expect(try await test.send(gone) == "processed")
            #expect(try await test.requests() == before)
            #expect(try await test.send(.district(#","name":"Older""#)) == "superseded")
            #expect(try await test.send(.wish("created", "sso", id: "i3")) == "processed")
            #expect(try await test.request("sso")["attempt"]?.integer == 2)
        }
    }

    @Test("deleted for an unknown district is remembered against what is parked for it")
    func deletedUnknown() async throws {
        try await TestApplication.run { test in
            #expect(try await test.send(.district(#","name":"First""#), id: "m1") == "parked")
            #expect(try await test.send(Callback.districtDeleted().at("2026-11-23T17:10:00Z")) == "processed")
            try await test.send(.wish("created", "sso", id: "i1"))
            #expect(try await test.request("sso")[path: "district.name"]?.string == "Demo District")
            #expect(try await test.deliveryStatuses()["m1"] == "superseded")
        }
    }

    @Test("a changed name is found by search, and ended requests show it too, with a raised version")
    func name() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            try await test.act("withdraw", "sso")
            let before = try await test.request("sso")["version"]?.integer ?? 0
            try await test.send(.district(#","name":"Größerer Bezirk""#))
            let found = try await test.client(.viewer).get("/v1/requests?q=bezirk")
            #expect(found["data", "0", "district", "name"]?.string == "Größerer Bezirk")
            #expect(found["data", "0", "version"]?.integer == before + 1)
        }
    }
}
