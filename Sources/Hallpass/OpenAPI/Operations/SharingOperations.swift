import HTTPTypes
import Integrations

enum SharingOperations {
    static let all: [Operation] = [put, compare, teachers, access]

    private static let put = Operation(
        method: .put, path: "/v1/requests/{id}/shared-data", id: "putSharedData", tag: .sharing,
        summary: "Upload what a district shares",
        details: """
            JSON lines, optionally gzipped, streamed: 2 GiB inflated at most. Replaces the request's former snapshot in one \
            transaction, or nothing. Bad lines are refused with the first 20 of them. Only ids are kept of students.
            """,
        body: Body(
            Schema.string().described("Lines of `SharedLine`.").with("x-line-schema", Schema.ref("SharedLine").json),
            .string(
                """
                {"type":"section","id":"s1","teachers":["t1"],"students":["u1","u2"]}
                {"type":"teacher","id":"t1","email":"kim@demo.k12.ca.us"}
                """)),
        answers: [
            .json(
                .ref("SharedDataAnswer"), "What was stored.",
                example: .json(
                    """
                    {"sections": 1, "teachers": {"direct": 1, "by_section": 1, "total": 1}, "students": 2,
                     "staff_ignored": 0, "warnings": []}
                    """))
        ], problems: [.transitionNotAllowed], isVersioned: true)

    private static let compare = Operation(
        method: .get, path: "/v1/districts/{id}/sharing", id: "getSharing", tag: .sharing,
        summary: "Compare what is shared for SSO and for rostering",
        details: "With the consequences in words a person can act on, and the seats used.",
        answers: [
            .json(
                .ref("SharingComparison"), "The comparison.",
                example: .json(
                    """
                    {"same_rules": true,
                     "sso": {"request_id": "\(ExampleValues.pairID)", "method": "sections", "sections": 12,
                             "teachers": 8, "students": 240, "uploaded_at": "2026-11-23T17:00:00.000Z"},
                     "rostering": null,
                     "teachers": {"both": 0, "sso_only": 8, "rostering_only": 0},
                     "sections": {"both": 0, "sso_only": 12, "rostering_only": 0},
                     "students": {"both": 0, "sso_only": 240, "rostering_only": 0},
                     "consequences": [{"code": "sso_only", "count": 8,
                       "text": "8 teachers are shared with SSO only: they can log in but not import their roster."}],
                     "license": {"seats": 500, "seats_used": 240, "over": false}}
                    """))
        ])

    private static let teachers = Operation(
        method: .get, path: "/v1/districts/{id}/sharing/teachers", id: "listSharedTeachers", tag: .sharing,
        summary: "List the teachers that are shared", details: "By their ids.",
        parameters: [
            .query(
                "only", .oneOf(ListSharedTeachers.Presence.self),
                "Those shared with SSO alone, with rostering alone, or with both.")
        ],
        answers: [
            .page(
                of: .ref("SharedTeacher"), "A page of teachers.",
                example: .json(
                    #"{"id": "t1", "email": "kim@demo.k12.ca.us", "sso": true, "rostering": false}"#))
        ], problems: [.invalidCursor])

    private static let access = Operation(
        method: .get, path: "/v1/districts/{id}/teachers/{clever_id}/access", id: "getTeacherAccess", tag: .sharing,
        summary: "Say whether a teacher can log in and import a roster, and if not, why",
        details: "A teacher in neither snapshot is answered too: neither is possible.",
        answers: [
            .json(
                .ref("TeacherAccess"), "What the teacher can do.",
                example: .json(
                    """
                    {"can_log_in": true, "can_import_roster": false, "reasons": [{"code": "rostering_not_configured",
                     "text": "The vendor has not configured rostering yet."}]}
                    """))
        ])
}
