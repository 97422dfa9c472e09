import Foundation
import Integrations
import Postgres

// A district's two current snapshots (its open SSO request's and its open rostering request's) make a pair. A pair comes
// into being only when one of the two is uploaded, so the uploading transaction counts what they have in common and
// writes it down under its own snapshot; how many each has by itself is known from the snapshots. When a request ends its
// snapshot is no longer one of the two, and what was written about the pair is not found any more. So sharing, taking it
// back and ending need nothing done here, and a read never counts. Seats are a number of one snapshot and the license,
// and are counted anew when either changes.

enum SharingComparison {
    /// What is compared with: the district as it was read before its row was locked.
    struct Basis: Equatable {
        var districtID: UUID
        var kind: Kind
        var hasLicense: Bool
        /// Of the licensed teachers, so that a change of them is noticed.
        var licenseDigest: String
        var otherSnapshotID: UUID?
    }

    struct Common: Equatable {
        var teachers = 0
        var sections = 0
        var students = 0
    }

    /// The district's license, and the current snapshot of its open request of the other kind.
    static func basis(of request: UUID) -> Query {
        Query(
            "sharing.basis",
            """
            SELECT d.id, r.kind, cardinality(d.licensed_teachers) > 0, md5(d.licensed_teachers::text), s.id
            FROM request r JOIN district d ON d.id = r.district_id
            LEFT JOIN request o ON o.district_id = r.district_id AND o.kind <> r.kind
                AND o.state NOT IN ('declined', 'withdrawn', 'disconnected')
            LEFT JOIN shared_snapshot s ON s.request_id = o.id AND s.current
            WHERE r.id = \(request)
            """)
    }

    static func readBasis(_ rows: Rows) throws -> Basis? {
        guard let row = rows.first else { return nil }
        return Basis(
            districtID: try row.get(0), kind: try RequestRows.known(row.get(1)), hasLicense: try row.get(2),
            licenseDigest: try row.get(3), otherSnapshotID: try row.get(4))
    }

    /// Counts what a new snapshot has in common with the other kind's, and lists the teachers of both.
    static func compare(
        _ snapshotID: UUID, of kind: Kind, with other: UUID, in transaction: Transaction
    ) async throws -> Common {
        let (sso, rostering) = kind == .sso ? (snapshotID, other) : (other, snapshotID)
        transaction.execute(BulkPlanning.begin)
        let rows = try await transaction.query(all: [
            listTeachers(snapshotID, sso: sso, rostering: rostering), commonSections(snapshotID, other),
            commonStudents(snapshotID, other), BulkPlanning.end,
        ])
        return Common(
            teachers: try rows[0][0].get(0), sections: try rows[1][0].get(0), students: try rows[2][0].get(0))
    }

    private static func listTeachers(_ snapshotID: UUID, sso: UUID, rostering: UUID) -> Query {
        Query(
            "sharing.list_teachers",
            """
            WITH listed AS (
                INSERT INTO sharing_teacher (snapshot_id, presence, teacher_id, email)
                SELECT \(snapshotID), CASE WHEN r.teacher_id IS NULL THEN 'sso' WHEN s.teacher_id IS NULL THEN 'rostering'
                    ELSE 'both' END, teacher_id, coalesce(r.email, s.email)
                FROM (SELECT teacher_id, email FROM shared_teacher WHERE snapshot_id = \(sso)) s
                FULL JOIN (SELECT teacher_id, email FROM shared_teacher WHERE snapshot_id = \(rostering)) r
                    USING (teacher_id)
                ORDER BY 2, 3
                RETURNING presence
            )
            SELECT count(*) FILTER (WHERE presence = 'both') FROM listed
            """)
    }

    private static func commonSections(_ a: UUID, _ b: UUID) -> Query {
        Query(
            "sharing.common_sections",
            """
            SELECT count(*) FROM shared_section a JOIN shared_section b USING (section_id)
            WHERE a.snapshot_id = \(a) AND b.snapshot_id = \(b)
            """)
    }

