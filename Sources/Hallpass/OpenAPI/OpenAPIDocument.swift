import Crypto
import HTTPServer
import HTTPTypes

// The document is made of one description a route (`Operation`), which stands beside the table of routes; tests hold the two
// together, and every answer of the test suite to what is said here. Whoever adds a route describes it in
// Sources/Hallpass/OpenAPI/Operations, and what it answers in OpenAPI/Schemas.

/// The service's OpenAPI 3.1 document.
enum OpenAPIDocument {
    static let operations: [Operation] =
        RequestOperations.all + DistrictOperations.all + SharingOperations.all + CallbackOperations.all
        + EmailOperations.all + ServiceOperations.all

    static let schemas: [(name: String, schema: Schema)] =
        RequestSchemas.all + DistrictSchemas.all + SharingSchemas.all + ServiceSchemas.all + ProblemSchemas.all

    static let bytes: [UInt8] = {
        var writer = JSONWriter(reserving: 400_000)
        writer.value(value)
        return writer.bytes
    }()

    static let value: JSONValue = [
        "openapi": "3.1.1",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": [
            "title": "Hallpass", "version": .string(Release.version),
            "summary": "Approves what districts ask for at Clever: SSO and rostering.",
            "description": .string(introduction),
            "license": ["name": "Proprietary"],
        ],
        "servers": [["url": "/", "description": "Where this document came from."]],
        "tags": .array(Operation.Tag.allCases.map { ["name": .string($0.rawValue)] }),
        "paths": paths,
        "components": [
            "securitySchemes": [
                "token": [
                    "type": "http", "scheme": "bearer", "bearerFormat": "hp_…",
                    "description": .string(
                        """
                        A token of the service. Roles, each holding the ones before it: `viewer` reads, `submitter` creates \
                        requests, `manager` decides, `admin` makes tokens, replays and erases.
                        """),
                ]
            ],
            "schemas": .object(schemas.map { .init($0.name, $0.schema.json) }),
            "parameters": .object(
                ParameterCatalogue.shared.map { .init($0.name, ParameterCatalogue.json($0.parameter)) }),
            "headers": .object(HeaderCatalogue.components),
            "examples": .object(
                Problem.Code.allCases.map { code in
                    .init(
                        code.rawValue, ["summary": .string(code.title), "value": ExampleValues.problem(code)])
                }),
        ],
    ]

    /// Paths in the order of the table, with their operations.
    private static let paths: JSONValue = {
        let described = Dictionary(operations.map { ($0.key, $0) }) { first, _ in first }
        var paths: [JSONValue.Member] = []
        for endpoint in Routes.all {
            guard let operation = described["\(endpoint.method.rawValue) \(endpoint.pattern)"] else { continue }
            let member = JSONValue.Member(
                endpoint.method.rawValue.lowercased(), OperationWriter(operation: operation, endpoint: endpoint).json)
            if let index = paths.firstIndex(where: { $0.name == endpoint.pattern }),
                case .object(let operations) = paths[index].value
            {
                paths[index].value = .object(operations + [member])
            } else {
                paths.append(.init(endpoint.pattern, .object([member])))
            }
        }
        return .object(paths)
    }()

    private static let introduction = """
        JSON in and out, `snake_case`. Instants are RFC 3339 in UTC with milliseconds, dates `YYYY-MM-DD`, ids UUIDv7.

        Every refusal is an RFC 9457 problem with a stable `code`; a 422 names every offence at once. Refusals come in this \
        order: 431, 414, 413, 404 (path), 405, 401, 403, 415, 400, idempotency, 404 (id), 422, 412, 409.

        `HEAD` works wherever `GET` does, and `OPTIONS` of a known path is 204 with `Allow`; another method is 405 \
        `method_not_allowed`, an unknown path 404 `not_found`. A request in another version of HTTP is 505, an unknown \
        transfer coding 501.

        JSON over 1 KiB is gzipped for `Accept-Encoding: gzip`; its `ETag` ends in `-gzip`, and `If-Match` and \
        `If-None-Match` take either form and `*`. Bodies may come with `Content-Encoding: gzip`: 1 MiB as sent and 10 MiB \
        inflated at most.
        """
}

/// `GET /openapi.json`: the same for everybody, until another release runs.
enum GetOpenAPI {
    static let run: @Sendable (Call) -> Answer = { call in
        var answer = Answer(status: 200, body: .json(OpenAPIDocument.bytes))
        answer.headerFields[.eTag] = "\"\(tag)\""
        answer.headerFields[.cacheControl] = "public, max-age=300"
        if let field = call.headerField(.ifNoneMatch), let known = EntityTag.known(field, text: tag) {
            answer.headerFields[.eTag] = known
            answer.headerFields[.vary] = "Accept-Encoding"
            answer.status = 304
            answer.body = .none
        }
        return answer
    }

    private static let tag = SHA256.hash(data: OpenAPIDocument.bytes).prefix(12).map { byte in
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }.joined()
}
