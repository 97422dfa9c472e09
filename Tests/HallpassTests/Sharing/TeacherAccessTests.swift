import Foundation
import Postgres
import Testing

@testable import Hallpass
@testable import Integrations

@Suite("A teacher's access")
struct TeacherAccessTests {
    static let reasons = [
        "not_shared_sso", "not_shared_rostering", "sso_not_launched", "rostering_not_launched",
        "rostering_not_configured",
    ]

    struct Side: Sendable {
        var state: String
        var hasLaunched: Bool
        var holdsTeacher: Bool

        static let all: [Side] =
            [(String, Bool)]([
                ("none", false), ("pending", false), ("needs_info", false), ("approved", false), ("shared", false),
                ("shared", true), ("configured", false), ("configured", true), ("withdrawn", true),
            ]).flatMap { state, launched in
                [true, false].map { Side(state: state, hasLaunched: launched, holdsTeacher: $0) }
            }

        var isComplete: Bool { state == "shared" || state == "configured" }
        var isShared: Bool { isComplete && holdsTeacher }
        var isLaunched: Bool { isComplete && hasLaunched }
    }

    static func write(_ side: Side, _ kind: String, _ test: TestApplication) async throws {
        try await test.sql(
            "DELETE FROM shared_teacher WHERE snapshot_id IN (SELECT s.id FROM shared_snapshot s JOIN request r ON r.id = s.request_id WHERE r.kind = \(kind))"
        )
        let state = side.state == "none" ? "declined" : side.state
        // Only a wizard that was completed schedules or launches.
        let isComplete = ["shared", "configured", "disconnected"].contains(state)
        let launchStatus = isComplete ? side.hasLaunched ? "launched" : "scheduled" : "waiting"
        let launchedAt: Date? = launchStatus == "launched" ? test.clock.now : nil
        try await test.sql(
            """
            UPDATE request SET state = \(state), decision_at = created_at, sharing_completed_at = created_at,
                sharing_method = 'district', sharing_source = 'manual', configured_at = created_at, awaiting = NULL,
                ended_at = CASE WHEN \(state) IN ('declined', 'withdrawn') THEN created_at END,
                launch_status = \(launchStatus), launched_at = \(launchedAt)
            WHERE kind = \(kind)
            """)
        if side.holdsTeacher {
            try await test.sql(
                """
                INSERT INTO shared_teacher (snapshot_id, teacher_id, direct, by_section)
                SELECT s.id, 't1', true, false FROM shared_snapshot s JOIN request r ON r.id = s.request_id
                WHERE r.kind = \(kind)
                """)
        }
    }

    @Test("every combination of both kinds names every reason that holds, in the contract's order")
    func combinations() async throws {
        try await TestApplication.run { test in
            for kind in ["sso", "rostering"] { try await test.upload([student("u")], to: test.create(kind)) }
            let district = try await test.districtID()
            let client = test.client(.viewer)
            for sso in Side.all {
                try await Self.write(sso, "sso", test)
                for rostering in Side.all {
                    try await Self.write(rostering, "rostering", test)
                    let answer = try await client.get("/v1/districts/\(district)/teachers/t1/access")
                    let holds = [
                        !sso.isShared, !rostering.isShared, !sso.isLaunched, !rostering.isLaunched,
                        rostering.state != "configured",
                    ]
                    let expected = zip(Self.reasons, holds).filter(\.1).map(\.0)
                    let told = answer["reasons"]?.array ?? []
                    #expect(told.compactMap { $0["code"]?.string } == expected, "\(sso) \(rostering)")
                    #expect(answer["can_log_in"] == .bool(sso.isShared && sso.isLaunched), "\(sso) \(rostering)")
                    #expect(answer["can_import_roster"] == .bool(expected.isEmpty), "\(sso) \(rostering)")
                    #expect(told.allSatisfy { $0["text"]?.string?.isEmpty == false })
                }
            }
        }
    }

    @Test("a teacher in neither snapshot is 200 with both false, whatever the id looks like")
    func neither() async throws {
        try await TestApplication.run { test in
            let id = try await test.bring("sso", to: "shared")
            try await test.upload([teacher("t/1"), teacher("t 2"), section("s", ["é"], [])], to: id)
            let path = "/v1/districts/\(try await test.districtID())/teachers"
            for (teacher, canLogIn) in [
                ("t%2F1", true), ("t%202", true), ("%C3%A9", true), ("T%202", false), ("nobody", false),
                (String(repeating: "x", count: 500), false),
            ] {
                let answer = try await test.client(.viewer).get("\(path)/\(teacher)/access")
                #expect(answer.status == 200 && answer["can_log_in"] == .bool(canLogIn), "\(teacher): \(answer.text)")
                #expect(answer["can_import_roster"] == .bool(false))
                #expect(answer["reasons"]?.array?.isEmpty == false)
            }
        }
    }

    @Test("when SSO ends, a configured rostering stays, and access says why it is no use")
    func ssoEnds() async throws {
        try await TestApplication.run { test in
            for kind in ["sso", "rostering"] {
                try await test.upload([teacher("t1")], to: test.bring(kind, to: "configured"))
            }
            let path = "/v1/districts/\(try await test.districtID())/teachers/t1/access"
            let before = try await test.client(.viewer).get(path)
            #expect(before.text == #"{"can_log_in":true,"can_import_roster":true,"reasons":[]}"#)
            try await test.act("disconnect", "sso", #"{"reason":"Moved"}"#)
            #expect(try await test.state("rostering") == "configured")
            #expect(try await test.request("rostering")["awaiting"]?.string == "sso")
            let after = try await test.client(.viewer).get(path)
            #expect(after["can_log_in"] == .bool(false) && after["can_import_roster"] == .bool(false))
            #expect(
                after["reasons"]?.array?.compactMap { $0["code"]?.string } == ["not_shared_sso", "sso_not_launched"])
        }
    }
}
