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
    public let method: HTTPRequest.Method
    public let target: RequestTarget
    public let fields: HTTPFields
    /// The target's where it has one, which then is the value of `Host` as well (RFC 9112 §3.2.2): nothing later can read
    /// another.
    public let authority: String?
    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    public let minorVersion: Int
    public let framing: BodyFraming
    /// Whether the client wants the connection kept (RFC 9112 §9.3).
    public let keepsAlive: Bool
    /// `Expect: 100-continue`.
    public let expectsContinue: Bool

    init(
        method: HTTPRequest.Method, target: RequestTarget, fields: HTTPFields, authority: String?, minorVersion: Int,
        framing: BodyFraming, keepsAlive: Bool, expectsContinue: Bool
    ) {
        self.method = method
        self.target = target
        self.fields = fields
        self.authority = authority
        self.minorVersion = minorVersion
        self.framing = framing
        self.keepsAlive = keepsAlive
        self.expectsContinue = expectsContinue
    }

    /// Method, path with query, authority and fields, in the common currency. Made anew each time.
    public var request: HTTPRequest {
        HTTPRequest(method: method, scheme: nil, authority: authority, path: target.text, headerFields: fields)
    }
}
