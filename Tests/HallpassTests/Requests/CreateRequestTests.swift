import Testing

@testable import Hallpass

@Suite("POST /v1/requests")
struct CreateRequestTests {
    @Test("a request is made as the contract shows it, with its Location and ETag, and the account manager is told")
    func works() async throws {
        try await TestApplication.run { test in
            let body = """
                {"kind":"rostering","district":{"clever_id":"4fd43cc56d11340000000005","name":"Demo District","state":"CA"},
                 "requester":{"name":"Lee Park","email":"lee@demo.k12.ca.us","title":"Tech admin"},
                 "launch_date":"2026-12-01","message":"Soon, please.\\nThanks","external_id":"x-1"}
                """
            let answer = try await test.client(.submitter).post("/v1/requests", body)
            #expect(answer.status == 201, "\(answer.text)")
            #expect(answer.headerFields["location"] == "/v1/requests/\(answer.id)")
            #expect(answer.headerFields["etag"] == "\"1\"")
            let district = answer["district", "id"]?.string ?? ""
            let expected = """
                {"id":"\(answer.id)","kind":"rostering","attempt":1,"district":{"id":"\(district)",
                "clever_id":"4fd43cc56d11340000000005","name":"Demo District","type":"district","state":"CA",
                "time_zone":"America/Los_Angeles","account_manager":"amy@vendor.example"},"state":"pending","awaiting":"sso",
                "requester":{"name":"Lee Park","email":"lee@demo.k12.ca.us","title":"Tech admin"},
                "message":"Soon, please.\\nThanks","source":"api","external_id":"x-1",
                "launch":{"requested_date":"2026-12-01","date":"2026-12-01","time_zone":"America/Los_Angeles",
                "at":"2026-12-01T08:00:00.000Z","status":"waiting","launched_at":null},"sharing":null,
                "checklist":[\(["data_reviewed", "license_confirmed", "sharing_matches_sso", "import_enabled"].map {
                    #"{"item":"\#($0)","status":"open","by":null,"at":null,"note":null}"# }.joined(separator: ","))],
                "badge":null,"next_step":{"owner":"district","text":"Ask for SSO too: rostering needs it. Both can then be approved at once."},
                "decision":{"by":null,"at":null,"message":null},"configured_at":null,"version":1,
                "created_at":"2026-11-23T18:00:00.000Z","updated_at":"2026-11-23T18:00:00.000Z"}
                """
            #expect(answer.json == (try JSONParser.parse(Array(expected.utf8))))
            #expect(try await test.client(.viewer).get(answer.headerFields["location"] ?? "").json == answer.json)
            #expect(try await test.mails() == ["new_request amy@vendor.example"])
            let shown = try await test.client(.viewer).get("/v1/districts/\(district)")
            #expect(shown["contacts", "0", "email"]?.string == "lee@demo.k12.ca.us")
            #expect(shown["contacts", "0", "role"]?.string == "requester")
            #expect(shown["time_zone_source"]?.string == "assumed")
        }
    }

    @Test("every offence is told at once, with the nearest known name")
    func offences() async throws {
        try await TestApplication.run { test in
            let client = test.client(.submitter)
            let answer = try await client.post(
                "/v1/requests",
                """
                {"kind":"roster","district":{"clever_id":"a b","name":"","state":"ca","time_zone":"PST","type":"town"},
                 "requester":{"name":7,"email":"nobody","titel":"x"},"lunch_date":"2026-12-01","message":["no"],"external_id":1}
                """)
            expect(
                answer, is: 422, "invalid",
                at: [
                    "/kind", "/district/clever_id", "/district/name", "/district/type", "/district/state",
                    "/district/time_zone", "/requester/name", "/requester/email", "/requester/titel", "/message",
                    "/external_id", "/lunch_date",
                ])
            #expect(answer.offence("/lunch_date")?.contains("did you mean launch_date?") == true)
            #expect(answer.offence("/requester/titel")?.contains("did you mean title?") == true)
            #expect(answer.offence("/kind")?.contains("did you mean rostering?") == true)
            #expect(answer.offence("/district/state")?.contains("CA") == true)
            expect(try await client.post("/v1/requests"), is: 422, "invalid", at: ["/kind", "/district", "/requester"])
            expect(try await client.post("/v1/requests", "null"), is: 422, "invalid")
            for date in [
                #""2026-11-22""#, #""2028-11-24""#, #""2026-02-30""#, #""2026-2-3""#, "20261201", #""""#, "true",
            ] {
                let late = try await client.post("/v1/requests", TestApplication.ask("sso", date: date))
                expect(late, is: 422, "invalid", at: ["/launch_date"])
            }
            #expect(try await test.client().get("/v1/requests").data.isEmpty)
            #expect(
                try await test.client().get("/v1/districts").data.isEmpty, "a refused request leaves no district behind"
            )
        }
    }

    @Test("today and two years ahead are taken; null and left out are no custom launch date")
    func dates() async throws {
        try await TestApplication.run { test in
            for (index, date) in [#""2026-11-23""#, #""2028-11-23""#, "null"].enumerated() {
                let answer = try await test.client().post(
                    "/v1/requests", TestApplication.ask("sso", cleverID: "d\(index)", date: date))
                #expect(answer.status == 201, "\(date): \(answer.text)")
                #expect(answer["launch", "date"]?.text == date && answer["launch", "requested_date"]?.text == date)
            }
            let without = try await test.client().post(
                "/v1/requests",
                #"{"kind":"sso","district":{"clever_id":"stateless","name":"N","state":null},"requester":{"name":"L","email":"l@x.org","title":null},"message":null,"external_id":null}"#
            )
            #expect(without.status == 201 && without["launch", "date"] == .null && without["launch", "at"] == .null)
            #expect(without["district", "time_zone"]?.string == "America/New_York")
        }
    }

    @Test(
        "a second open request of a kind is refused and named; after the end the next attempt begins with a clean sheet"
    )
    func attempts() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let first = try await test.create("sso")
            let second = try await client.post("/v1/requests", TestApplication.ask("sso"))
            expect(second, is: 409, "request_exists")
            #expect(
                second["existing"]
                    == (try JSONParser.parse(Array(#"{"id":"\#(first)","state":"pending","kind":"sso"}"#.utf8))))
            _ = try await client.post("/v1/requests/\(first)/withdraw", #"{"reason":"later"}"#)
            let again = try await client.post("/v1/requests", TestApplication.ask("sso"))
            #expect(again.status == 201 && again["attempt"]?.integer == 2 && again["version"]?.integer == 1)
            #expect(try await client.get("/v1/requests/\(first)").state == "withdrawn", "the first keeps its history")
            let list = try await client.get("/v1/requests?sort=created_at")
            #expect(list.ids == [first, again.id])
            #expect(try await client.get("/v1/requests/\(first)/timeline").data.count > 2)
        }
    }

    @Test("the wrong role, no token, the wrong method")
    func refusals() async throws {
        try await TestApplication.run { test in
            expect(
                try await test.client(.viewer).post("/v1/requests", TestApplication.ask("sso")), is: 403, "forbidden")
            let nobody = try await test.client(nil).post("/v1/requests", TestApplication.ask("sso"))
            expect(nobody, is: 401, "unauthorized")
            #expect(nobody.headerFields["www-authenticate"] == "Bearer")
            let wrong = try await test.client().send("DELETE", "/v1/requests")
            expect(wrong, is: 405, "method_not_allowed")
            #expect(wrong.headerFields["allow"] == "GET, HEAD, OPTIONS, POST")
        }
    }
}
