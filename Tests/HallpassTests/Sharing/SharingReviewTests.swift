import Foundation
import Postgres
import Testing

@testable import Hallpass

@Suite("Differences that were accepted")
struct SharingReviewTests {
    static func settle(_ id: String, _ status: String, _ test: TestApplication) async throws {
        let answer = try await test.client().put(
            "/v1/requests/\(id)/checklist/sharing_matches_sso", #"{"status":"\#(status)","note":"Meant so"}"#)
        #expect(answer.status == 200, "\(answer.text)")
    }

    static func status(_ id: String, _ test: TestApplication) async throws -> String? {
        let request = try await test.client().get("/v1/requests/\(id)").json
        return request["checklist"]?.array?.first { $0["item"]?.string == "sharing_matches_sso" }?["status"]?.string
    }

    @Test(
        "a difference that was waived, or a match that was seen, is open again when the data changes, and only then",
        arguments: ["waived", "done"])
    func reopened(status: String) async throws {
        try await TestApplication.run { test in
            let sso = try await test.bring("sso", to: "shared")
            let rostering = try await test.bring("rostering", to: "shared")
            let lines = [section("s1", ["t1"], ["u1", "u2"]), teacher("t1"), teacher("t2")]
            try await test.upload(lines, to: sso)
            try await test.upload([lines[0]], to: rostering)
            try await Self.settle(rostering, status, test)
            let settled = try await test.client().get("/v1/requests/\(rostering)")

            try await test.upload(lines.reversed(), to: sso)
            try await test.upload([section("s1", ["t1"], ["u2", "u1"])], to: rostering)
            #expect(try await test.upload([teacher("x"), "bad"], to: sso).status == 422)
            #expect(try await test.upload([teacher("x")], to: sso, query: "?dry_run=true").status == 200)
            _ = try await test.client().put("/v1/requests/\(rostering)/checklist/data_reviewed", #"{"status":"open"}"#)
            try await test.send(.sharing("updated", "sso"))
            #expect(try await test.client().get("/v1/requests/\(rostering)").text == settled.text)

            try await test.upload([lines[0], teacher("t1")], to: sso)
            #expect(try await Self.status(rostering, test) == "open")
            let open = try await test.client().get("/v1/requests/\(rostering)")
            #expect(open["version"]?.integer == (settled["version"]?.integer ?? 0) + 1)
            #expect(try await test.timeline(rostering, "sharing").contains { $0.contains("look at it again") })
            let item = open["checklist"]?.array?.first { $0["item"]?.string == "sharing_matches_sso" }
            #expect(item?["by"] == .null && item?["note"] == .null)

            try await Self.settle(rostering, status, test)
            try await test.upload([section("s1", ["t1"], ["u1", "u3"])], to: rostering)
            #expect(try await Self.status(rostering, test) == "open")
            try await Self.settle(rostering, status, test)
            try await test.send(
                Callback.sharing("updated", "rostering", rules: #"["s9"]"#).at("2026-11-23T17:30:00Z"))
            #expect(try await Self.status(rostering, test) == "open")
        }
    }

    @Test("once configured the checklist is history: the change is only noted")
    func configured() async throws {
        try await TestApplication.run { test in
            let sso = try await test.bring("sso", to: "shared")
            let rostering = try await test.bring("rostering", to: "configured")
            try await test.upload([teacher("t1")], to: rostering)
            let before = try await test.client().get("/v1/requests/\(rostering)").text
            try await test.upload([teacher("t1")], to: sso)
            try await test.upload([teacher("t2")], to: rostering)
            #expect(try await test.client().get("/v1/requests/\(rostering)").text == before)
            let notes = try await test.timeline(rostering, "sharing")
            #expect(notes.contains { $0.contains("has changed since the request was configured") })
        }
    }

    @Test("seats do not open it, nor does another district's data")
    func others() async throws {
        try await TestApplication.run { test in
            _ = try await test.bring("sso", to: "shared")
            let rostering = try await test.bring("rostering", to: "shared")
            try await test.upload([section("s1", ["t1"], ["u1"])], to: rostering)
            try await Self.settle(rostering, "waived", test)
            let district = try await test.districtID()
            _ = try await test.client().patch(
                "/v1/districts/\(district)", #"{"license":{"licensed_teachers":["t1"]}}"#)
            let other = try await test.bring("sso", to: "shared", "d2")
            try await test.upload([teacher("t9")], to: other)
            #expect(try await Self.status(rostering, test) == "waived")
        }
    }
}
