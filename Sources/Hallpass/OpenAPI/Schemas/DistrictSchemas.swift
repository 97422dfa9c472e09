import Integrations

enum DistrictSchemas {
    static let all: [(name: String, schema: Schema)] = [
        ("District", district), ("ChangedDistrict", changed), ("DistrictSummary", summary),
        ("DistrictReference", reference), ("DistrictPatch", patch), ("Contact", contact),
        ("ContactInput", contactInput), ("LicenseInput", licenseInput),
    ]

    private static let zone = Schema.string(pattern: "^[A-Za-z_]+(/[A-Za-z0-9_+-]+)*$").described(
        "An IANA name, such as America/Los_Angeles."
    )
    .with("examples", ["America/Los_Angeles"])

    private static let district = Schema.object([
        .init("id", .id),
        .init("clever_id", Schema.cleverID.orNull),
        .init("name", .string().described("Never identifies a district: many share one.")),
        .init("type", .oneOf(DistrictType.self)),
        .init("state", Schema.oneOf(USState.self).orNull),
        .init("nces_id", Schema.string().orNull),
        .init("time_zone", zone),
        .init("time_zone_source", .oneOf(TimeZoneSource.self)),
        .init("account_manager", Schema.string().orNull),
        .init("contacts", .array(of: .ref("Contact"))),
        .init(
            "license",
            .object([
                .init("seats", Schema.count.orNull), .init("licensed_teachers", .array(of: .string())),
            ])),
        .init(
            "clever",
            Schema.object([]).with("additionalProperties", .bool(true)).orNull
                .described("The sync facts last reported by Clever.")),
        .init("version", .integer(1...)),
        .init("created_at", .instant),
        .init("updated_at", .instant),
    ]).described("A district, or a single school: Clever calls both a district.")

    private static let changed = Schema.ref("District", adding: [.optional("would_send", RequestSchemas.wouldSend)])

    private static let summary = Schema.object([
        .init("id", .id), .init("clever_id", Schema.cleverID.orNull), .init("name", .string()),
        .init("type", .oneOf(DistrictType.self)), .init("state", Schema.oneOf(USState.self).orNull),
        .init("time_zone", zone), .init("account_manager", Schema.string().orNull),
    ])

    private static let contact = Schema.object([
        .init("name", .string()), .init("email", .string()), .init("role", .string()),
    ])

    private static let contactInput = Schema.input([
        .init("name", .name), .init("email", .email), .optional("role", .name),
    ])

    private static let licenseInput = Schema.input([
        .optional("seats", .integer(0...100_000_000)),
        .optional("licensed_teachers", .array(of: .name, count: 0...100_000)),
    ])

    private static let facts: [Schema.Property] = [
        .optional("name", .name),
        .optional("type", .oneOf(DistrictType.self)),
        .optional("state", .oneOf(USState.self)),
        .optional("nces_id", .string(length: 1...32, pattern: Schema.namePattern)),
        .optional("time_zone", zone),
        .optional("account_manager", .email),
        .optional("contacts", .array(of: .ref("ContactInput"), count: 0...100)),
        .optional("license", .ref("LicenseInput")),
    ]

    private static let reference = Schema.input(
        [.optional("id", .id), .optional("clever_id", .cleverID)] + facts
    ).described(
        """
        A known district by `id`; or by `clever_id`, which makes a new one with `name` where none has it; or a new one by \
        `name` and `state`. A known district's empty facts are filled, none is changed.
        """
    ).with(
        "anyOf",
        [
            ["required": ["id"]], ["required": ["clever_id"]], ["required": ["name", "state"]],
        ])

    private static let patch = Schema.input(
        facts + [
            .optional("clever_id", Schema.cleverID.described("Once, while the district has none."))
        ]
    ).described("A merge patch (RFC 7396): what is left out stays, `null` empties.")
}
