import Foundation
import HTTPServer
import Integrations
import Postgres

/// `GET /v1/districts/{id}/teachers/{clever_id}/access`: may this teacher log in and import, and if not, why (API §5).
/// One statement, each table by its index.
enum GetTeacherAccess {
    static func run(_ call: Call) async throws -> Answer {
        let districtID = try call.id(of: "district")
        let teacherID = call.request.parameters["clever_id"] ?? ""
        // What no upload could have named is no id: 404, as any malformed one is.
        guard TextRule.offence(in: teacherID, length: 0...Int.max, multiline: false) == nil else {
            throw Problem.notFound("teacher")
        }
        let rows = try await call.read(find(districtID, teacherID))
        guard !rows.isEmpty else { throw Problem.notFound("district") }
        try call.refuseQuery()
        let access = Access(sso: try standing(.sso, in: rows), rostering: try standing(.rostering, in: rows))
        return Answer.json { writer in
            writer.object { writer in
                writer.member("can_log_in", access.canLogIn)
                writer.member("can_import_roster", access.canImportRoster)
                writer.member(
                    "reasons",
                    array: { writer in
                        for reason in access.reasons {
                            writer.object { writer in
                                writer.member("code", reason.rawValue)
                                writer.member("text", reason.text)
                            }
                        }
                    })
            }
        }
    }

    private static func standing(_ kind: Kind, in rows: Rows) throws -> Access.Standing {
        for row in rows where try row.get(0, as: String?.self) == kind.rawValue {
            return Access.Standing(
                state: try RequestRows.known(row.get(1)), launchStatus: try RequestRows.known(row.get(2)),
                holdsTeacher: try row.get(3))
        }
        return .none
    }

    private static func find(_ districtID: UUID, _ teacherID: String) -> Query {
        Query(
            "sharing.access",
            """
            SELECT r.kind, r.state, r.launch_status, t.teacher_id IS NOT NULL
            FROM district d
            LEFT JOIN request r ON r.district_id = d.id AND r.state NOT IN ('declined', 'withdrawn', 'disconnected')
            LEFT JOIN shared_snapshot s ON s.request_id = r.id AND s.current
            LEFT JOIN shared_teacher t ON t.snapshot_id = s.id AND t.teacher_id = \(teacherID)
            WHERE d.id = \(districtID)
            """)
    }
}
