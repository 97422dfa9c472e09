import Foundation
import Postgres

/// The statements that bring an upload into the tables, and count it.
enum SnapshotStatements {
    /// What needs the database to be told apart: teachers, who are put together from several lines, and what did not fit
    /// the uploader's tables of ids. It goes with the transaction, however that ends.
    static let createStaging = Query(
        "shared_data.staging",
        """
        CREATE TEMPORARY TABLE shared_staging (
            kind smallint NOT NULL, line bigint NOT NULL, id text COLLATE "C" NOT NULL, email text, school text,
            teachers text[] COLLATE "C", students text[] COLLATE "C"
        ) ON COMMIT DROP
        """)

    static func copy(_ target: SnapshotBuilder.Target) -> Query {
        switch target {
        case .sections:
            Query(
                "shared_data.copy_sections",
                """
                COPY shared_section (snapshot_id, section_id, school, teachers, students) FROM STDIN (FORMAT binary)
                """)
        case .students:
            Query(
                "shared_data.copy_students",
                "COPY shared_student (snapshot_id, student_id) FROM STDIN (FORMAT binary)")
        case .staged:
            Query(
                "shared_data.copy_staged",
                """
                COPY shared_staging (kind, line, id, email, school, teachers, students) FROM STDIN (FORMAT binary)
                """)
        }
    }

    /// A teacher's e-mail address is the one that the last line with one gave.
    static func mergeTeachers(_ snapshotID: UUID) -> Query {
        Query(
            "shared_data.merge_teachers",
            """
            INSERT INTO shared_teacher (snapshot_id, teacher_id, email, direct, by_section)
            SELECT \(snapshotID), id, (array_agg(email ORDER BY line DESC) FILTER (WHERE email IS NOT NULL))[1],
                bool_or(kind = \(number(.teacherDirect))), bool_or(kind = \(number(.teacherBySection)))
            FROM shared_staging
            WHERE kind IN (\(number(.teacherDirect)), \(number(.teacherBySection)))
            GROUP BY id ORDER BY id
            """)
    }

    /// Answers with one row: total, direct, by section, direct without an e-mail address.
    static func countTeachers(_ snapshotID: UUID) -> Query {
        Query(
            "shared_data.count_teachers",
            """
            SELECT count(*), count(*) FILTER (WHERE direct), count(*) FILTER (WHERE by_section),
                count(*) FILTER (WHERE direct AND email IS NULL)
            FROM shared_teacher WHERE snapshot_id = \(snapshotID)
            """)
    }

    /// Lines of staged sections whose id came before, in their order: their number, and the first of them.
    static func repeatedSections(_ snapshotID: UUID) -> Query {
        Query(
            "shared_data.repeated_sections",
            """
            SELECT count(*), (array_agg(line ORDER BY line))[1:\(SnapshotBuilder.toldOffences)] FROM (
                SELECT s.line,
                    row_number() OVER (PARTITION BY s.id ORDER BY s.line) > 1 OR f.section_id IS NOT NULL AS repeated
                FROM shared_staging s
                LEFT JOIN shared_section f ON f.snapshot_id = \(snapshotID) AND f.section_id = s.id
                WHERE s.kind = \(number(.section))
            ) staged
            WHERE repeated
            """)
    }

    static func moveSections(_ snapshotID: UUID) -> Query {
        Query(
            "shared_data.move_sections",
            """
            WITH moved AS (
                INSERT INTO shared_section (snapshot_id, section_id, school, teachers, students)
                SELECT \(snapshotID), id, school, teachers, students
                FROM shared_staging WHERE kind = \(number(.section)) ORDER BY id
                RETURNING 1
            )
            SELECT count(*) FROM moved
            """)
    }

    static func moveStudents(_ snapshotID: UUID) -> Query {
        Query(
            "shared_data.move_students",
            """
            WITH moved AS (
                INSERT INTO shared_student (snapshot_id, student_id)
                SELECT DISTINCT \(snapshotID)::uuid, s.id FROM shared_staging s
                LEFT JOIN shared_student f ON f.snapshot_id = \(snapshotID) AND f.student_id = s.id
                WHERE s.kind = \(number(.student)) AND f.student_id IS NULL
                RETURNING 1
            )
            SELECT count(*) FROM moved
            """)
    }

    static let countStaff = Query(
        "shared_data.count_staff",
        "SELECT count(DISTINCT id) FROM shared_staging WHERE kind = \(number(.staff))")

    private static func number(_ kind: SnapshotBuilder.Staged) -> Int { Int(kind.rawValue) }
}
