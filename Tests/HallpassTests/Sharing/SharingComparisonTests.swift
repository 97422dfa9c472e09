import Foundation
import Postgres
import Testing

@testable import Hallpass

@Suite("The comparison of what is shared")
struct SharingComparisonTests {
    @Test("says for each side what it holds, and what both, or one alone, hold")
    func whole() async throws {
        try await TestApplication.run { test in
            let sso = try await test.create("sso")
            var sharing = try await test.sharing()
            #expect(sharing["sso"] == .null && sharing["rostering"] == .null && sharing["same_rules"] == .null)
            #expect(sharing["teachers"]?.text == #"{"both":0,"sso_only":0,"rostering_only":0}"#)
            #expect(sharing["consequences"]?.array?.isEmpty == true)
            #expect(sharing["license"]?.text == #"{"seats":null,"seats_used":0,"over":false}"#)

            let rostering = try await test.create("rostering")
            try await test.upload(
                [
                    section("s1", ["t1", "t2"], ["u1", "u2"]), section("s2", ["t3"], ["u3"]), teacher("t4"),
                    student("u9"),
                ],
                to: sso)
            sharing = try await test.sharing()
            #expect(sharing["teachers"]?.text == #"{"both":0,"sso_only":4,"rostering_only":0}"#)
            test.clock.advance(seconds: 60)
            try await test.upload([section("s1", ["t1", "t5"], ["u1", "u4"]), teacher("t3")], to: rostering)
            sharing = try await test.sharing()
            #expect(
                sharing["sso"]?.text
                    == #"{"request_id":"\#(sso)","method":null,"sections":2,"teachers":4,"students":4,"uploaded_at":"2026-11-23T18:00:00.000Z"}"#
            )
            #expect(sharing[path: "rostering.uploaded_at"]?.string == "2026-11-23T18:01:00.000Z")
            #expect(sharing["teachers"]?.text == #"{"both":2,"sso_only":2,"rostering_only":1}"#)
            #expect(sharing["sections"]?.text == #"{"both":1,"sso_only":1,"rostering_only":0}"#)
            #expect(sharing["students"]?.text == #"{"both":1,"sso_only":3,"rostering_only":1}"#)
            let consequences = sharing["consequences"]?.array ?? []
            #expect(consequences.map { $0["code"]?.string } == ["sso_only", "rostering_only"])
            #expect(consequences.map { $0["count"]?.integer } == [2, 1])
            #expect(consequences[0]["text"]?.string?.contains("can log in but not import their roster") == true)
            #expect(consequences[1]["text"]?.string?.contains("can neither log in nor import") == true)

            try await test.upload(
                [section("s1", ["t1", "t2"], ["u1", "u2"]), teacher("t4"), teacher("t3")], to: rostering)
            sharing = try await test.sharing()
            #expect(sharing["teachers"]?.text == #"{"both":4,"sso_only":0,"rostering_only":0}"#)
            #expect(sharing["consequences"]?.array?.isEmpty == true)
        }
    }

    @Test("same_rules is null until both wizards are complete, then whether method and rules are equal")
    func sameRules() async throws {
        try await TestApplication.run { test in
            let sso = try await test.bring("sso", to: "approved")
            let rostering = try await test.bring("rostering", to: "approved")
            let client = test.client()
            _ = try await client.post("/v1/requests/\(sso)/share", #"{"method":"rules","rules":["a",{"x":1,"y":2}]}"#)
            #expect(try await test.sharing()["same_rules"] == .null)
            _ = try await client.post(
                "/v1/requests/\(rostering)/share", #"{"method":"rules","rules":["a",{"y":2,"x":1}]}"#)
            #expect(try await test.sharing()["same_rules"] == .bool(true))
            for (change, expected) in [
                (Callback.sharing("updated", "sso", method: "rules", rules: #"["b"]"#), false),
                (.sharing("updated", "rostering", method: "rules", rules: #"["b"]"#), true),
                (.sharing("updated", "sso", method: "district", rules: #"["b"]"#), false),
                (.sharing("updated", "rostering", method: "district", rules: nil), false),
                (.sharing("updated", "sso", method: "district", rules: "[]"), true),
            ] {
                try await test.send(change)
                #expect(try await test.sharing()["same_rules"] == .bool(expected), "\(change)")
            }
            try await test.send(.unshared("sso"))
            #expect(try await test.sharing()["same_rules"] == .null)
            _ = try await test.upload([teacher("t1")], to: rostering)
            #expect(try await test.sharing()[path: "rostering.method"]?.string == "district")
        }
    }

    @Test("seats are the distinct students of licensed teachers' sections, rostering's before SSO's")
    func seats() async throws {
        try await TestApplication.run { test in
            let sso = try await test.create("sso")
            let rostering = try await test.create("rostering")
            let district = try await test.districtID()
            func license() async throws -> String { try await test.sharing()["license"]?.text ?? "" }
            try await test.upload(
                [
                    section("s1", ["t1"], ["u1", "u2"]), section("s2", ["t2", "t1"], ["u2", "u3"]), student("u8"),
                    student("u9"),
                ],
                to: sso)
            #expect(try await license() == #"{"seats":null,"seats_used":0,"over":false}"#)
            func patch(_ json: String) async throws {
                let answer = try await test.client().patch("/v1/districts/\(district)", #"{"license":\#(json)}"#)
                #expect(answer.status == 200, "\(answer.text)")
            }
            try await patch(#"{"seats":3,"licensed_teachers":["t1","nobody"]}"#)
            #expect(try await license() == #"{"seats":3,"seats_used":3,"over":false}"#)
            try await patch(#"{"seats":2}"#)
            #expect(try await license() == #"{"seats":2,"seats_used":3,"over":true}"#)
            try await patch(#"{"licensed_teachers":["t2"]}"#)
            #expect(try await license() == #"{"seats":2,"seats_used":2,"over":false}"#)
            try await test.upload([section("s9", ["t2"], ["u1"]), section("s8", ["t7"], ["u5"])], to: rostering)
            #expect(try await license() == #"{"seats":2,"seats_used":1,"over":false}"#)
            try await patch("null")
            #expect(try await license() == #"{"seats":null,"seats_used":0,"over":false}"#)
            try await patch(#"{"licensed_teachers":["t7","t2"]}"#)
            _ = try await test.client().post("/v1/requests/\(rostering)/withdraw")
            #expect(try await license() == #"{"seats":null,"seats_used":2,"over":false}"#)
            let shown = try await test.client().get("/v1/districts/\(district)")
            #expect(shown["license", "licensed_teachers"]?.array?.count == 2)
        }
    }

    @Test("teachers are listed by id, all or by where they are shared, page by page")
    func teachers() async throws {
        try await TestApplication.run { test in
            let sso = try await test.create("sso")
            let rostering = try await test.create("rostering")
            let district = try await test.districtID()
            let path = "/v1/districts/\(district)/sharing/teachers"
            let client = test.client(.viewer)
            func listed(_ query: String) async throws -> [String] {
                let answer = try await client.get("\(path)?\(query)")
                #expect(answer.status == 200, "\(answer.text)")
                return (answer["data"]?.array ?? []).map { teacher in
                    let marks =
                        (teacher["sso"] == .bool(true) ? "s" : "") + (teacher["rostering"] == .bool(true) ? "r" : "")
                    return "\(teacher["id"]?.string ?? "") \(marks) \(teacher["email"]?.string ?? "-")"
                }
            }
            #expect(try await listed("") == [])
            try await test.upload([teacher("t1"), teacher("T2", email: false), section("s", ["t3"], [])], to: sso)
            #expect(try await listed("") == ["T2 s -", "t1 s t1@x.example", "t3 s -"])
            #expect(try await listed("only=rostering") == [])
            #expect(try await listed("only=both") == [])
            try await test.upload([teacher("t1"), teacher("t3"), teacher("ü4")], to: rostering)
            let all = ["T2 s -", "t1 sr t1@x.example", "t3 sr t3@x.example", "ü4 r ü4@x.example"]
            #expect(try await listed("") == all)
            #expect(try await listed("only=sso") == [all[0]])
            #expect(try await listed("only=both") == [all[1], all[2]])
            #expect(try await listed("only=rostering") == [all[3]])

            var paged: [String] = []
            var query = "limit=1"
            for _ in 0..<9 {
                let answer = try await client.get("\(path)?\(query)")
                paged += answer["data"]?.array?.compactMap { $0["id"]?.string } ?? []
                guard let cursor = answer["next_cursor"]?.string else { break }
                #expect(answer.headerFields["link"]?.contains("rel=\"next\"") == true)
                query = "limit=1&cursor=\(cursor)"
                let other = try await client.get("\(path)?only=sso&\(query)")
                #expect(other.status == 400 && other.code == "invalid_cursor")
            }
            #expect(paged == ["T2", "t1", "t3", "ü4"])
            let wrong = try await client.get("\(path)?only=all")
            #expect(wrong.status == 422 && wrong["errors", "0", "parameter"]?.string == "only")
            let unknown = UUID().uuidString.lowercased()
            for path in ["sharing", "sharing/teachers", "teachers/t1/access"] {
                #expect(try await client.get("/v1/districts/\(unknown)/\(path)").status == 404)
                #expect(try await client.get("/v1/districts/x/\(path)").status == 404)
                #expect(try await client.get("/v1/districts/\(district)/\(path)?x=1").status == 422)
                #expect(try await test.client(nil).get("/v1/districts/\(district)/\(path)").status == 401)
            }
        }
    }
}
