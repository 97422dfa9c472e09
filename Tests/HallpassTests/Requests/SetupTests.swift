import Testing

@testable import Hallpass

@Suite("Launching, the checklist, configuring, correcting")
struct SetupTests {
    @Test("launch now: once, not before the wizard, not without its SSO")
    func launch() async throws {
        try await TestApplication.run { test in
            let client = test.client(.manager)
            let id = try await test.request("sso", in: "approved", date: #""2026-12-01""#)
            expect(try await client.post("/v1/requests/\(id)/launch"), is: 409, "transition_not_allowed")
            _ = try await client.post("/v1/requests/\(id)/share", #"{"method":"district"}"#)
            expect(try await test.client(.submitter).post("/v1/requests/\(id)/launch"), is: 403, "forbidden")
            expect(
                try await client.post("/v1/requests/\(id)/launch", #"{"force":true}"#), is: 422, "invalid",
                at: ["/force"])
            let launched = try await client.post("/v1/requests/\(id)/launch")
            #expect(launched.status == 200 && launched["launch", "launched_at"]?.string == "2026-11-23T18:00:00.000Z")
            #expect(launched["badge"]?.text == #"{"label":"Launched","color":"green"}"#)
            #expect(launched["launch", "date"]?.string == "2026-12-01", "the date agreed stays on record")
            let mails = try await test.mails()
            expect(try await client.post("/v1/requests/\(id)/launch"), is: 409, "already_launched")
            expect(
                try await client.post("/v1/requests/\(id)/reschedule", #"{"launch_date":null}"#), is: 409,
                "already_launched")
            #expect(try await test.mails() == mails)
            let rostering = try await test.create("rostering", date: #""2026-12-01""#)
            _ = try await client.post("/v1/requests/\(rostering)/approve")
            _ = try await client.post("/v1/requests/\(rostering)/share", #"{"method":"district"}"#)
            _ = try await client.post("/v1/requests/\(id)/disconnect", #"{"reason":"x"}"#)
            expect(try await client.post("/v1/requests/\(rostering)/launch"), is: 409, "sso_not_approved")
            expect(
                try await client.post("/v1/requests/\(rostering)/configure", #"{"complete_checklist":true}"#), is: 409,
                "sso_not_approved")
            test.clock.set("2026-12-01T08:00:00.000Z")
            _ = try await test.launches.turn()
            let come = try await client.get("/v1/requests/\(rostering)")
            #expect(
                come["launch", "status"]?.string == "launched" && come["awaiting"]?.string == "sso",
                "the date is not held back")
        }
    }

    @Test("reschedule needs a date or null, not a past or far one; null and today launch at once; a wish stays")
    func reschedule() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let id = try await test.request("sso", in: "shared", date: #""2026-12-01""#)
            let path = "/v1/requests/\(id)/reschedule"
            for body in [
                "{}", #"{"reason":"x"}"#, #"{"launch_date":"2026-11-22"}"#, #"{"launch_date":"2028-11-24"}"#,
                #"{"launch_date":7}"#,
            ] {
                expect(try await client.post(path, body), is: 422, "invalid", at: ["/launch_date"])
            }
            let moved = try await client.post(path, #"{"launch_date":"2028-11-23","reason":"Busy until then."}"#)
            #expect(
                moved["launch", "date"]?.string == "2028-11-23"
                    && moved["launch", "requested_date"]?.string == "2026-12-01")
            #expect(
                moved["badge", "label"]?.string == "Launch Date: 11/23/28"
                    && moved["launch", "at"]?.string == "2028-11-23T08:00:00.000Z")
            let today = try await client.post(path, #"{"launch_date":"2026-11-23"}"#)
            #expect(
                today["launch", "status"]?.string == "launched"
                    && today["launch", "requested_date"]?.string == "2026-12-01")
            let other = try await test.request("sso", in: "shared", cleverID: "d2", date: #""2026-12-01""#)
            let none = try await client.post("/v1/requests/\(other)/reschedule", #"{"launch_date":null}"#)
            #expect(
                none["launch", "status"]?.string == "launched" && none["launch", "date"] == .null
                    && none["launch", "at"] == .null)
            let pending = try await test.create("sso", cleverID: "d3")
            let mails = try await test.mails()
            _ = try await client.post("/v1/requests/\(pending)/reschedule", #"{"launch_date":"2026-12-01"}"#)
            #expect(try await test.mails() == mails, "nobody is told before the approval")
        }
    }

    @Test("checklist items are settled by name; waiving needs a note; the request is the answer")
    func checklist() async throws {
        try await TestApplication.run { test in
            let client = test.client(.manager)
            let id = try await test.request("rostering", in: "approved")
            let path = "/v1/requests/\(id)/checklist"
            let done = try await client.put(path + "/data_reviewed", #"{"status":"done"}"#)
            #expect(
                done.id == id
                    && done["checklist", "0"]?.text
                        == #"{"item":"data_reviewed","status":"done","by":"manager","at":"2026-11-23T18:00:00.000Z","note":null}"#
            )
            expect(
                try await client.put(path + "/license_confirmed", #"{"status":"waived"}"#), is: 422, "invalid",
                at: ["/note"])
            expect(
                try await client.put(path + "/license_confirmed", #"{"status":"waved","note":7}"#), is: 422, "invalid",
                at: ["/status", "/note"])
            expect(try await client.put(path + "/license_confirmed", "{}"), is: 422, "invalid", at: ["/status"])
            let waived = try await client.put(path + "/license_confirmed", #"{"status":"waived","note":"Pilot."}"#)
            #expect(
                waived["checklist", "1", "note"]?.string == "Pilot."
                    && waived["checklist", "1", "status"]?.string == "waived")
            let open = try await client.put(path + "/data_reviewed", #"{"status":"open","note":"Again."}"#)
            #expect(
                open["checklist", "0"]?.text
                    == #"{"item":"data_reviewed","status":"open","by":null,"at":null,"note":"Again."}"#)
            for item in ["login_tested", "nope", "data_reviewed%2F"] {
                expect(try await client.put(path + "/\(item)", "{}"), is: 404, "not_found")
            }
            expect(
                try await client.put("/v1/requests/\(TestApplication.unknownID)/checklist/data_reviewed", "{}"),
                is: 404, "not_found")
            expect(try await test.client(.submitter).put(path + "/data_reviewed", "{}"), is: 403, "forbidden")
            expect(try await client.send("POST", path + "/data_reviewed"), is: 405, "method_not_allowed")
        }
    }

    @Test("configuring needs every item settled, or says to settle them; reopening keeps the checklist")
    func configure() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let id = try await test.request("rostering", in: "shared")
            _ = try await client.put(
                "/v1/requests/\(id)/checklist/license_confirmed", #"{"status":"waived","note":"n"}"#)
            for body in ["{}", #"{"complete_checklist":false}"#] {
                let refused = try await client.post("/v1/requests/\(id)/configure", body)
                expect(refused, is: 409, "checklist_incomplete")
                #expect(
                    refused["open_items"]?.array?.compactMap(\.string) == [
                        "data_reviewed", "sharing_matches_sso", "import_enabled",
                    ])
            }
            let configured = try await client.post(
                "/v1/requests/\(id)/configure", #"{"complete_checklist":true,"message":"Enjoy."}"#)
            #expect(
                configured.state == "configured" && configured["configured_at"]?.string == "2026-11-23T18:00:00.000Z")
            #expect(
                configured["checklist"]?.array?.compactMap { $0["status"]?.string } == [
                    "done", "waived", "done", "done",
                ])
            #expect(configured["next_step", "owner"]?.string == "none")
            let reopened = try await client.post("/v1/requests/\(id)/reopen", #"{"reason":"wrong school"}"#)
            #expect(reopened.state == "shared" && reopened["configured_at"] == .null)
            #expect(
                try await client.post("/v1/requests/\(id)/configure").state == "configured",
                "every item is settled still")
            #expect(try await test.mails().filter { $0.hasPrefix("configured") }.count == 2)
        }
    }

    @Test("a merge patch of requester and message: what is left out stays, null empties what may be empty")
    func patch() async throws {
        try await TestApplication.run { test in
            let client = test.client(.manager)
            let id = try await test.create("sso")
            let path = "/v1/requests/\(id)"
            let patched = try await client.patch(
                path, #"{"requester":{"email":"kim@demo.k12.ca.us","title":"IT"},"message":"m"}"#)
            #expect(patched["requester"]?.text == #"{"name":"Lee Park","email":"kim@demo.k12.ca.us","title":"IT"}"#)
            #expect(patched["message"]?.string == "m" && patched.version == 2)
            let emptied = try await client.patch(path, #"{"requester":{"title":null},"message":null}"#)
            #expect(emptied["requester", "title"] == .null && emptied["message"] == .null && emptied.version == 3)
            let wrong = #"{"requester":{"name":null,"email":"x","title":7,"age":1},"state":"approved","mesage":"x"}"#
            let refused = try await client.patch(path, wrong)
            expect(
                refused, is: 422, "invalid",
                at: ["/requester/name", "/requester/email", "/requester/title", "/requester/age", "/state", "/mesage"])
            #expect(refused.offence("/mesage")?.contains("did you mean message?") == true)
            expect(try await client.patch(path, #"{"requester":null}"#), is: 422, "invalid", at: ["/requester"])
            expect(try await test.client(.submitter).patch(path, "{}"), is: 403, "forbidden")
            expect(
                try await client.patch("/v1/requests/\(TestApplication.unknownID)", #"{"colour":1}"#), is: 404,
                "not_found")
            #expect(try await client.get("/v1/requests?q=kim@demo").ids == [id])
            _ = try await client.post(path + "/approve")
            #expect(try await test.mails().last == "approved kim@demo.k12.ca.us")
        }
    }
}
