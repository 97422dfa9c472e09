import Postgres
import Testing

@testable import Hallpass

@Suite("ETag, If-None-Match, If-Match")
struct EntityTagTests {
    @Test("the version is the tag; a known one is 304, in either form, weak, in a list, or by a star")
    func notModified() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("rostering")
            let client = test.client(.viewer)
            let request = try await client.get("/v1/requests/\(id)")
            let district = "/v1/districts/\(request["district", "id"]?.string ?? "")"
            for path in ["/v1/requests/\(id)", district] {
                let whole = try await client.get(path)
                #expect(whole.headerFields["etag"] == "\"\(whole.version ?? 0)\"")
                for tag in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*", "\"1-gzip\"", "W/\"1-gzip\""] {
                    for method in ["GET", "HEAD"] {
                        let answer = try await client.send(method, path, ["If-None-Match": tag])
                        #expect(answer.status == 304 && answer.body.isEmpty, "\(method) \(tag): \(answer.status)")
                        #expect(answer.headerFields["etag"]?.hasPrefix("\"1") == true)
                        #expect(answer.headerFields["content-type"] == nil)
                    }
                }
                for tag in ["\"2\"", "1", "\"1-br\"", ""] {
                    #expect(try await client.get(path, ["If-None-Match": tag]).status == 200, "\(tag)")
                }
            }
            let long = #"{"message":"\#(String(repeating: "m", count: 1000))"}"#
            _ = try await test.client().patch("/v1/requests/\(id)", long)
            let zipped = try await client.get("/v1/requests/\(id)", ["Accept-Encoding": "gzip"])
            #expect(zipped.headerFields["content-encoding"] == "gzip" && zipped.headerFields["etag"] == "\"2-gzip\"")
            #expect(zipped.headerFields["vary"]?.contains("Accept-Encoding") == true)
            let known = try await client.get(
                "/v1/requests/\(id)", ["Accept-Encoding": "gzip", "If-None-Match": "\"2-gzip\""])
            #expect(known.status == 304 && known.headerFields["etag"] == "\"2-gzip\"")
        }
    }

    @Test("If-Match takes either form, a list and a star, and refuses the stale and the weak")
    func ifMatch() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let id = try await test.create("sso")
            for (index, tag) in ["\"1\"", "\"2-gzip\"", "\"9\", \"3\"", "*"].enumerated() {
                let answer = try await client.patch(
                    "/v1/requests/\(id)", #"{"message":"m\#(index)"}"#, ["If-Match": tag])
                #expect(answer.status == 200 && answer.version == index + 2, "\(tag): \(answer.text)")
            }
            for tag in ["\"1\"", "W/\"5\"", "5", "\"5-br\"", "\"\""] {
                expect(
                    try await client.patch("/v1/requests/\(id)", #"{"message":"x"}"#, ["If-Match": tag]), is: 412,
                    "stale_version")
            }
            let district = try await client.get("/v1/districts")
            let path = "/v1/districts/\(district.ids[0])"
            for (method, target, body) in [
                ("PATCH", path, #"{"name":"N"}"#), ("POST", path + "/approve", "{}"), ("DELETE", path, ""),
                ("PUT", "/v1/requests/\(id)/checklist/data_reviewed", #"{"status":"done"}"#),
            ] {
                let stale = try await client.send(
                    method, target, ["If-Match": "\"99\""], body.isEmpty ? nil : Array(body.utf8))
                expect(stale, is: 412, "stale_version")
            }
        }
    }

    /// Runs a change and expects that the tag from before is not known any more, and that version and time have risen.
    private func expectFresh(_ test: TestApplication, _ path: String, _ what: String, _ change: () async throws -> Void)
        async throws
    {
        let before = try await test.client().get(path)
        test.clock.advance(seconds: 1)
        try await change()
        let after = try await test.client().get(path, ["If-None-Match": before.headerFields["etag"] ?? ""])
        #expect(after.status == 200, "\(what): a stale 304")
        #expect((after.version ?? 0) > (before.version ?? 0), "\(what)")
        #expect((after["updated_at"]?.string ?? "") > (before["updated_at"]?.string ?? "?"), "\(what)")
        #expect(after.json != before.json)
    }

    @Test(
        "whatever changes what a request shows raises its version: what happens to the other kind, the district, the date"
    )
    func neverStale() async throws {
        try await TestApplication.run(at: "2026-11-23T18:00:00.000Z") { test in
            let client = test.client()
            let rostering = try await test.create("rostering", date: #""2026-12-01""#)
            let path = "/v1/requests/\(rostering)"
            let district = "/v1/districts/\(try await client.get(path)["district", "id"]?.string ?? "")"
            try await expectFresh(test, path, "SSO asked for") { _ = try await test.create("sso") }
            let sso = try await client.get("/v1/requests?kind=sso").ids[0]
            try await expectFresh(test, path, "SSO approved") {
                _ = try await client.post("/v1/requests/\(sso)/approve")
            }
            #expect(try await client.get(path)["awaiting"] == .null)
            for (member, value) in [
                ("name", #""New Name""#), ("state", #""NV""#), ("account_manager", "null"), ("type", #""school""#),
                ("time_zone", #""America/Denver""#), ("clever_id", nil),
            ] {
                guard let value else { continue }
                try await expectFresh(test, path, member) {
                    _ = try await client.patch(district, #"{"\#(member)":\#(value)}"#)
                }
            }
            try await expectFresh(test, path, "SSO ended") {
                _ = try await client.post("/v1/requests/\(sso)/disconnect", #"{"reason":"x"}"#)
            }
            #expect(try await client.get(path)["awaiting"]?.string == "sso")
            let ended = "/v1/requests/\(sso)"
            try await expectFresh(test, ended, "an ended request shows its district too") {
                _ = try await client.patch(district, #"{"name":"Newer Name"}"#)
            }
        }
    }

    @Test("the coming of the date, and of the day after an undecided one's, raise the version")
    func time() async throws {
        try await TestApplication.run(at: "2026-11-23T18:00:00.000Z") { test in
            let client = test.client()
            let scheduled = try await test.request("sso", in: "shared", date: #""2026-12-01""#)
            let undecided = try await test.create("sso", cleverID: "d2", date: #""2026-12-01""#)
            let awaiting = try await test.create("rostering", cleverID: "d3", date: #""2026-12-01""#)
            let approved = try await test.request("sso", in: "approved", cleverID: "d4", date: #""2026-12-01""#)
            let shown = try await client.get("/v1/requests/\(approved)")
            try await expectFresh(test, "/v1/requests/\(scheduled)", "launch") {
                test.clock.set("2026-12-01T08:00:00.000Z")
                _ = try await test.launches.turn()
            }
            let before = try await client.get("/v1/requests/\(undecided)")
            #expect(before.version == 1)
            try await expectFresh(test, "/v1/requests/\(undecided)", "overdue") {
                test.clock.set("2026-12-02T08:00:00.000Z")
                #expect(
                    try await client.get("/v1/requests/\(undecided)")["next_step", "text"]?.string?.contains(
                        "has passed") == true)
                _ = try await test.launches.turn()
            }
            #expect(
                try await client.get("/v1/requests/\(awaiting)").version == 1, "its next step is the same as before")
            let late = try await client.get("/v1/requests/\(approved)", ["If-None-Match": "\"\(shown.version ?? 0)\""])
            #expect(
                late.status == 200 && late["next_step"] != shown["next_step"]
                    && late.version == (shown.version ?? 0) + 1)
            let version = try await client.get("/v1/requests/\(undecided)").version
            test.clock.advance(seconds: 60)
            _ = try await test.launches.turn()
            #expect(try await client.get("/v1/requests/\(undecided)").version == version, "once")
            let left = try await test.sql(
                "SELECT count(*) FROM request WHERE overdue_at < \(test.clock.now) AND updated_at < overdue_at")
            #expect(try left[0].get(0, as: Int.self) == 0)
        }
    }

    @Test("a change that changes nothing raises no version, writes no audit entry and sends nothing")
    func nothing() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let id = try await test.request("sso", in: "shared", date: #""2026-12-01""#)
            _ = try await client.put(
                "/v1/requests/\(id)/checklist/data_reviewed", #"{"status":"waived","note":"seen"}"#)
            let request = try await client.get("/v1/requests/\(id)")
            let district = "/v1/districts/\(request["district", "id"]?.string ?? "")"
            let shown = try await client.get(district)
            let entries = try await client.get("/v1/audit").data.count
            let mails = try await test.mails()
            test.clock.advance(seconds: 5)
            let same = [
                try await client.patch("/v1/requests/\(id)", #"{"requester":{"name":"Lee Park"},"message":null}"#),
                try await client.patch("/v1/requests/\(id)", "{}"),
                try await client.put(
                    "/v1/requests/\(id)/checklist/data_reviewed", #"{"status":"waived","note":"seen"}"#),
                try await client.put("/v1/requests/\(id)/checklist/login_tested", #"{"status":"open"}"#),
                try await client.post(
                    "/v1/requests/\(id)/reschedule", #"{"launch_date":"2026-12-01","reason":"again"}"#),
            ]
            for answer in same { #expect(answer.status == 200 && answer.json == request.json, "\(answer.text)") }
            let patch =
                #"{"name":"District d1","state":"CA","type":"district","contacts":[{"name":"Lee Park","email":"lee@demo.k12.ca.us","role":"requester"}],"license":{"seats":null},"clever_id":"d1","account_manager":"amy@vendor.example"}"#
            let answer = try await client.patch(district, patch)
            #expect(answer.status == 200 && answer.json == shown.json, "\(answer.text)")
            #expect(try await client.get("/v1/audit").data.count == entries)
            #expect(try await test.mails() == mails)
        }
    }
}
