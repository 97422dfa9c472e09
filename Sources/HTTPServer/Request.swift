import HTTPCore
public import HTTPTypes
public import Sockets

/// A request as a handler sees it. A class, so that handlers that wait hold a reference and not all of this: what a
/// connection's task holds is spread over memory and costs time to reach, among a thousand connections most of a request's.
public final class Request: Sendable {
    private let parsed: RequestHead
    private let matched: Router.Route
    private let facts: PeerFacts
    /// The pattern's parameters.
    public let parameters: PathParameters
    /// `X-Request-Id`: the client's if it is 1–128 of `A-Za-z0-9._-`, else made here.
    public let id: String
    /// Whether the id is the client's.
    public let isNamedByClient: Bool
    /// `traceparent` as the client sent it (W3C Trace Context), unread.
    public let traceParent: String?
    /// The other end of the connection.
    public let peer: SocketAddress
    public let body: RequestBody

    init(
        _ head: RequestHead, _ route: Router.Route, _ parameters: PathParameters, id: String,
        isNamedByClient: Bool, traceParent: String?, peer: SocketAddress, facts: PeerFacts, body: RequestBody
    ) {
        parsed = head
        matched = route
        self.parameters = parameters
        self.id = id
        self.isNamedByClient = isNamedByClient
        self.traceParent = traceParent
        self.peer = peer
        self.facts = facts
        self.body = body
    }

    /// Method, target and fields as they came. Made anew each time: what is asked often has a member of its own.
    public var head: HTTPRequest { parsed.request }

    public var method: HTTPRequest.Method { parsed.method }

    var handling: Router.Handling { matched.handling }

    /// The path as it was sent, without the query.
    public var path: String { parsed.target.rawPath }

    /// What follows the `?`, as it was sent.
    public var query: String? { parsed.target.query }

    /// The route's pattern, `/v1/requests/{id}`, for logs and metrics.
    public var route: String { matched.pattern }

    /// The client's address: the peer's, or what a trusted proxy says.
    public var clientAddress: String { facts.address }

    /// `http` or `https`, as a trusted proxy says.
    public var scheme: String { facts.scheme }

    /// The value of a header field; the lines of a name that has several are joined.
    public func field(_ name: HTTPField.Name) -> String? { parsed.fields.value(of: name) }

    /// The query's parameters in order, decoded as forms are.
    public var queryItems: [(name: String, value: String)] { query.map(RequestTarget.queryItems) ?? [] }
}

/// What the path has in the places of a pattern's names, percent-decoded.
public struct PathParameters: Sendable {
    let names: [String]
    let values: [String]

    public subscript(name: String) -> String? { names.firstIndex(of: name).map { values[$0] } }
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

/// Handles one request without waiting for anything, and quickly, since all of the loop's connections wait for it. No task is
/// woken for it. What it throws goes to the server's `failure` hook.
public typealias ImmediateHandler = @Sendable (Request) throws -> Response
