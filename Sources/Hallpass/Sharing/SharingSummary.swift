import Foundation
import Integrations
import Postgres

/// What a district's two kinds share at the moment, as it is read for a comparison or a list.
struct SharingSummary {
    struct Side {
        var requestID: UUID
        var method: String?
        var snapshotID: UUID
        var sections: Int
        var teachers: Int
        var students: Int
        var seatsUsed: Int
        var uploadedAt: Date
    }

    var sso: Side?
    var rostering: Side?
    var seats: Int?
    /// Nil unless both wizards are complete.
    var hasSameRules: Bool?
    var common = SharingComparison.Common()

    /// What one kind has, the other has, and both.
    struct Split: Equatable {
        var both: Int
        var ssoOnly: Int
        var rosteringOnly: Int
    }

    var teachers: Split { split(common.teachers, \.teachers) }
    var sections: Split { split(common.sections, \.sections) }
    var students: Split { split(common.students, \.students) }

    private func split(_ both: Int, _ count: (Side) -> Int) -> Split {
        Split(
            both: both, ssoOnly: (sso.map(count) ?? 0) - both, rosteringOnly: (rostering.map(count) ?? 0) - both)
    }

    /// Rostering's seats, else SSO's.
    var seatsUsed: Int { rostering?.seatsUsed ?? sso?.seatsUsed ?? 0 }

    /// The snapshot under which the teachers of both are listed: the newer one, when there are two.
    var pairSnapshotID: UUID?

    /// Reads it in one round trip; nil for an unknown district.
    static func read(_ districtID: UUID, _ call: Call) async throws -> SharingSummary? {
        let rows = try await call.read(all: [sides(districtID), rules(districtID), common(districtID)])
        guard let first = rows[0].first else { return nil }
        var summary = SharingSummary()
        summary.seats = try first.get(0)
        for row in rows[0] {
            guard let kind = try row.get(1, as: String?.self), let snapshotID = try row.get(4, as: UUID?.self) else {
                continue
            }
            let side = Side(
                requestID: try row.get(2), method: try row.get(3), snapshotID: snapshotID, sections: try row.get(5),
                teachers: try row.get(6), students: try row.get(7), seatsUsed: try row.get(8),
                uploadedAt: try row.get(9))
            if kind == Kind.sso.rawValue { summary.sso = side } else { summary.rostering = side }
        }
        summary.hasSameRules = try rows[1].first?.get(0)
        if let row = rows[2].first {
            summary.pairSnapshotID = try row.get(0)
            summary.common = SharingComparison.Common(
                teachers: try row.get(1), sections: try row.get(2), students: try row.get(3))
        }
        return summary
    }

    private static func sides(_ districtID: UUID) -> Query {
        Query(
            "sharing.sides",
            """
            SELECT d.license_seats, r.kind, r.id, CASE WHEN r.state IN ('shared', 'configured') THEN r.sharing_method END,
                s.id, s.sections, s.teachers, s.students, s.seats_used, s.uploaded_at
            FROM district d
            LEFT JOIN request r ON r.district_id = d.id AND r.state NOT IN ('declined', 'withdrawn', 'disconnected')
            LEFT JOIN shared_snapshot s ON s.request_id = r.id AND s.current
            WHERE d.id = \(districtID)
            """)
    }

    /// One row when both wizards are complete: whether the methods and the rules are the same. No rules are an empty list.
    private static func rules(_ districtID: UUID) -> Query {
        Query(
            "sharing.rules",
            """
            SELECT s.sharing_method = r.sharing_method
                AND coalesce(s.sharing_rules::jsonb, '[]') = coalesce(r.sharing_rules::jsonb, '[]')
            FROM request s JOIN request r USING (district_id)
            WHERE s.district_id = \(districtID) AND s.kind = 'sso' AND r.kind = 'rostering'
                AND s.state IN ('shared', 'configured') AND r.state IN ('shared', 'configured')
            """)
    }

    private static func common(_ districtID: UUID) -> Query {
        Query(
            "sharing.common",
            """
            SELECT c.snapshot_id, c.teachers_both, c.sections_both, c.students_both
            FROM shared_snapshot a JOIN shared_snapshot b ON b.district_id = a.district_id AND b.id <> a.id AND b.current
            JOIN request ra ON ra.id = a.request_id AND ra.state NOT IN ('declined', 'withdrawn', 'disconnected')
            JOIN request rb ON rb.id = b.request_id AND rb.state NOT IN ('declined', 'withdrawn', 'disconnected')
            JOIN sharing_comparison c ON c.snapshot_id = a.id AND c.other_snapshot_id = b.id
            WHERE a.district_id = \(districtID) AND a.current
            """)
    }
}
