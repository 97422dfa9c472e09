import HTTPTypes

/// What the OpenAPI document says of one route. What follows from the route itself (role, idempotency, dry run, media types,
/// the refusals that every such route has) is added by `OperationWriter` and not written here.
struct Operation: Sendable {
    enum Tag: String, Sendable, CaseIterable {
        case requests = "Requests"
        case decisions = "Decisions"
        case districts = "Districts"
        case sharing = "Sharing"
        case callbacks = "Callbacks"
        case emails = "E-mails"
        case audit = "Audit"
        case tokens = "Tokens"
        case service = "Service"
    }

    var method: HTTPRequest.Method
    var path: String
    var id: String
    var tag: Tag
    var summary: String
    var details: String?
    /// Query parameters and header fields of its own.
    var parameters: [Parameter] = []
    var body: Body?
    var answers: [Reply]
    /// Refusals beyond those that every such route has.
    var problems: [Problem.Code] = []
    /// Whether `If-Match` is heeded.
    var isVersioned = false
    /// Whether the query is read at all: unknown parameters are 422.
    var readsQuery = true

    var key: String { "\(method.rawValue) \(path)" }
}

/// A parameter in the query or the header.
struct Parameter: Sendable {
    enum Place: String, Sendable {
        case query, header
    }

    var name: String
    var place = Place.query
    var schema: Schema
    var description: String
    var example: JSONValue?
    var isRequired = false
    /// A comma list.
    var isList = false

    static func query(
        _ name: String, _ schema: Schema, _ description: String, example: JSONValue? = nil, isList: Bool = false
    ) -> Parameter {
        Parameter(name: name, schema: schema, description: description, example: example, isList: isList)
    }

    static func header(
        _ name: String, _ schema: Schema, _ description: String, example: JSONValue? = nil, isRequired: Bool = false
    ) -> Parameter {
        Parameter(
            name: name, place: .header, schema: schema, description: description, example: example,
            isRequired: isRequired)
    }
}

/// A request's body.
struct Body: Sendable {
    var schema: Schema
    var examples: [JSONValue]
    /// False where an empty body is as good as `{}`.
    var isRequired: Bool

    init(_ schema: Schema, isRequired: Bool = true, _ examples: JSONValue...) {
        self.schema = schema
        self.examples = examples
        self.isRequired = isRequired
    }
}

/// A success, or an answer that is no problem document.
struct Reply: Sendable {
    struct Content: Sendable {
        var mediaType: String
        var schema: Schema
        var example: JSONValue?
        /// The schema of each line or event, where the whole is no JSON.
        var itemSchema: Schema?
    }

    var status: Int
    var description: String
    var contents: [Content] = []
    /// Field names of `HeaderCatalogue` that are always there.
    var headers: [String] = []

    static func json(
        _ schema: Schema, _ description: String, status: Int = 200, example: JSONValue, headers: [String] = []
    ) -> Reply {
        Reply(
            status: status, description: description,
            contents: [Content(mediaType: "application/json", schema: schema, example: example)], headers: headers)
    }

    /// A page of a list.
    static func page(of schema: Schema, _ description: String, example: JSONValue) -> Reply {
        json(
            Schema.object([
                .init("data", .array(of: schema)),
                .init(
                    "next_cursor",
                    Schema.string().orNull.described("The `cursor` of the next page; null on the last one.")),
            ]), description,
            example: [
                "data": .array([example]),
                "next_cursor": "WyI5ZjJjMWE3YjNkNGU1ZjYwIiwiMjAyNi0xMS0yM1QxNjowNTowMC4xMjNaIiwiMDE5M…",
            ])
    }

    static func text(
        _ status: Int, _ description: String, example: String, mediaType: String = "text/plain; charset=utf-8"
    )
        -> Reply
    {
        Reply(
            status: status, description: description,
            contents: [Content(mediaType: mediaType, schema: .string(), example: .string(example))])
    }
}
