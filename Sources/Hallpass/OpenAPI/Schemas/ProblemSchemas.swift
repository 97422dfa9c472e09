import Integrations

/// RFC 9457 problems.
enum ProblemSchemas {
    static let all: [(name: String, schema: Schema)] = [("Problem", problem), ("FieldProblem", fieldProblem)]

    private static let problem = Schema.object(
        [
            .init("type", .string(format: "uri")),
            .init("title", .string().described("The same words for every occurrence.")),
            .init("status", .integer(400...599)),
            .init("detail", .string().described("What to do next.")),
            .init("code", Schema.oneOf(Problem.Code.self).described("Stable: decide by this.")),
            .init("request_id", .string().described("The answer's `X-Request-Id`.")),
        ] + extensions
    ).described("Why a call was refused: RFC 9457, `application/problem+json`.")

    /// Members that some codes have beside the standard ones.
    static let extensions: [Schema.Property] = [
        .optional("errors", Schema.array(of: .ref("FieldProblem")).described("With `invalid`: every offence.")),
        .optional("error_count", Schema.count.described("With bad lines of shared data: all of them.")),
        .optional(
            "state", Schema.oneOf(RequestState.self).described("With `transition_not_allowed`: where it stands.")),
        .optional(
            "allowed",
            Schema.array(of: .oneOf(ActionName.self)).described("With `transition_not_allowed`: what may be done now.")),
        .optional(
            "existing",
            Schema.object([
                .init("id", .id), .init("state", .oneOf(RequestState.self)), .init("kind", .oneOf(Kind.self)),
            ]).described("With `request_exists`: the open one.")),
        .optional("open_items", Schema.array(of: .string()).described("With `checklist_incomplete`.")),
        .optional("launch_date", Schema.date.described("With `launch_date_passed`.")),
        .optional("delivery_id", Schema.id.described("With refused callbacks: what was kept.")),
        .optional("email_status", Schema.string().described("With `email_not_retryable` and `email_not_cancellable`.")),
        .optional("delivery_status", Schema.string().described("With `delivery_not_replayable`.")),
    ]

    private static let fieldProblem = Schema.object([
        .optional("pointer", .string().described("A JSON pointer (RFC 6901) into the body; empty is the whole.")),
        .optional("parameter", .string().described("A query parameter or a header field.")),
        .optional("line", .integer(1...).described("A line of an upload.")),
        .init("detail", .string().described("What is wrong, and what would be right.")),
    ])
}
