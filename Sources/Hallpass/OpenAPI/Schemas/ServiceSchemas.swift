import Integrations

/// Deliveries, e-mails, the audit trail, tokens, the summary.
enum ServiceSchemas {
    static let all: [(name: String, schema: Schema)] = [
        ("Delivery", delivery), ("DeliveryResult", deliveryResult), ("CallbackEvent", callback), ("Email", email),
        ("ChangedEmail", changedEmail), ("AuditEntry", auditEntry), ("EventData", eventData), ("Summary", summary),
        ("Token", token), ("NewToken", newToken), ("CreatedToken", createdToken),
    ]

    private static let delivery = Schema.object([
        .init("id", .id), .init("webhook_id", .string()), .init("type", Schema.string().orNull),
        .init("status", .oneOf(DeliveryStatus.allCases.map(\.rawValue).filter { $0 != "duplicate" })),
        .init("detail", Schema.string().orNull),
        .init("created", Schema.instant.orNull.described("The event's own `created`.")),
        .init("received_at", .instant),
        .init("processed_at", Schema.instant.orNull), .init("request_id", Schema.id.orNull), .init("replays", .count),
    ])

    private static let deliveryResult = Schema.object([
        .init("delivery_id", .id), .init("status", .oneOf(DeliveryStatus.self)),
        .optional("first_status", .oneOf(DeliveryStatus.self)),
        .optional("would_send", RequestSchemas.wouldSend),
    ])

    private static let callback = Schema.object([
        .init("id", .string()), .init("type", .string()),
        .init("created", .instant),
        .init(
            "data",
            .object([
                .init("object", Schema.object([]).with("additionalProperties", .bool(true))),
                .optional("previous_attributes", .anything),
            ])),
    ]).described("Shaped like Clever's events; unknown members are kept and ignored.")

    private static let email = Schema.object([
        .init("id", .id), .init("request_ids", .array(of: .id)), .init("district_id", Schema.id.orNull),
        .init("template", .string()), .init("to", .string()), .init("subject", .string()),
        .init("status", .oneOf(["queued", "sending", "sent", "failed", "cancelled"])),
        .init("message_id", .string()),
        .init(
            "attempts",
            .array(
                of: .object([
                    .init("at", .instant),
                    .init("code", Schema.integer(0...).orNull.described("Null when the connection was lost.")),
                    .init("reply", .string()),
                ]))),
        .init("next_attempt_at", Schema.instant.orNull), .init("created_at", .instant),
        .init("sent_at", Schema.instant.orNull),
    ])

    private static let changedEmail = Schema.ref("Email", adding: [.optional("would_send", RequestSchemas.wouldSend)])

    private static let members = Schema.object([]).with("additionalProperties", .bool(true)).orNull
        .described("The members that changed.")

    private static let auditEntry = Schema.object([
        .init("id", .id), .init("at", .instant),
        .init("actor", .string().described("A token's name, `webhook:<delivery id>` or `service`.")),
        .init("actor_role", Schema.oneOf(Role.self).orNull), .init("action", .string()),
        .init("request_id", Schema.id.orNull), .init("district_id", Schema.id.orNull), .init("before", members),
        .init("after", members), .init("http_request_id", Schema.string().orNull),
        .init("hash", .string(pattern: "^[0-9a-f]{64}$")),
    ])

    private static let eventData = Schema.object([
        .init("id", Schema.id.described("The audit entry's.")), .init("at", .instant), .init("action", .string()),
        .init("request_id", Schema.id.orNull), .init("district_id", Schema.id.orNull), .init("actor", .string()),
    ]).described("The `data:` of an event.")

    private static let states = Schema.object(RequestState.allCases.map { .init($0.rawValue, .count) })

    private static let summary = Schema.object([
        .init("counts", .object(Kind.allCases.map { .init($0.rawValue, states) })),
        .init(
            "oldest_undecided",
            Schema.object([.init("id", .id), .init("age_seconds", .count)]).orNull),
        .init("launching", .object([.init("7_days", .count), .init("30_days", .count)])),
        .init("launching_not_configured", .count), .init("failed_emails", .count), .init("parked_deliveries", .count),
    ]).described("What waits, what is late, what comes.")

    private static let token = Schema.object([
        .init("id", .id), .init("name", .string()), .init("role", .oneOf(Role.self)), .init("created_at", .instant),
        .init("expires_at", Schema.instant.orNull), .init("last_used_at", Schema.instant.orNull),
    ])

    private static let newToken = Schema.input([
        .init("name", .name), .init("role", .oneOf(Role.self)),
        .optional("expires_at", Schema.instant.described("In the future; never when left out.")),
    ])

    private static let createdToken = Schema.object([
        .init("id", .id), .init("name", .string()), .init("role", .oneOf(Role.self)),
        .init(
            "token",
            Schema.string(pattern: "^hp_").orNull.described("Shown once: null when the answer is replayed.")),
        .init("created_at", .instant), .init("expires_at", Schema.instant.orNull),
        .optional("would_send", RequestSchemas.wouldSend),
    ])
}
