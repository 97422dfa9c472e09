import Testing

@testable import Hallpass

// API §1 on strings: no NUL and no lone surrogates; names 1–200 Unicode scalars, messages up to 4,000, e-mail addresses by
// RFC 5321's limits; kept as they came.

@Suite("Strings, at their limits and one past")
struct TextTests {
    private func ask(
        name: String = "N", requester: String = "R", email: String = "r@x.org", title: String = "T",
        message: String = "M", external: String = "E", clever: String
    ) -> String {
        #"{"kind":"sso","district":{"clever_id":"\#(clever)","name":"\#(name)"},"requester":{"name":"\#(requester)","email":"\#(email)","title":"\#(title)"},"message":"\#(message)","external_id":"\#(external)"}"#
    }

    @Test("lengths count Unicode scalars")
    func lengths() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            // Four UTF-8 bytes, two UTF-16 units, and a flag of two scalars.
            let limit = String(repeating: "😀", count: 200)
            let flags = String(repeating: "🇺🇸", count: 100)
            for (index, text) in [limit, flags, String(repeating: "e\u{301}", count: 100)].enumerated() {
                let answer = try await client.post(
                    "/v1/requests",
                    ask(
                        name: text, requester: text, title: text, message: String(repeating: text, count: 20),
                        external: text, clever: "t\(index)"))
                #expect(answer.status == 201, "\(answer.text)")
                for value in [
                    answer["district", "name"], answer["requester", "name"], answer["requester", "title"],
                    answer["external_id"],
                ] {
                    #expect(value?.string?.unicodeScalars.elementsEqual(text.unicodeScalars) == true, "kept as it came")
                }
                #expect(try await client.get("/v1/requests/\(answer.id)").json == answer.json)
            }
            let past = limit + "x"
            let message = String(repeating: "m", count: 4001)
            expect(
                try await client.post(
                    "/v1/requests",
                    ask(name: past, requester: past, title: past, message: message, external: past, clever: "p")),
                is: 422,
                "invalid", at: ["/district/name", "/requester/name", "/requester/title", "/message", "/external_id"])
            expect(
                try await client.post(
                    "/v1/requests",
                    ask(name: "", requester: "", email: "", title: "", message: "", external: "", clever: "")), is: 422,
                "invalid",
                at: ["/district/clever_id", "/district/name", "/requester/name", "/requester/email", "/external_id"])
            expect(
                try await client.post("/v1/requests", ask(clever: String(repeating: "c", count: 65))), is: 422,
                "invalid", at: ["/district/clever_id"])
            #expect(try await client.post("/v1/requests", ask(clever: String(repeating: "c", count: 64))).status == 201)
        }
    }

    @Test("an optional message, reason, note or title that is empty is none; a required one is asked for")
    func empty() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            for (index, text) in ["", "  ", "\u{A0}"].enumerated() {
                let made = try await client.post("/v1/requests", ask(title: text, message: text, clever: "e\(index)"))
                #expect(made.status == 201, "\(made.text)")
                #expect(made["message"] == .null && made["requester", "title"] == .null)
                let path = "/v1/requests/\(made.id)"
                let amended = try await client.patch(path, #"{"message":"M","requester":{"title":"T"}}"#)
                #expect(amended["message"]?.string == "M" && amended["requester", "title"]?.string == "T")
                let kept = try await client.patch(path, #"{"requester":{"name":"N"}}"#)
                #expect(kept["message"]?.string == "M" && kept["requester", "title"]?.string == "T")
                let cleared = try await client.patch(
                    path, #"{"message":"\#(text)","requester":{"title":"\#(text)"}}"#)
                #expect(cleared["message"] == .null && cleared["requester", "title"] == .null, "\(cleared.text)")
                for (action, member) in [
                    ("decline", "reason"), ("request-info", "message"), ("disconnect", "reason"),
                ] {
                    let answer = try await client.post("\(path)/\(action)", #"{"\#(member)":"\#(text)"}"#)
                    expect(answer, is: 422, "invalid", at: ["/\(member)"])
                }
                let approved = try await client.post("\(path)/approve", #"{"message":"\#(text)"}"#)
                #expect(approved.status == 200 && approved["decision", "message"] == .null, "\(approved.text)")
                let waived = try await client.put(
                    "\(path)/checklist/data_reviewed", #"{"status":"waived","note":"\#(text)"}"#)
                expect(waived, is: 422, "invalid", at: ["/note"])
                #expect(
                    try await client.post("\(path)/reschedule", #"{"launch_date":"2026-12-01","reason":"\#(text)"}"#)
                        .status == 200)
                #expect(try await client.post("\(path)/withdraw", #"{"reason":"\#(text)"}"#).status == 200)
            }
        }
    }

    @Test("NUL, lone surrogates and control characters are refused wherever text goes; line breaks pass in messages")
    func characters() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let id = try await test.request("sso", in: "approved")
            for escaped in ["\\u0000", "\\ud800", "\\udfff x", "\\u0007", "\\u007f", "\\u0085", "a\\nb"] {
                let answer = try await client.post(
                    "/v1/requests",
                    ask(
                        name: escaped, requester: escaped, email: escaped + "@x.org", title: escaped, message: escaped,
                        external: escaped, clever: "c"))
                let all = [
                    "/district/name", "/requester/name", "/requester/email", "/requester/title", "/message",
                    "/external_id",
                ]
                expect(answer, is: 422, "invalid", at: escaped == "a\\nb" ? all.filter { $0 != "/message" } : all)
                if escaped.hasPrefix("\\u0000") || escaped.hasPrefix("\\ud") {
                    for rules in [#"["\#(escaped)"]"#, #"[{"a":["\#(escaped)"]}]"#] {
                        let share = try await client.post(
                            "/v1/requests/\(id)/share", #"{"method":"rules","rules":\#(rules)}"#)
                        #expect(share.status == 422 && share.offenders[0].hasPrefix("/rules/0"), "\(share.text)")
                    }
                }
                let name = try await client.post("/v1/tokens", #"{"name":"\#(escaped)","role":"viewer"}"#)
                expect(name, is: 422, "invalid", at: ["/name"])
            }
        }
    }

    @Test("names of members are names too: a surrogate or NUL in one never gets far")
    func memberNames() async throws {
        try await TestApplication.run { test in
            expect(try await test.client().post("/v1/requests", #"{"\ud800":1}"#), is: 400, "malformed_json")
            let id = try await test.request("sso", in: "approved")
            for rules in [#"[{"\u0000":1}]"#, "[1e999999]", "[\(String(repeating: "9", count: 500))]"] {
                expect(
                    try await test.client().post("/v1/requests/\(id)/share", #"{"method":"rules","rules":\#(rules)}"#),
                    is: 422, "invalid")
            }
            // Verbatim: the order of members and the spelling of numbers are the district's.
            let rules = #"[{"z":1.50,"a":"é","nested":[1e2,null,true]},"x",-0]"#
            let shared = try await test.client().post(
                "/v1/requests/\(id)/share", #"{"method":"rules","rules":\#(rules)}"#)
            #expect(shared.status == 200 && shared["sharing", "rules"]?.text == rules, "\(shared.text)")
            #expect(try await test.client().get("/v1/requests/\(id)")["sharing", "rules"]?.text == rules)
        }
    }

    private static let addresses: [(String, Bool)] = [
        (String(repeating: "l", count: 64) + "@x.org", true), (String(repeating: "l", count: 65) + "@x.org", false),
        ("l@" + [63, 63, 63, 60].map { String(repeating: "d", count: $0) }.joined(separator: "."), true),
        ("l@" + [63, 63, 63, 61].map { String(repeating: "d", count: $0) }.joined(separator: "."), false),
        ("l@" + String(repeating: "d", count: 64) + ".org", false), ("müller@schule.example", true),
        ("a+b@x.org", true),
        (#"\"a b\"@x.org"#, true), ("a@b@x.org", false), ("a..b@x.org", false), (".a@x.org", false),
        ("a@-x.org", false), ("@x.org", false),
        ("a@", false), ("a", false), ("a b@x.org", false), ("a@x..org", false), ("a@x.org\\r\\nBcc: v@x.org", false),
        ("Lee <a@x.org>", false),
    ]

    @Test("e-mail addresses keep to RFC 5321: 64 before the @, 255 behind, 254 in all")
    func addresses() async throws {
        try await TestApplication.run { test in
            for (index, (text, isTaken)) in Self.addresses.enumerated() {
                let answer = try await test.client().post("/v1/requests", ask(email: text, clever: "d\(index)"))
                if isTaken {
                    #expect(answer.status == 201, "\(answer.text)")
                } else {
                    expect(answer, is: 422, "invalid", at: ["/requester/email"])
                }
            }
        }
    }
}
