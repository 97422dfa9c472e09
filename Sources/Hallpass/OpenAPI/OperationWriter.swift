import HTTPTypes

// What the document says of an operation is what was written down for it, and what follows from its row in the table of
// routes: the role, the headers that every change heeds, the media types, and the refusals that come before an action runs.

/// Writes one operation of the document.
struct OperationWriter {
    let operation: Operation
    let endpoint: Endpoint

    var json: JSONValue {
        var members: [(String, JSONValue)] = [
            ("operationId", .string(operation.id)), ("tags", [.string(operation.tag.rawValue)]),
            ("summary", .string(operation.summary)),
        ]
        if let details = description { members.append(("description", .string(details))) }
        members.append(("security", security))
        if !parameters.isEmpty { members.append(("parameters", .array(parameters))) }
        if let body { members.append(("requestBody", body)) }
        members.append(("responses", responses))
        return .object(members.map { .init($0.0, $0.1) })
    }

    // MARK: Who may

    private var role: Role? {
        switch endpoint.action {
        case .immediate, .open: nil
        case .read(let role, _), .change(let role, _), .raw(let role, _): role
        }
    }

    private var isChange: Bool { operation.method != .get }
    /// Whether it is a change by a token: dry runs and idempotency keys are heeded.
    private var isAuthenticatedChange: Bool { isChange && role != nil }
    /// Uploads are streamed, so their answers are not kept under a key.
    private var heedsIdempotencyKey: Bool { isAuthenticatedChange && operation.method == .post }

    private var description: String? {
        let needed = role.map { "Needs the role `\($0.rawValue)`." }
        let parts = [operation.details, needed].compactMap(\.self)
        return parts.isEmpty ? nil : parts.joined(separator: "\n\n")
    }

    /// For a bearer token OpenAPI 3.1 takes the roles that are needed.
    private var security: JSONValue { role.map { [["token": [.string($0.rawValue)]]] } ?? [] }

    // MARK: Parameters

    private var pathNames: [String] {
        operation.path.split(separator: "/").filter { $0.hasPrefix("{") }.map { String($0.dropFirst().dropLast()) }
    }

    private var isList: Bool { operation.problems.contains(.invalidCursor) }

    private var parameters: [JSONValue] {
        var names: [String] = []
        if isList { names += ["limit", "cursor"] }
        if isAuthenticatedChange { names.append("dry_run") }
        if heedsIdempotencyKey { names.append("idempotency_key") }
        if operation.isVersioned { names.append("if_match") }
        if operation.answers.contains(where: { $0.status == 304 }) { names.append("if_none_match") }
        names.append("request_id")
        return pathNames.map { ParameterCatalogue.path($0, of: operation) }
            + operation.parameters.map(ParameterCatalogue.json)
            + names.map { ["$ref": .string("#/components/parameters/\($0)")] }
    }

    // MARK: Body

    private var body: JSONValue? {
        guard let body = operation.body else { return nil }
        let types = endpoint.mediaTypes.sorted().map { type in
            JSONValue.Member(type, Self.content(body.schema, examples: body.examples))
        }
        return ["required": .bool(body.isRequired), "content": .object(types)]
    }

    static func content(_ schema: Schema, examples: [JSONValue], itemSchema: Schema? = nil) -> JSONValue {
        var content: [JSONValue.Member] = [.init("schema", schema.json)]
        if let example = examples.first { content.append(.init("example", example)) }
        if let itemSchema { content.append(.init("x-item-schema", itemSchema.json)) }
        return .object(content)
    }

    // MARK: Responses

    /// Codes of every refusal, by status.
    private var problems: [(status: Int, codes: [Problem.Code])] {
        var codes: [Problem.Code] = [.badRequest] + operation.problems
        if let role {
            codes += [.unauthorized, .tooManyRequests]
            if role > .viewer { codes.append(.forbidden) }
        }
        if !pathNames.isEmpty { codes.append(.notFound) }
        if role != nil, operation.readsQuery { codes.append(.invalid) }
        if isAuthenticatedChange {
            codes += [.malformedJSON, .unsupportedMediaType, .unsupportedEncoding, .bodyTooLarge]
        }
        if heedsIdempotencyKey {
            codes += [.idempotencyKeyInvalid, .idempotencyKeyReused, .idempotencyInProgress, .notFound]
        }
        if operation.isVersioned { codes.append(.staleVersion) }
        codes += [.requestTimeout, .uriTooLong, .expectationFailed, .headersTooLarge, .overloaded]
        if role != nil || isChange { codes += [.databaseUnavailable] }
        if isChange { codes += [.outcomeUnknown] }
        let order = Problem.Code.allCases
        let grouped = Dictionary(grouping: Set(codes), by: ProblemCatalogue.status)
        return grouped.sorted { $0.key < $1.key }.map { status, codes in
            (status, codes.sorted { (order.firstIndex(of: $0) ?? 0) < (order.firstIndex(of: $1) ?? 0) })
        }
    }

    private var responses: JSONValue {
        var members: [JSONValue.Member] = []
        for reply in operation.answers { members.append(.init(String(reply.status), response(reply))) }
        for (status, codes) in problems {
            if let index = members.firstIndex(where: { $0.name == String(status) }) {
                members[index].value = Self.adding(ProblemCatalogue.content(codes), to: members[index].value)
            } else {
                members.append(.init(String(status), ProblemCatalogue.response(status, codes)))
            }
        }
        return .object(members)
    }

    /// A response that may also be a problem (a probe's 503).
    private static func adding(_ problem: JSONValue, to response: JSONValue) -> JSONValue {
        guard case .object(let contents)? = response["content"] else { return response }
        return response.merging([
            ("content", .object(contents + [.init(ProblemResponse.contentType, problem)]))
        ])
    }

    private func response(_ reply: Reply) -> JSONValue {
        var headers = reply.headers
        if heedsIdempotencyKey { headers.append("Idempotency-Replayed") }
        if isList { headers.append("Link") }
        headers.append("X-Request-Id")
        var members: [JSONValue.Member] = [
            .init("description", .string(reply.description)),
            .init(
                "headers",
                .object(
                    headers.map { .init($0, HeaderCatalogue.reference($0, isRequired: reply.headers.contains($0))) })),
        ]
        if !reply.contents.isEmpty {
            members.append(
                .init(
                    "content",
                    .object(
                        reply.contents.map { content in
                            .init(
                                content.mediaType,
                                Self.content(
                                    content.schema, examples: content.example.map { [$0] } ?? [],
                                    itemSchema: content.itemSchema))
                        })))
        }
        return .object(members)
    }
}
