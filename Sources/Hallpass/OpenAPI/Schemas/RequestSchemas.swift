import Integrations

/// Requests as they are answered and as they are asked for.
enum RequestSchemas {
    static let all: [(name: String, schema: Schema)] = [
        ("Request", request), ("ChangedRequest", changed), ("NewRequest", newRequest), ("Requester", requester),
        ("RequesterInput", requesterInput), ("Launch", launch), ("WizardSharing", sharing), ("ChecklistItem", item),
        ("TimelineEntry", timelineEntry), ("BulkCall", bulkCall), ("BulkAnswer", bulkAnswer),
        ("OutgoingMail", outgoingMail),
    ]

    private static let request = Schema.object([
        .init("id", .id),
        .init("kind", .oneOf(Kind.self)),
        .init("attempt", .integer(1...).described("1 for the district's first request of this kind.")),
        .init("district", .ref("DistrictSummary")),
        .init("state", .oneOf(RequestState.self)),
        .init(
            "awaiting",
            Schema.oneOf(["sso"]).orNull.described(
                "`sso` while a rostering request waits for an approved SSO request.")),
        .init("requester", .ref("Requester")),
        .init("message", Schema.string().orNull),
        .init("source", .oneOf(RequestSource.self)),
        .init("external_id", Schema.string().orNull.described("The sender's id of the request.")),
        .init("launch", .ref("Launch")),
        .init("sharing", Schema.ref("WizardSharing").orNull),
        .init("checklist", .array(of: .ref("ChecklistItem"))),
        .init(
            "badge",
            Schema.object([.init("label", .string()), .init("color", .oneOf(["green", "yellow"]))]).orNull
                .described("As Clever's dashboard shows it, from the wizard's completion on.")),
        .init(
            "next_step",
            .object([.init("owner", .oneOf(NextStep.Owner.self)), .init("text", .string())])
                .described("What happens next, and who has to do it.")),
        .init(
            "decision",
            .object([
                .init("by", Schema.string().orNull), .init("at", Schema.instant.orNull),
                .init("message", Schema.string().orNull),
            ]).described("Approval's message or declining's reason, by the token's name.")),
        .init("configured_at", Schema.instant.orNull),
        .init("version", .integer(1...).described("Rises with every change; the `ETag`.")),
        .init("created_at", .instant),
        .init("updated_at", .instant),
    ]).described("One integration of one kind for one district, from asking to configured.")

    private static let changed = Schema.ref(
        "Request",
        adding: [
            .optional(
                "pair", Schema.ref("Request").described("The district's other request, when it was approved too.")),
            .optional("would_send", wouldSend),
        ])

    static let wouldSend = Schema.array(of: .ref("OutgoingMail"))
        .described("With `dry_run=true` alone: the e-mails that would be written.")

    private static let outgoingMail = Schema.object([
        .init("to", .string()), .init("template", .string()), .init("subject", .string()),
    ])

    private static let requester = Schema.object([
        .init("name", .string()), .init("email", .string()), .init("title", Schema.string().orNull),
    ]).described("Who asked, on the district's side.")

    private static let requesterInput = Schema.input([
        .init("name", .name), .init("email", .email), .optional("title", .title),
    ])

    private static let launch = Schema.object([
        .init(
            "requested_date",
            Schema.date.orNull.described("The district's wish as first sent or changed by it.")),
        .init("date", Schema.date.orNull.described("The date agreed; null is \"No Custom Launch Date\".")),
        .init("time_zone", .string()),
        .init("at", Schema.instant.orNull.described("The first instant of `date` in the zone.")),
        .init("status", .oneOf(LaunchStatus.self)),
        .init("launched_at", Schema.instant.orNull),
    ])

    private static let sharing = Schema.object([
        .init("method", .oneOf(SharingMethod.self)),
        .init("rules", Schema.array(of: .anything).orNull.described("Kept verbatim.")),
        .init("completed_at", .instant),
        .init("source", .oneOf(["webhook", "manual"])),
    ]).described("The sharing wizard's completion.")

    private static let item = Schema.object([
        .init("item", .string()), .init("status", .oneOf(ChecklistStatus.self)), .init("by", Schema.string().orNull),
        .init("at", Schema.instant.orNull), .init("note", Schema.string().orNull),
    ])

    private static let newRequest = Schema.input([
        .init("kind", .oneOf(Kind.self)),
        .init("district", .ref("DistrictReference")),
        .init("requester", .ref("RequesterInput")),
        .optional("launch_date", .date),
        .optional("message", .remark),
        .optional("external_id", .name),
    ])

    private static let timelineEntry = Schema.object([
        .init("at", .instant), .init("type", .oneOf(TimelineType.self)), .init("actor", .string()),
        .init("text", .string().described("What happened, for people.")),
        .init("data", Schema.object([]).with("additionalProperties", .bool(true)).described("The same for programs.")),
    ])

    private static let bulkCall = Schema.input([
        .init("action", .oneOf(ActionName.ofRequests.map(\.0.rawValue).filter { $0 != ActionName.share.rawValue })),
        .init("ids", .array(of: .id, count: 1...500)),
        .optional(
            "body",
            Schema.object([]).with("additionalProperties", .bool(true)).described("The action's own body, for each.")),
        .optional("max_affected", .integer(0...).described("Refuse the call when more distinct ids are given.")),
    ])

    private static let bulkAnswer = Schema.object([
        .init(
            "results",
            .array(
                of: .either(
                    .object([
                        .init("id", .id), .init("status", Schema.integer(200...200)), .init("request", .ref("Request")),
                    ]),
                    Schema.object(
                        [
                            .init("id", .id), .init("status", .integer(400...499)),
                            .init("code", .oneOf(Problem.Code.self)), .init("detail", .string()),
                        ] + ProblemSchemas.extensions)))),
        .optional("would_send", wouldSend),
    ])
}
