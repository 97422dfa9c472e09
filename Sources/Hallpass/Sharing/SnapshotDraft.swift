import Foundation
import Integrations
import Postgres

/// A snapshot whose rows are written and which nobody reads yet, with what had to be counted about it and the other kind's
/// before the district's row is locked.
struct SnapshotDraft {
    private let snapshotID: UUID
    private let basis: SharingComparison.Basis?
    private let seatsUsed: Int
    private let common: SharingComparison.Common?

    /// What the new snapshot replaces.
    struct Former {
        /// Nil when there was none.
        var counts: JSONText?
        var digest: [UInt8]?

        /// Whether the content is another one, or may be.
        func isChanged(to digest: [UInt8]?) -> Bool { digest == nil || digest != self.digest }
    }

    static func make(_ snapshotID: UUID, for requestID: UUID, in transaction: Transaction) async throws -> SnapshotDraft
    {
        let rows = try await transaction.query(SharingComparison.basis(of: requestID))
        return try await make(snapshotID, for: requestID, SharingComparison.readBasis(rows), in: transaction)
    }

    private static func make(
        _ snapshotID: UUID, for requestID: UUID, _ basis: SharingComparison.Basis?, in transaction: Transaction
    ) async throws -> SnapshotDraft {
        var seatsUsed = 0
        var common: SharingComparison.Common?
        if let basis {
            if basis.hasLicense {
                seatsUsed = try await SharingComparison.seatsUsed(
                    snapshotID, districtID: basis.districtID, in: transaction)
            }
            if let other = basis.otherSnapshotID {
                common = try await SharingComparison.compare(snapshotID, of: basis.kind, with: other, in: transaction)
            }
        }
        return SnapshotDraft(snapshotID: snapshotID, basis: basis, seatsUsed: seatsUsed, common: common)
    }

    /// The same when nothing that it was counted with has changed since, else counted anew. Called under the district's lock.
    func confirmed(for requestID: UUID, in transaction: Transaction) async throws -> SnapshotDraft {
        let rows = try await transaction.query(SharingComparison.basis(of: requestID))
        let current = try SharingComparison.readBasis(rows)
        if current == basis { return self }
        if common != nil { SharingComparison.forget(snapshotID, in: transaction) }
        return try await Self.make(snapshotID, for: requestID, current, in: transaction)
    }

    /// Takes the place of the request's current snapshot, which is left to be swept.
    func replace(
        _ request: IntegrationRequest, _ counts: SnapshotCounts, digest: [UInt8]?, at now: Date,
        in transaction: Transaction
    ) async throws -> Former {
        let rows = try await transaction.query(
            Query(
                "shared_data.obsolete_former",
                """
                UPDATE shared_snapshot SET current = false WHERE request_id = \(request.id) AND current
                RETURNING sections, teachers, students, digest
                """))
        transaction.execute(
            Query(
                "shared_data.insert_snapshot",
                """
                INSERT INTO shared_snapshot (id, request_id, district_id, current, sections, teachers_direct,
                    teachers_by_section, teachers, students, staff, seats_used, warnings, digest, uploaded_at)
                VALUES (\(snapshotID), \(request.id), \(request.districtID), true, \(counts.sections),
                    \(counts.teachersDirect), \(counts.teachersBySection), \(counts.teachers), \(counts.students),
                    \(counts.staff), \(seatsUsed), \(counts.warningsText), \(digest), \(now))
                """))
        if let common, let other = basis?.otherSnapshotID {
            SharingComparison.store(common, of: snapshotID, with: other, at: now, in: transaction)
        }
        guard let row = rows.first else { return Former() }
        return Former(
            counts: SnapshotCounts.text(
                sections: try row.get(0), teachers: try row.get(1), students: try row.get(2)),
            digest: try row.get(3))
    }
}
