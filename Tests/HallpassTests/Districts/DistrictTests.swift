import Testing

@testable import Hallpass

@Suite("Districts: naming, listing, approving")
struct DistrictTests {
    private func ask(_ district: String) -> String { ask("sso", district) }

    private func ask(_ kind: String, _ district: String) -> String {
        #"{"kind":"\#(kind)","district":\#(district),"requester":{"name":"Lee Park","email":"lee@demo.k12.ca.us"}}"#
    }

    @Test("a district is named by its id, by its Clever id, or is a new one; names never identify")
    func references() async throws {
        try await TestApplication.run { test in
            let client = test.client(.submitter)
            func district(_ answer: TestClient.Answer) -> String { answer["district", "id"]?.string ?? answer.text }
            let first = try await client.post("/v1/requests", ask(#"{"clever_id":"c1","name":"Springfield"}"#))
            let byClever = try await client.post("/v1/requests", ask("rostering", #"{"clever_id":"c1"}"#))
            #expect(district(byClever) == district(first))
            _ = try await client.post("/v1/requests/\(byClever.id)/withdraw")
            let byID = try await client.post(
                "/v1/requests", ask("rostering", #"{"id":"\#(district(first))","name":"Other Name"}"#))
            #expect(
                district(byID) == district(first) && byID["district", "name"]?.string == "Springfield"
                    && byID["attempt"]?.integer == 2)
            let named = try await client.post("/v1/requests", ask(#"{"name":"Springfield","state":"IL"}"#))
            let again = try await client.post("/v1/requests", ask(#"{"name":"Springfield","state":"IL"}"#))
            #expect(Set([district(first), district(named), district(again)]).count == 3)
            #expect(
                named["district", "clever_id"] == .null && named["district", "time_zone"]?.string == "America/Chicago")
            expect(
                try await client.post("/v1/requests", ask(#"{"id":"\#(TestApplication.unknownID)"}"#)), is: 422,
                "invalid", at: ["/district/id"])
            expect(
                try await client.post("/v1/requests", ask(#"{"id":"nope"}"#)), is: 422, "invalid", at: ["/district/id"])
            expect(
                try await client.post("/v1/requests", ask(#"{"clever_id":"new"}"#)), is: 422, "invalid",
                at: ["/district/name"])
            expect(
                try await client.post("/v1/requests", ask(#"{"name":"Only a name"}"#)), is: 422, "invalid",
                at: ["/district/state"])
            expect(try await client.post("/v1/requests", ask("{}")), is: 422, "invalid", at: ["/district"])
            expect(try await client.post("/v1/requests", ask(#""Springfield""#)), is: 422, "invalid", at: ["/district"])
        }
    }

    @Test("a known district's empty facts are filled, and none is changed")
    func filling() async throws {
        try await TestApplication.run(configure: { $0.accountManager = nil }) { test in
            let client = test.client()
            let made = try await client.post("/v1/requests", ask(#"{"clever_id":"c1","name":"Demo"}"#))
            #expect(try await test.mails().isEmpty, "no mail without an account manager")
            let path = "/v1/districts/\(made["district", "id"]?.string ?? "")"
            let facts =
                #"{"clever_id":"c1","name":"Other","type":"school","state":"HI","nces_id":"1","account_manager":"amy@vendor.example","license":{"seats":3}}"#
            _ = try await client.post("/v1/requests", ask("rostering", facts))
            let filled = try await client.get(path)
            #expect(filled["name"]?.string == "Demo" && filled["type"]?.string == "district")
            #expect(
                filled["state"]?.string == "HI" && filled["time_zone"]?.string == "Pacific/Honolulu"
                    && filled["nces_id"]?.string == "1")
            #expect(
                filled["account_manager"]?.string == "amy@vendor.example" && filled["license", "seats"]?.integer == 3)
            #expect(try await test.mails() == ["new_request amy@vendor.example"])
            let sso = try await client.get("/v1/requests/\(made.id)")
            #expect(sso["district", "state"]?.string == "HI" && (sso.version ?? 0) > 1)
            let others =
                #"{"clever_id":"c1","state":"CA","nces_id":"2","account_manager":"bo@vendor.example","license":{"seats":9}}"#
            expect(try await client.post("/v1/requests", ask("rostering", others)), is: 409, "request_exists")
            _ = try await client.post("/v1/requests/\(made.id)/withdraw")
            _ = try await client.post("/v1/requests", ask(others))
            #expect(try await client.get(path).json["license"]?["seats"]?.integer == 3)
            #expect(try await client.get(path)["state"]?.string == "HI")
        }
    }

    @Test("lists by name, state, account manager and what is missing, newest first")
    func lists() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            for (clever, name, state, kinds) in [
                ("a", "Ålesund", "CA", ["sso"]), ("b", "Boston 100%", "MA", ["rostering"]),
                ("c", "Both", "CA", ["sso", "rostering"]),
            ] {
                test.clock.advance(seconds: 1)
                for kind in kinds {
                    let body = ask(
                        kind,
                        #"{"clever_id":"\#(clever)","name":"\#(name)","state":"\#(state)","account_manager":"\#(clever)@v.org"}"#
                    )
                    _ = try await client.post("/v1/requests", body)
                }
            }
            func names(_ query: String) async throws -> [String] {
                try await client.get("/v1/districts?\(query)").data.compactMap { $0["clever_id"]?.string }
            }
            #expect(try await names("") == ["c", "b", "a"])
            #expect(try await names("q=%C3%85LES") == ["a"])
            #expect(try await names("q=%25") == ["b"])
            #expect(try await names("state=CA") == ["c", "a"])
            #expect(try await names("account_manager=b@v.org") == ["b"])
            #expect(try await names("missing=sso") == ["b"])
            #expect(try await names("missing=rostering") == ["a"])
            let sso = try await client.get("/v1/requests?kind=sso&q=both").ids[0]
            _ = try await client.post("/v1/requests/\(sso)/decline", #"{"reason":"x"}"#)
            #expect(try await names("missing=sso") == ["c", "b"])
            let page = try await client.get("/v1/districts?limit=2")
            let next = try await client.get("/v1/districts?limit=2&cursor=\(page["next_cursor"]?.string ?? "")")
            #expect(page.ids.count == 2 && next.ids.count == 1 && next["next_cursor"] == .null)
            expect(
                try await client.get("/v1/districts?missing=both&state=ca&stat=CA"), is: 422, "invalid",
                at: ["?state", "?missing", "?stat"])
        }
    }

    @Test("approve takes every undecided request in one transaction with one e-mail; the date given applies to each")
    func approve() async throws {
        try await TestApplication.run { test in
            let client = test.client(.manager)
            let rostering = try await test.create("rostering", date: #""2026-12-10""#)
            let sso = try await test.create("sso", date: #""2026-12-01""#)
            let district = try await client.get("/v1/requests/\(sso)")["district", "id"]?.string ?? ""
            let path = "/v1/districts/\(district)/approve"
            expect(try await test.client(.submitter).post(path), is: 403, "forbidden")
            expect(try await client.post("/v1/districts/\(TestApplication.unknownID)/approve"), is: 404, "not_found")
            expect(try await client.send("GET", path), is: 405, "method_not_allowed")
            expect(
                try await client.post(path, #"{"launch_date":"2026-11-01"}"#), is: 422, "invalid", at: ["/launch_date"])
            expect(try await client.post(path, #"{"with_pair":true}"#), is: 422, "invalid", at: ["/with_pair"])
            let dry = try await client.post(path + "?dry_run=true")
            let answer = try await client.post(path, #"{"message":"Welcome"}"#)
            #expect(
                answer.status == 200 && answer["requests"]?.array?.compactMap { $0["id"]?.string } == [sso, rostering],
                "\(answer.text)")
            #expect(
                answer["requests", "0", "launch", "date"]?.string == "2026-12-01"
                    && answer["requests", "1", "launch", "date"]?.string == "2026-12-10")
            #expect(
                answer["requests", "1", "awaiting"] == .null
                    && answer["requests", "0", "decision", "message"]?.string == "Welcome")
            #expect(dry["would_send"]?.array?.count == 1 && dry["requests", "0", "state"]?.string == "approved")
            #expect(try await test.mails().filter { $0.hasPrefix("approved") } == ["approved lee@demo.k12.ca.us"])
            let both = try await client.get("/v1/emails?template=approved").data[0]["request_ids"]?.array?.compactMap(
                \.string)
            #expect(both == [sso, rostering])
            for id in [sso, rostering] {
                #expect(try await client.get("/v1/emails?template=approved&request_id=\(id)").data.count == 1)
            }
            expect(try await client.post(path), is: 409, "nothing_to_approve")
            let later = try await test.create("sso", cleverID: "d2", date: #""2026-12-01""#)
            let other = try await client.get("/v1/requests/\(later)")["district", "id"]?.string ?? ""
            test.clock.set("2026-12-05T18:00:00.000Z")
            expect(try await client.post("/v1/districts/\(other)/approve"), is: 409, "launch_date_passed")
            let moved = try await client.post("/v1/districts/\(other)/approve", #"{"launch_date":null}"#)
            #expect(
                moved["requests", "0", "launch", "date"] == .null
                    && moved["requests", "0", "launch", "requested_date"]?.string == "2026-12-01")
        }
    }

    @Test("approving one with its pair shows the pair, from either side")
    func pair() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            for kind in ["sso", "rostering"] {
                let other = kind == "sso" ? "rostering" : "sso"
                let addressed = try await test.create(kind, cleverID: kind)
                if kind == "rostering" {
                    expect(
                        try await client.post("/v1/requests/\(addressed)/approve", #"{"with_pair":true}"#), is: 409,
                        "sso_not_approved")
                }
                let pair = try await test.create(other, cleverID: kind)
                let answer = try await client.post(
                    "/v1/requests/\(addressed)/approve", #"{"with_pair":true,"launch_date":"2026-12-24"}"#)
                #expect(answer.id == addressed && answer["pair", "id"]?.string == pair, "\(answer.text)")
                #expect(answer.state == "approved" && answer["pair", "state"]?.string == "approved")
                #expect(
                    answer["launch", "date"]?.string == "2026-12-24"
                        && answer["pair", "launch", "date"]?.string == "2026-12-24")
                #expect(try await client.get("/v1/requests/\(addressed)")["pair"] == nil)
            }
            #expect(try await test.mails().filter { $0.hasPrefix("approved") }.count == 2)
            let alone = try await test.create("sso", cleverID: "alone")
            let answer = try await client.post("/v1/requests/\(alone)/approve", #"{"with_pair":true}"#)
            #expect(answer.status == 200 && answer["pair"] == nil)
        }
    }
}
