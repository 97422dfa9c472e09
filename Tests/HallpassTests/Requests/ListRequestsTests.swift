import Foundation
import Testing

@testable import Hallpass

@Suite("GET /v1/requests")
struct ListRequestsTests {
    /// Requests of every kind and state, made a second apart; returns id → what it is.
    private func fill(_ test: TestApplication) async throws -> [(id: String, name: String)] {
        var made: [(String, String)] = []
        for (index, state) in TestApplication.states.enumerated() {
            test.clock.advance(seconds: 1)
            let date = index % 2 == 0 ? "\"2026-12-\(String(format: "%02d", index + 1))\"" : "null"
            made.append((try await test.request("sso", in: state, cleverID: "list-\(state)", date: date), state))
        }
        test.clock.advance(seconds: 1)
        made.append((try await test.create("rostering", cleverID: "list-pending"), "rostering"))
        return made
    }

    @Test("each filter keeps what it says, several are all meant, and sorts go as named with ties by id")
    func filters() async throws {
        try await TestApplication.run { test in
            let made = try await fill(test)
            let client = test.client(.viewer)
            let id = Dictionary(uniqueKeysWithValues: made.map { ($0.name, $0.id) })
            func names(_ query: String) async throws -> [String] {
                let answer = try await client.get("/v1/requests?\(query)")
                #expect(answer.status == 200, "\(query): \(answer.text)")
                return answer.ids.compactMap { id in made.first { $0.id == id }?.name }
            }
            #expect(try await names("") == made.map(\.name).reversed())
            #expect(try await names("sort=created_at") == made.map(\.name))
            #expect(try await names("state=approved") == ["approved"])
            #expect(try await names("state=approved,pending&kind=sso") == ["approved", "pending"])
            #expect(try await names("kind=rostering") == ["rostering"])
            #expect(try await names("awaiting=sso") == ["rostering"])
            #expect(try await names("awaiting=none&kind=rostering") == [])
            #expect(try await names("launch_status=launched") == ["shared"])
            #expect(try await names("launch_status=scheduled") == ["configured"])
            #expect(
                try await names("launch_after=2026-12-01&launch_before=2026-12-07&sort=launch_date") == [
                    "approved", "configured",
                ])
            #expect(
                try await names("sort=launch_date").prefix(4) == ["pending", "approved", "configured", "withdrawn"])
            let district = try await client.get("/v1/requests/\(id["rostering"] ?? "")")["district", "id"]?.string ?? ""
            #expect(try await names("district_id=\(district)") == ["rostering", "pending"])
            #expect(try await names("district_id=\(TestApplication.unknownID)") == [])
            #expect(try await names("account_manager=amy@vendor.example&state=shared") == ["shared"])
            #expect(try await names("account_manager=nobody@vendor.example") == [])
            let updated = try await client.get("/v1/requests/\(id["configured"] ?? "")")["updated_at"]?.string ?? ""
            #expect(try await !names("updated_after=\(updated)").contains("configured"), "exclusive")
            #expect(try await names("updated_after=2026-11-23T18:00:04.999Z").contains("configured"))
            test.clock.advance(seconds: 1)
            _ = try await test.client().patch("/v1/requests/\(id["pending"] ?? "")", #"{"message":"now"}"#)
            #expect(try await names("sort=-updated_at").first == "pending")
        }
    }

    @Test("q finds district, requester and e-mail, in any case and spelling, and takes wildcards for what they are")
    func search() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            func make(_ clever: String, _ name: String, _ requester: String, _ email: String) async throws -> String {
                try await client.post(
                    "/v1/requests",
                    #"{"kind":"sso","district":{"clever_id":"\#(clever)","name":"\#(name)"},"requester":{"name":"\#(requester)","email":"\#(email)"}}"#
                ).id
            }
            let cafe = try await make("q1", "Café Município Schools", "José Ñandú", "jose@example.org")
            let percent = try await make("q2", #"100% _Fun_ back\\slash"#, "Ann Lee", "ann@example.org")
            let sharp = try await make("q3", "Große Straße", "ＦＵＬＬＷＩＤＴＨ", "k@xn.example")
            let cases: [(String, [String])] = [
                ("café", [cafe]), ("CAFÉ", [cafe]), ("cafe\u{301}", [cafe]), ("MUNIC\u{CD}PIO", [cafe]),
                ("ñandú", [cafe]), ("JOSE@", [cafe]),
                ("100%", [percent]), ("%", [percent]), ("_fun_", [percent]), ("_", [percent]), ("\\slash", [percent]),
                ("k\\s", [percent]),
                ("a", [sharp, percent, cafe]), ("k@", [sharp]), ("é ", [cafe]), ("ee\u{301}", []), ("fun", [percent]),
                ("zq", []), ("q", []), ("'", []), ("\\", [percent]), ("lee' & 'ann", []), ("ann:*", []), ("!lee", []),
                ("(ann|lee)", []), ("100% _fun_ back\\slash", [percent]), ("n lee", [percent]), ("ann lee", [percent]),
                ("n l", [percent]), ("0%25", []), ("fullwidth", [sharp]), ("große", [sharp]),
                ("example.org", [percent, cafe]),
                ("nobody", []),
                ("schools\njosé", []),
            ]
            for (text, expected) in cases where !text.contains("\n") {
                let escaped = text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
                #expect(try await client.get("/v1/requests?q=\(escaped)").ids == expected, "\(text)")
            }
            expect(try await client.get("/v1/requests?q=%00"), is: 422, "invalid", at: ["?q"])
            expect(try await client.get("/v1/requests?q="), is: 422, "invalid", at: ["?q"])
            // A new name is found at once, on open and on ended requests.
            _ = try await client.post("/v1/requests/\(cafe)/withdraw")
            let district = try await client.get("/v1/requests/\(cafe)")["district", "id"]?.string ?? ""
            _ = try await client.patch(
                "/v1/districts/\(district)", #"{"name":"Renamed","account_manager":"bo@vendor.example"}"#)
            #expect(try await client.get("/v1/requests?q=renamed").ids == [cafe])
            #expect(try await client.get("/v1/requests?q=caf").ids == [])
            #expect(try await client.get("/v1/requests?account_manager=bo@vendor.example").ids == [cafe])
        }
    }

    @Test("every wrong parameter is named at once, repeated and unknown ones too")
    func offences() async throws {
        try await TestApplication.run { test in
            let answer = try await test.client().get(
                "/v1/requests?state=open,pendign&kind=ss&district_id=7&awaiting=none,&launch_status=x&launch_before=2026-02-30&launch_after=soon"
                    + "&updated_after=yesterday&sort=name&limit=0&colour=1&account_manager=")
            expect(
                answer, is: 422, "invalid",
                at: [
                    "?state", "?state", "?kind", "?district_id", "?awaiting", "?launch_status", "?launch_before",
                    "?launch_after",
                    "?account_manager", "?updated_after", "?sort", "?limit", "?colour",
                ])
            #expect(answer.offence("?kind")?.contains("did you mean sso?") == true)
            let near = try await test.client().get("/v1/requests?launch_befor=2026-12-01")
            #expect(near.offence("?launch_befor")?.contains("did you mean launch_before?") == true)
            expect(
                try await test.client().get("/v1/requests?kind=sso&kind=rostering"), is: 422, "invalid", at: ["?kind"])
            for limit in ["0", "-1", "x", "1.5", "", "٣"] {
                let escaped = limit.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
                expect(try await test.client().get("/v1/requests?limit=\(escaped)"), is: 422, "invalid", at: ["?limit"])
            }
            for limit in ["1", "500", "501", "99999999999999999999"] {
                #expect(try await test.client().get("/v1/requests?limit=\(limit)").status == 200, "\(limit)")
            }
        }
    }

    @Test(
        "pages hold together: nothing twice, nothing missed, under inserts, in every sort; the link keeps the filters")
    func paging() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            var ids: Set<String> = []
            for number in 0..<23 {
                if number % 3 == 0 { test.clock.advance(seconds: 1) }
                let date = number % 2 == 0 ? "null" : "\"2026-12-\(String(format: "%02d", number % 4 + 1))\""
                ids.insert(try await test.create("sso", cleverID: "p\(number)", date: date))
            }
            for sort in ["-created_at", "created_at", "launch_date", "-updated_at"] {
                var target = "/v1/requests?kind=sso&sort=\(sort)&limit=5"
                var seen: [String] = []
                let whole = try await client.get("/v1/requests?kind=sso&sort=\(sort)&limit=500").ids
                while true {
                    let page = try await client.get(target)
                    #expect(page.status == 200 && page.data.count <= 5, "\(page.text)")
                    seen += page.ids
                    guard let next = page["next_cursor"]?.string else {
                        #expect(page.headerFields["link"] == nil)
                        break
                    }
                    let link = try #require(page.headerFields["link"])
                    #expect(
                        link.hasPrefix("</v1/requests?") && link.hasSuffix(">; rel=\"next\"")
                            && link.contains("kind=sso"))
                    target = String(link.dropFirst().prefix { $0 != ">" })
                    #expect(target.contains("cursor=\(next)") && target.contains("limit=5"))
                    if seen.count == 5 { _ = try await test.create("rostering", cleverID: "p-\(sort)") }
                }
                #expect(seen == whole && Set(seen) == ids, "\(sort)")
            }
        }
    }

    @Test("an unreadable cursor, or one of other filters, another sort or another list, is 400")
    func cursors() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            for number in 0..<3 { _ = try await test.create("sso", cleverID: "c\(number)") }
            let cursor = try #require(try await client.get("/v1/requests?kind=sso&limit=1")["next_cursor"]?.string)
            #expect(
                try await client.get("/v1/requests?limit=2&kind=sso&cursor=\(cursor)").data.count == 2,
                "another limit is fine")
            for target in [
                "/v1/requests?cursor=\(cursor)", "/v1/requests?kind=rostering&cursor=\(cursor)",
                "/v1/districts?kind=sso&cursor=\(cursor)",
                "/v1/requests?kind=sso&sort=created_at&cursor=\(cursor)", "/v1/requests?kind=sso&cursor=\(cursor)x",
                "/v1/requests?kind=sso&cursor=\(cursor.dropFirst())", "/v1/requests?cursor=", "/v1/requests?cursor=%00",
                "/v1/requests?cursor=W10", "/v1/tokens?cursor=x", "/v1/audit?cursor=x", "/v1/emails?cursor=x",
                "/v1/requests?cursor=\(String(repeating: "a", count: 3000))",
            ] {
                expect(try await client.get(target), is: 400, "invalid_cursor")
            }
        }
    }
}
