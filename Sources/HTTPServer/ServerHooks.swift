public import HTTPTypes

/// What the server refuses by itself, before or beside any handler.
public enum Refusal: Sendable, Hashable {
    /// 400; the reason is for a person.
    case malformed(String)
    /// 404
    case notFound
    /// 405
    case methodNotAllowed(allow: [HTTPRequest.Method])
    /// 408
    case timeout
    /// 413
    case bodyTooLarge
    /// 414
    case targetTooLong
    /// 417
    case unknownExpectation
    /// 431
    case fieldsTooLarge
    /// 501
    case unknownTransferCoding
    /// 503: too many connections.
    case tooManyConnections
    /// 503: the server stops, and the handler was not done at its deadline.
    case stopping
    /// 505
    case unsupportedVersion

    public var status: HTTPResponse.Status {
        switch self {
        case .malformed: .badRequest
        case .notFound: .notFound
        case .methodNotAllowed: .methodNotAllowed
        case .timeout: .requestTimeout
        case .bodyTooLarge: .contentTooLarge
        case .targetTooLong: .uriTooLong
        case .unknownExpectation: .expectationFailed
        case .fieldsTooLarge: .requestHeaderFieldsTooLarge
        case .unknownTransferCoding: .notImplemented
        case .tooManyConnections, .stopping: .serviceUnavailable
        case .unsupportedVersion: .httpVersionNotSupported
        }
    }
}

/// One answered request, for logs and metrics. No query, no field values.
public struct CompletedRequest: Sendable {
    public var method: String
    /// The path as sent; empty when the head could not be read.
    public var path: String
    /// The pattern, empty when no route was found.
    public var route: String
    /// 499 when the client had gone before there was an answer.
    public var status: Int
    /// Whether the answer went out to its end.
    public var isWhole: Bool
    public var requestBytes: Int
    public var responseBytes: Int
    public var duration: Duration
    public var clientAddress: String
    public var requestID: String
    /// W3C `traceparent` as it came.
    public var traceParent: String?
}

/// The application's say in the server's own answers.
public struct ServerHooks: Sendable {
    /// The answer to a refusal; the server adds `Allow` and `Connection` by itself.
    public var refusal: @Sendable (Refusal, _ requestID: String) -> Response
    /// The answer to what a handler threw.
    public var failure: @Sendable (any Error, Request) -> Response
    /// Told after each answer; nil costs nothing.
    public var completed: (@Sendable (CompletedRequest) -> Void)?
    /// Fields that every answer carries.
    public var commonFields: HTTPFields = [:]

    public init(
        refusal: @escaping @Sendable (Refusal, String) -> Response = { refusal, _ in Self.plain(refusal.status) },
        failure: @escaping @Sendable (any Error, Request) -> Response = { error, _ in
            Self.plain((error as? BodyError)?.status ?? .internalServerError)
        },
        completed: (@Sendable (CompletedRequest) -> Void)? = nil
    ) {
        self.refusal = refusal
        self.failure = failure
        self.completed = completed
    }

    /// An answer in plain words.
    public static func plain(_ status: HTTPResponse.Status) -> Response {
        Response(
            status: status, headerFields: [.contentType: "text/plain; charset=utf-8"],
            body: .bytes(Array("\(status.code) \(status.reasonPhrase)\n".utf8)))
    }
}
