public import HTTPTypes

/// How a body is framed (RFC 9112 §6).
public enum BodyFraming: Sendable, Hashable {
    case none
    /// Bytes.
    case length(Int)
    case chunked
}

/// A request's head, parsed and judged. A class, since much of what serves the request holds on to it.
public final class RequestHead: Sendable {
    /// Method, path with query, and fields. The authority is the target's where it has one, which then is the value of
    /// `Host` as well (RFC 9112 §3.2.2): nothing later can read another.
    public let request: HTTPRequest
    public let target: RequestTarget
    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    public let minorVersion: Int
    public let framing: BodyFraming
    /// Whether the client wants the connection kept (RFC 9112 §9.3).
    public let keepsAlive: Bool
    /// `Expect: 100-continue`.
    public let expectsContinue: Bool

    init(
        request: HTTPRequest, target: RequestTarget, minorVersion: Int, framing: BodyFraming, keepsAlive: Bool,
        expectsContinue: Bool
    ) {
        self.request = request
        self.target = target
        self.minorVersion = minorVersion
        self.framing = framing
        self.keepsAlive = keepsAlive
        self.expectsContinue = expectsContinue
    }
}
