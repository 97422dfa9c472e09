import Foundation
import Postgres

/// `GET /v1/districts/{id}/sharing/teachers`: the teachers of the current snapshots, by their id (API §5).
enum ListSharedTeachers {
    enum Presence: String, CaseIterable {
        case sso, rostering, both
    }

    private struct Teacher {
        var id: String
        var email: String?
        var presence: Presence
    }

    static func run(_ call: Call) async throws -> Answer {
        let id = try call.id(of: "district")
        guard let summary = try await SharingSummary.read(id, call) else {
            throw Problem.notFound("district")
        }
        let complaints = Complaints()
        var reader = call.query(complaints)
        let only = reader.choice("only", Presence.self)
        let page = try Page(&reader, of: call)
        reader.finish()
        try complaints.check()
        let teachers = try await read(summary, only: only, after: page.after?.key ?? "", limit: page.limit + 1, call)
        return page.answer(teachers, cursor: { Cursor(key: $0.id, id: id) }) { teacher, writer in
            writer.object { writer in
                writer.member("id", teacher.id)
                writer.member("email", teacher.email)
                writer.member("sso", teacher.presence != .rostering)
                writer.member("rostering", teacher.presence != .sso)
            }
        }
    }

    private static func read(
        _ summary: SharingSummary, only: Presence?, after: String, limit: Int, _ call: Call
    ) async throws -> [Teacher] {
        if let pair = summary.pairSnapshotID {
            let query =
                only.map { listed(pair, only: $0, after: after, limit: limit) }
                ?? listed(pair, after: after, limit: limit)
            return try await call.read(query).map { row in
                Teacher(
                    id: try row.get(0), email: try row.get(1),
                    presence: Presence(rawValue: try row.get(2, as: String.self)) ?? .both)
            }
        }
        let presence: Presence = summary.sso == nil ? .rostering : .sso
        guard let side = summary.sso ?? summary.rostering, only == nil || only == presence else { return [] }
        return try await call.read(shared(side.snapshotID, after: after, limit: limit)).map {
            row in
            Teacher(id: try row.get(0), email: try row.get(1), presence: presence)
        }
    }

    /// One snapshot's teachers, when there is only one.
    private static func shared(_ snapshotID: UUID, after: String, limit: Int) -> Query {
        Query(
            "sharing.teachers_of_one",
            """
            SELECT teacher_id, email FROM shared_teacher
            WHERE snapshot_id = \(snapshotID) AND teacher_id > \(after) ORDER BY teacher_id LIMIT \(limit)
            """)
    }

    private static func listed(_ pair: UUID, only: Presence, after: String, limit: Int) -> Query {
        Query(
            "sharing.teachers_of_one_presence",
            """
            SELECT teacher_id, email, presence FROM sharing_teacher
            WHERE snapshot_id = \(pair) AND presence = \(only.rawValue) AND teacher_id > \(after)
            ORDER BY teacher_id LIMIT \(limit)
            """)
    }

    /// The first of each sort, then the first of them all.
    private static func listed(_ pair: UUID, after: String, limit: Int) -> Query {
        func first(_ presence: Presence) -> SQL {
            """
            (SELECT teacher_id, email, presence FROM sharing_teacher
            WHERE snapshot_id = \(pair) AND presence = \(presence.rawValue) AND teacher_id > \(after)
            ORDER BY teacher_id LIMIT \(limit))
            """
        }
        return Query(
            "sharing.teachers_of_both",
            """
            SELECT teacher_id, email, presence FROM (
            \(first(.sso)) UNION ALL \(first(.rostering)) UNION ALL \(first(.both))
            ) teachers ORDER BY teacher_id LIMIT \(limit)
            """)
    }
}
