/// Parameters that many operations have, and how any is written.
enum ParameterCatalogue {
    static let shared: [(name: String, parameter: Parameter)] = [
        (
            "limit",
            .query(
                "limit", .integer(1...), "Rows to a page: 50 when left out; more than 500 is 500.",
                example: .number("50"))
        ),
        (
            "cursor",
            .query(
                "cursor", .string(length: 1...1000),
                "Where the page begins: a `next_cursor` of the same list with the same filters and sort.")
        ),
        (
            "dry_run",
            .query(
                "dry_run", .boolean,
                "Run it whole, answer what it would answer with `would_send`, and store nothing.")
        ),
        (
            "idempotency_key",
            .header(
                "Idempotency-Key", .string(length: 1...255, pattern: "^[^\\x00-\\x1f\\x7f]+$"),
                """
                A key of your own for this call. Within 24 hours the same call under the same key is answered as the first \
                time and does nothing.
                """, example: "8e03978e-40d5-43dd-bc93-6894a57f9324")
        ),
        (
            "if_match",
            .header("If-Match", .string(), "Do it only if the resource still has this `ETag`.", example: "\"3\"")
        ),
        (
            "if_none_match",
            .header("If-None-Match", .string(), "Answer 304 if the resource still has this `ETag`.", example: "\"3\"")
        ),
        (
            "request_id",
            .header(
                "X-Request-Id", .string(),
                """
                An id for this call, for logs and the audit trail: 1 to 128 of `A-Za-z0-9._-`. Another is not kept: one is \
                made, as when it is left out.
                """,
                example: "launch-2026-17")
        ),
    ]

    static func json(_ parameter: Parameter) -> JSONValue {
        var members: [JSONValue.Member] = [
            .init("name", .string(parameter.name)), .init("in", .string(parameter.place.rawValue)),
            .init("description", .string(parameter.description)),
        ]
        if parameter.isRequired { members.append(.init("required", .bool(true))) }
        if parameter.isList { members += [.init("style", "form"), .init("explode", .bool(false))] }
        members.append(.init("schema", parameter.schema.json))
        if let example = parameter.example {
            let items = (example.string ?? "").split(separator: ",").map { JSONValue.string(String($0)) }
            members.append(.init("example", parameter.isList ? .array(items) : example))
        }
        return .object(members)
    }

    static func path(_ name: String, of operation: Operation) -> JSONValue {
        let (schema, description, example): (Schema, String, String) =
            switch name {
            case "item":
                (
                    .string(pattern: Schema.namePattern), "The item's name, as the request's checklist has it.",
                    "data_reviewed"
                )
            case "clever_id":
                (.string(pattern: Schema.namePattern), "The teacher's Clever id.", "58da8c5da7b4f5000000000a")
            default: (.id, "The id.", Self.exampleID(operation))
            }
        return [
            "name": .string(name), "in": "path", "required": .bool(true), "description": .string(description),
            "schema": schema.json, "example": .string(example),
        ]
    }

    private static func exampleID(_ operation: Operation) -> String {
        switch operation.path.split(separator: "/").dropFirst().first {
        case "districts": ExampleValues.districtID
        case "emails": ExampleValues.emailID
        case "webhook-deliveries": ExampleValues.deliveryID
        case "tokens": ExampleValues.tokenID
        default: ExampleValues.requestID
        }
    }
}

/// Fields of answers.
enum HeaderCatalogue {
    static let all: [(name: String, description: String, schema: Schema, example: String)] = [
        ("ETag", "The version, for `If-Match` and `If-None-Match`.", .string(), "\"3\""),
        (
            "Location", "Where the new thing is.", .string(format: "uri-reference"),
            "/v1/requests/\(ExampleValues.requestID)"
        ),
        (
            "Link", "The next page, `rel=\"next\"`, when there is one (RFC 8288).", .string(),
            "</v1/requests?cursor=…>; rel=\"next\""
        ),
        ("X-Request-Id", "The call's id: yours, or one that was made.", .string(), "launch-2026-17"),
        (
            "Idempotency-Replayed", "`true` when the answer is that of the first call under the key.", .oneOf(["true"]),
            "true"
        ),
        ("Last-Event-ID", "The number after which the stream begins.", .string(pattern: "^[0-9]+$"), "41"),
        ("WWW-Authenticate", "How to authenticate.", .string(), "Bearer"),
        ("Retry-After", "Seconds after which to ask again.", .string(pattern: "^[0-9]+$"), "1"),
    ]

    static func reference(_ name: String, isRequired: Bool) -> JSONValue {
        ["$ref": .string("#/components/headers/\(isRequired ? "\(name)-Required" : name)")]
    }

    /// Each twice: where it is always there, and where it may be.
    static var components: [JSONValue.Member] {
        all.flatMap { header in
            [false, true].map { isRequired in
                JSONValue.Member(
                    isRequired ? "\(header.name)-Required" : header.name,
                    [
                        "description": .string(header.description), "required": .bool(isRequired),
                        "schema": header.schema.json, "example": .string(header.example),
                    ])
            }
        }
    }
}

extension ProblemCatalogue {
    /// A refusal that may have several codes.
    static func response(_ status: Int, _ codes: [Problem.Code]) -> JSONValue {
        let titles = codes.map { "`\($0.rawValue)`: \($0.title)." }.joined(separator: "\n")
        var headers = [JSONValue.Member("X-Request-Id", HeaderCatalogue.reference("X-Request-Id", isRequired: true))]
        if status == 401, codes == [.unauthorized] {
            headers.append(.init("WWW-Authenticate", HeaderCatalogue.reference("WWW-Authenticate", isRequired: true)))
        }
        if status == 503 || status == 429 {
            headers.append(.init("Retry-After", HeaderCatalogue.reference("Retry-After", isRequired: true)))
        }
        return [
            "description": .string(titles), "headers": .object(headers),
            "content": .object([.init(ProblemResponse.contentType, content(codes))]),
        ]
    }

    static func content(_ codes: [Problem.Code]) -> JSONValue {
        [
            "schema": .object([
                .init("$ref", "#/components/schemas/Problem"),
                .init("properties", ["code": ["enum": .array(codes.map { .string($0.rawValue) })]]),
            ]),
            "examples": .object(
                codes.map { .init($0.rawValue, ["$ref": .string("#/components/examples/\($0.rawValue)")]) }),
        ]
    }
}
