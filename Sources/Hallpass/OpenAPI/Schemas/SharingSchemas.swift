import Integrations

enum SharingSchemas {
    static let all: [(name: String, schema: Schema)] = [
        ("SharedDataAnswer", sharedData), ("SharedLine", line), ("SharingComparison", comparison),
        ("SharedTeacher", teacher), ("TeacherAccess", access), ("Split", split), ("SharingSide", side),
    ]

    private static func coded(_ codes: [String], _ more: [Schema.Property] = []) -> Schema {
        .object([.init("code", .oneOf(codes)), .init("text", .string().described("For people."))] + more)
    }

    private static let sharedData = Schema.object([
        .init("sections", .count),
        .init(
            "teachers",
            .object([.init("direct", .count), .init("by_section", .count), .init("total", .count)])),
        .init("students", .count),
        .init("staff_ignored", .count),
        .init(
            "warnings",
            .array(of: coded(SharingWarning.Code.allCases.map(\.rawValue), [.init("count", .count)]))),
        .optional("would_send", RequestSchemas.wouldSend),
    ]).described("Numbers of distinct ids; `total` and `students` are unions.")

    /// What is not named here is ignored.
    private static let line = Schema.either(
        .object([
            .init("type", .oneOf(["section"])), .init("id", .string()), .optional("school", Schema.string().orNull),
            .init("teachers", .array(of: .string())), .init("students", .array(of: .string())),
        ]),
        .object([
            .init("type", .oneOf(["teacher"])), .init("id", .string()), .optional("email", Schema.string().orNull),
        ]),
        .object([.init("type", .oneOf(["student", "staff"])), .init("id", .string())])
    ).described("A line of shared data; other members are ignored.")

    private static let split = Schema.object([
        .init("both", .count), .init("sso_only", .count), .init("rostering_only", .count),
    ])

    private static let side = Schema.object([
        .init("request_id", .id),
        .init("method", Schema.oneOf(SharingMethod.self).orNull.described("Null until the wizard is complete.")),
        .init("sections", .count), .init("teachers", .count), .init("students", .count),
        .init("uploaded_at", .instant),
    ])

    private static let comparison = Schema.object([
        .init("same_rules", Schema.boolean.orNull.described("Null unless both wizards are complete.")),
        .init("sso", Schema.ref("SharingSide").orNull),
        .init("rostering", Schema.ref("SharingSide").orNull),
        .init("teachers", .ref("Split")), .init("sections", .ref("Split")), .init("students", .ref("Split")),
        .init(
            "consequences",
            .array(of: coded(Consequence.Code.allCases.map(\.rawValue), [.init("count", .count)]))),
        .init(
            "license",
            .object([.init("seats", Schema.count.orNull), .init("seats_used", .count), .init("over", .boolean)])),
    ])

    private static let teacher = Schema.object([
        .init("id", .string()), .init("email", Schema.string().orNull), .init("sso", .boolean),
        .init("rostering", .boolean),
    ])

    private static let access = Schema.object([
        .init("can_log_in", .boolean), .init("can_import_roster", .boolean),
        .init(
            "reasons",
            Schema.array(of: coded(Access.Code.allCases.map(\.rawValue))).described("Every one that holds.")),
    ])
}
