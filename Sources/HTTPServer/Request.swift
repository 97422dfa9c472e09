import HTTPCore
public import HTTPTypes
public import Sockets

/// A request as a handler sees it.
public struct Request: Sendable {
    /// Method, target and fields as they came.
    public let head: HTTPRequest
    /// The path as it was sent, without the query.
    public let path: String
    /// What follows the `?`, as it was sent.
    public let query: String?
    /// The route's pattern, `/v1/requests/{id}`, for logs and metrics.
    public let route: String
    /// The pattern's parameters, percent-decoded.
    public let parameters: [String: String]
    /// `X-Request-Id`: the client's if it is 1–128 of `A-Za-z0-9._-`, else made here.
    public let id: String
    /// Whether the id is the client's.
    public let isNamedByClient: Bool
    /// `traceparent` as the client sent it (W3C Trace Context), unread.
    public let traceParent: String?
    /// The other end of the connection.
    public let peer: SocketAddress
    /// The client's address: the peer's, or what a trusted proxy says.
    public let clientAddress: String
    /// `http` or `https`, as a trusted proxy says.
    public let scheme: String
    public let body: RequestBody

    /// The value of a header field; the lines of a name that has several are joined.
    public func field(_ name: HTTPField.Name) -> String? { head.headerFields.value(of: name) }

    /// The query's parameters in order, decoded as forms are.
    public var queryItems: [(name: String, value: String)] { query.map(RequestTarget.queryItems) ?? [] }
}

/// What a route asks of the server.
public struct RouteOptions: Sendable, Hashable {
    /// Bytes of a body as sent; more is 413. Nil has no limit (a streamed upload).
    public var bodyLimit: Int?
    /// Bytes of a body once inflated.
    public var inflatedLimit: Int

    public init(bodyLimit: Int? = 1 << 20, inflatedLimit: Int = 10 << 20) {
        self.bodyLimit = bodyLimit
        self.inflatedLimit = inflatedLimit
    }
}

/// Handles one request on the connection's loop. What it throws goes to the server's `failure` hook.
public typealias Handler = @Sendable (Request) async throws -> Response