    private static func commonStudents(_ a: UUID, _ b: UUID) -> Query {
        Query(
            "sharing.common_students",
            """
            SELECT count(*) FROM shared_student a JOIN shared_student b USING (student_id)
            WHERE a.snapshot_id = \(a) AND b.snapshot_id = \(b)
            """)
    }

    /// Forgets the teachers listed with a snapshot that turned out to be no longer one of a pair.
    static func forget(_ snapshotID: UUID, in transaction: Transaction) {
        transaction.execute(
            Query("sharing.forget", "DELETE FROM sharing_teacher WHERE snapshot_id = \(snapshotID)"))
    }

    /// Writes the pair down under its newer snapshot. What was written about the older one and a former partner goes: nobody
    /// finds it any more, and it names teachers.
    static func store(
        _ common: Common, of snapshotID: UUID, with other: UUID, at now: Date, in transaction: Transaction
    ) {
        forget(other, in: transaction)
        transaction.execute(
            Query("sharing.forget_pair", "DELETE FROM sharing_comparison WHERE snapshot_id = \(other)"))
        transaction.execute(
            Query(
                "sharing.store",
                """
                INSERT INTO sharing_comparison (snapshot_id, other_snapshot_id, teachers_both, sections_both, students_both,
                    computed_at)
                VALUES (\(snapshotID), \(other), \(common.teachers), \(common.sections), \(common.students), \(now))
                """))
    }

    /// Distinct students in the snapshot's sections of the district's licensed teachers.
    static func seatsUsed(_ snapshotID: UUID, districtID: UUID, in transaction: Transaction) async throws -> Int {
        transaction.execute(BulkPlanning.begin)
        let rows = try await transaction.query(all: [
            Query(
                "sharing.seats_used",
                """
                SELECT count(*) FROM (
                    SELECT DISTINCT u.id
                    FROM shared_section c CROSS JOIN unnest(c.teachers) t(id) CROSS JOIN unnest(c.students) u(id)
                    WHERE c.snapshot_id = \(snapshotID)
                        AND t.id IN (SELECT unnest(licensed_teachers) COLLATE "C" FROM district WHERE id = \(districtID))
                ) students
                """), BulkPlanning.end,
        ])
        return try rows[0][0].get(0)
    }

    /// Counts the seats of a district's current snapshots anew; to be called in the transaction that changes its license,
    /// after the change. Costs a look at an index when there are none.
    ///
    /// Nothing else that a change of a request or a district does needs to be told here.
    static func refresh(_ districtID: UUID, _ work: Work) {
        work.transaction.execute(BulkPlanning.begin)
        work.transaction.execute(
            Query(
                "sharing.refresh",
                """
                UPDATE shared_snapshot s SET seats_used = (
                    SELECT count(*) FROM (
                        SELECT DISTINCT u.id
                        FROM shared_section c CROSS JOIN unnest(c.teachers) t(id) CROSS JOIN unnest(c.students) u(id)
                        WHERE c.snapshot_id = s.id
                            AND t.id IN (SELECT unnest(licensed_teachers) COLLATE "C" FROM district WHERE id = \(districtID))
                    ) students
                )
                WHERE s.district_id = \(districtID) AND s.current
                """))
        work.transaction.execute(BulkPlanning.end)
    }
}

/// Plans for joins of a million rows with a million, whose sizes the planner cannot know within the transaction that wrote
/// them: hashed, never row by row, and without compiling the query first.
enum BulkPlanning {
    static let begin = Query(
        "sharing.plan_for_bulk",
        """
        SELECT set_config('enable_nestloop', 'off', true), set_config('enable_sort', 'off', true),
            set_config('work_mem', '64MB', true), set_config('jit', 'off', true)
        """)

    /// As the connection has it.
    static let end = Query(
        "sharing.plan_as_usual",
        """
        SELECT set_config(name, reset_val, true) FROM pg_settings
        WHERE name IN ('enable_nestloop', 'enable_sort', 'work_mem', 'jit')
        """)
}
