import Foundation
import Integrations
import Postgres

// Shared data goes in three ways. A snapshot that a newer one has replaced is no longer current the moment the newer one is
// committed; its rows are taken out afterwards, a few thousand at a time, so that nobody waits for them. The snapshots of
// a request that ended some time ago are first made not current, with an entry in the audit trail, and then go the same
// way. An erasure takes everything of a district at once, in its own transaction.

enum SharedData {
    /// Tables that hold rows of a snapshot by its id, without a foreign key.
    private enum Rows: String, CaseIterable {
        case sections = "shared_section"
        case teachers = "shared_teacher"
        case students = "shared_student"
        case listed = "sharing_teacher"
    }

    /// Makes the snapshots of requests that ended before `endedBefore` obsolete, at most `limit` requests at a time, each in
    /// its own transaction with an audit entry (`request.shared_data_deleted`). - Returns: how many requests there were.
    static func retire(_ application: Application, endedBefore: Date, limit: Int = 100) async throws -> Int {
        let ended = try await application.database.query(
            Query(
                "shared_data.ended",
                """
                SELECT r.id FROM shared_snapshot s JOIN request r ON r.id = s.request_id
                WHERE s.current AND r.ended_at < \(endedBefore)
                ORDER BY r.ended_at, r.id LIMIT \(limit)
                """))
        for row in ended {
            let requestID = try row.get(0, as: UUID.self)
            try await application.perform(author: .service, now: application.now()) { work in
                try await retire(requestID, work)
            }
        }
        return ended.count
    }

    private static func retire(_ requestID: UUID, _ work: Work) async throws {
        let rows = try await work.transaction.query(all: [
            Query(
                "shared_data.lock_district",
                """
                SELECT d.id FROM district d JOIN request r ON r.district_id = d.id WHERE r.id = \(requestID)
                FOR NO KEY UPDATE OF d
                """),
            Query(
                "shared_data.retire",
                """
                UPDATE shared_snapshot SET current = false WHERE request_id = \(requestID) AND current
                RETURNING sections, teachers, students
                """),
        ])
        guard let district = rows[0].first, let counts = rows[1].first else { return }
        let districtID = try district.get(0, as: UUID.self)
        let before = try SnapshotCounts.text(
            sections: counts.get(0), teachers: counts.get(1), students: counts.get(2))
        work.audit(
            "request.shared_data_deleted", requestID: requestID, districtID: districtID, before: before, after: nil)
        work.note(
            requestID: requestID, districtID: districtID, type: .sharing,
            text: "The shared data was deleted: the request ended some time ago.", data: before)
    }

    /// Deletes up to `limit` rows of one snapshot that is not current, and the snapshot itself when they are all gone. Several
    /// instances may do it at once; each takes another snapshot.
    /// - Returns: false when there was nothing to delete.
    static func deleteBatch(_ application: Application, limit: Int = 5000) async throws -> Bool {
        try await application.database.transaction("shared_data.delete", retry: .safe) { transaction in
            let found = try await transaction.query(
                Query(
                    "shared_data.obsolete",
                    """
                    SELECT id FROM shared_snapshot WHERE NOT current ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
                    """))
            guard let snapshotID = try found.first?.get(0, as: UUID.self) else { return false }
            for table in Rows.allCases {
                let deleted = try await transaction.query(deleteSome(of: snapshotID, from: table, limit: limit))
                if try deleted[0].get(0, as: Int.self) > 0 { return true }
            }
            transaction.execute(
                Query("shared_data.delete_snapshot", "DELETE FROM shared_snapshot WHERE id = \(snapshotID)"))
            return true
        }
    }

    private static func deleteSome(of snapshotID: UUID, from table: Rows, limit: Int) -> Query {
        Query(
            "shared_data.delete_rows",
            """
            WITH deleted AS (
                DELETE FROM \(raw: table.rawValue) WHERE ctid = ANY (ARRAY(
                    SELECT ctid FROM \(raw: table.rawValue) WHERE snapshot_id = \(snapshotID) LIMIT \(limit)))
                RETURNING 1
            )
            SELECT count(*) FROM deleted
            """)
    }

    /// Deletes all shared data of a district, in the transaction of its erasure and before its requests go.
    static func erase(districtID: UUID, _ work: Work) {
        for table in Rows.allCases {
            work.transaction.execute(
                Query(
                    "shared_data.erase_rows",
                    """
                    DELETE FROM \(raw: table.rawValue)
                    WHERE snapshot_id IN (SELECT id FROM shared_snapshot WHERE district_id = \(districtID))
                    """))
        }
        work.transaction.execute(
            Query("shared_data.erase", "DELETE FROM shared_snapshot WHERE district_id = \(districtID)"))
    }
}
