import Testing

@testable import Hallpass

@Suite("PATCH /v1/districts/{id}")
struct PatchDistrictTests {
    /// The path of the district that a new request makes.
    private func district(_ test: TestApplication, _ body: String = #"{"name":"Demo","state":"CA"}"#) async throws
        -> String
    {
        let made = try await test.client().post(
            "/v1/requests", #"{"kind":"sso","district":\#(body),"requester":{"name":"L","email":"l@x.org"}}"#)
        #expect(made.status == 201, "\(made.text)")
        return "/v1/districts/\(made["district", "id"]?.string ?? "")"
    }

    @Test("members given are merged, null empties what may be empty, the rest stays")
    func merges() async throws {
        try await TestApplication.run { test in
            let client = test.client(.manager)
            let path = try await district(test)
            let all = """
                {"name":"Renamed","type":"school","state":"TX","nces_id":"0622710","time_zone":"America/Denver",
                 "account_manager":"bo@vendor.example","contacts":[{"name":"K","email":"k@x.org","role":"it"}],
                 "license":{"seats":500,"licensed_teachers":["t1","t2","t1"]},"clever_id":"c-1"}
                """
            let patched = try await client.send(
                "PATCH", path, ["Content-Type": "application/merge-patch+json"], Array(all.utf8))
            #expect(patched.status == 200 && patched.version == 2, "\(patched.text)")
            for (member, value) in [
                ("name", #""Renamed""#), ("type", #""school""#), ("state", #""TX""#), ("nces_id", #""0622710""#),
                ("clever_id", #""c-1""#),
                ("time_zone", #""America/Denver""#), ("time_zone_source", #""given""#),
                ("account_manager", #""bo@vendor.example""#),
                ("contacts", #"[{"name":"K","email":"k@x.org","role":"it"}]"#),
                ("license", #"{"seats":500,"licensed_teachers":["t1","t2"]}"#),
                ("clever", "null"),
            ] {
                #expect(patched.json[member]?.text == value, "\(member)")
            }
            let license = try await client.patch(path, #"{"license":{"seats":7}}"#)
            #expect(license["license"]?.text == #"{"seats":7,"licensed_teachers":["t1","t2"]}"#)
            let emptied = try await client.patch(
                path,
                #"{"state":null,"nces_id":null,"time_zone":null,"account_manager":null,"contacts":null,"license":null,"clever_id":null}"#
            )
            #expect(emptied.status == 200 && emptied["clever_id"]?.string == "c-1", "once given, a Clever id stays")
            for member in ["state", "nces_id", "account_manager"] { #expect(emptied.json[member] == .null) }
            #expect(
                emptied["contacts"] == .array([])
                    && emptied["license"]?.text == #"{"seats":null,"licensed_teachers":[]}"#)
            #expect(
                emptied["time_zone"]?.string == "America/New_York" && emptied["time_zone_source"]?.string == "assumed")
            #expect(try await client.get(path).json == emptied.json)
            let state = try await client.patch(path, #"{"state":"HI"}"#)
            #expect(state["time_zone"]?.string == "Pacific/Honolulu", "an assumed zone follows the state")
            let given = try await client.patch(path, #"{"time_zone":"Pacific/Honolulu"}"#)
            #expect(given["time_zone_source"]?.string == "given" && given.version == (state.version ?? 0) + 1)
            #expect(
                try await client.patch(path, #"{"state":"GU"}"#)["time_zone"]?.string == "Pacific/Honolulu",
                "a given one stays")
        }
    }

    @Test("every offence at once; the wrong role, unknown and malformed ids, other methods")
    func refusals() async throws {
        try await TestApplication.run { test in
            let path = try await district(test)
            let before = try await test.client().get(path).json
            let answer = try await test.client().patch(
                path,
                """
                {"name":null,"type":"town","state":"ZZ","nces_id":7,"time_zone":"America/Los_Angles","account_manager":"amy","clever_id":"a/b",
                 "contacts":[{"name":"K"},7,{"name":"","email":"k@x.org","colour":1}],"license":{"seats":-1,"licensed_teachers":[7],"seets":1},
                 "nam":"x","id":"y","version":1}
                """)
            expect(
                answer, is: 422, "invalid",
                at: [
                    "/type", "/state", "/nces_id", "/time_zone", "/account_manager", "/contacts/0/email", "/contacts/1",
                    "/contacts/2/name", "/contacts/2/colour", "/license/seats",
                    "/license/licensed_teachers/0", "/license/seets", "/clever_id", "/name", "/nam", "/id", "/version",
                ])
            #expect(answer.offence("/time_zone")?.contains("America/Los_Angeles?") == true)
            #expect(answer.offence("/nam")?.contains("did you mean name?") == true)
            expect(try await test.client(.submitter).patch(path, "{}"), is: 403, "forbidden")
            expect(
                try await test.client().patch("/v1/districts/\(TestApplication.unknownID)", "{}"), is: 404, "not_found")
            expect(try await test.client().patch("/v1/districts/nope", #"{"colour":1}"#), is: 404, "not_found")
            expect(try await test.client().send("POST", path), is: 405, "method_not_allowed")
            expect(
                try await test.client().patch(
                    path, #"{"contacts":\#("[" + Array(repeating: "{}", count: 101).joined(separator: ",") + "]")}"#),
                is: 422, "invalid", at: ["/contacts"])
            #expect(try await test.client().get(path).json == before)
        }
    }

    @Test("a Clever id is given once, and belongs to one district")
    func cleverID() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let first = try await district(test)
            let second = try await district(test)
            #expect(first != second, "names never identify")
            #expect(try await client.patch(first, #"{"clever_id":"c1"}"#)["clever_id"]?.string == "c1")
            expect(try await client.patch(first, #"{"clever_id":"c2"}"#), is: 409, "clever_id_taken")
            expect(try await client.patch(second, #"{"clever_id":"c1"}"#), is: 409, "clever_id_taken")
            let id = second.split(separator: "/").last ?? ""
            let filling =
                #"{"kind":"rostering","district":{"id":"\#(id)","clever_id":"c1"},"requester":{"name":"L","email":"l@x.org"}}"#
            expect(try await client.post("/v1/requests", filling), is: 409, "clever_id_taken")
            let free = filling.replacing("\"c1\"", with: "\"c3\"")
            #expect(try await client.post("/v1/requests", free)["district", "clever_id"]?.string == "c3")
        }
    }

    @Test("a corrected zone moves a launch that has not happened, and may launch it at once")
    func zones() async throws {
        try await TestApplication.run(at: "2026-11-30T12:00:00.000Z") { test in
            let client = test.client()
            let id = try await test.request("sso", in: "shared", date: #""2026-12-01""#)
            let path = "/v1/districts/\(try await client.get("/v1/requests/\(id)")["district", "id"]?.string ?? "")"
            _ = try await client.patch(path, #"{"time_zone":"Pacific/Pago_Pago"}"#)
            let moved = try await client.get("/v1/requests/\(id)")
            #expect(
                moved["launch", "at"]?.string == "2026-12-01T11:00:00.000Z"
                    && moved["launch", "time_zone"]?.string == "Pacific/Pago_Pago")
            #expect(moved["launch", "status"]?.string == "scheduled")
            test.clock.set("2026-11-30T14:00:00.000Z")
            _ = try await client.patch(path, #"{"time_zone":"Pacific/Guam"}"#)
            let launched = try await client.get("/v1/requests/\(id)")
            #expect(
                launched["launch", "status"]?.string == "launched"
                    && launched["launch", "launched_at"]?.string == "2026-11-30T14:00:00.000Z")
            let texts = try await client.get("/v1/requests/\(id)/timeline").data.compactMap { $0["text"]?.string }
            #expect(texts.filter { $0.contains("launched it") }.count == 1, "\(texts)")
            #expect(texts.contains { $0.contains("The launch has moved with the district's time zone") })
            _ = try await client.patch(path, #"{"time_zone":"America/New_York"}"#)
            #expect(
                try await client.get("/v1/requests/\(id)")["launch", "at"]?.string == "2026-11-30T14:00:00.000Z",
                "what has happened stays")
        }
    }
}
