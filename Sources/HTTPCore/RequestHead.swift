public import HTTPTypes

/// How a body is framed (RFC 9112 §6).
public enum BodyFraming: Sendable, Hashable {
    case none
    /// Bytes.
    case length(Int)
    case chunked
}

/// A request's head, parsed and judged.
public struct RequestHead: Sendable {
    public let request: HTTPRequest
    public let target: RequestTarget
    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    public let minorVersion: Int
    public let framing: BodyFraming
    /// Whether the client wants the connection kept (RFC 9112 §9.3).
    public let keepsAlive: Bool
    /// `Expect: 100-continue`.
    public let expectsContinue: Bool
}

/// What a head means beyond its grammar: framing, persistence, host. One place decides.
enum HeadRules {
    static func judge(
        _ request: HTTPRequest, target: RequestTarget, minorVersion: Int, hosts: [String], lengths: [String],
        codings: [String], connection: [String], expectations: [String]
    ) throws(ParseFailure) -> RequestHead {
        if hosts.count > 1 { throw .malformed("more than one Host") }
        if hosts.isEmpty, minorVersion == 1 { throw .malformed("Host is missing") }
        if let host = hosts.first {
            guard HostField.isValid(host) else { throw .malformed("Host is malformed") }
            if let authority = target.authority, authority.lowercased() != host.lowercased() {
                throw .malformed("Host differs from the target's authority")
            }
        }
        let options = connection.flatMap { $0.split(separator: ",") }.map { trimmed($0).lowercased() }
        let keepsAlive =
            minorVersion == 1
            ? !options.contains("close") : options.contains("keep-alive") && !options.contains("close")
        var expectsContinue = false
        if let expectation = expectations.first {
            guard expectations.count == 1, expectation.lowercased() == "100-continue" else { throw .unknownExpectation }
            expectsContinue = minorVersion == 1
        }
        return RequestHead(
            request: request, target: target, minorVersion: minorVersion,
            framing: try framing(lengths: lengths, codings: codings, minorVersion: minorVersion),
            keepsAlive: keepsAlive, expectsContinue: expectsContinue)
    }

    private static func framing(
        lengths: [String], codings: [String], minorVersion: Int
    ) throws(ParseFailure) -> BodyFraming {
        if !codings.isEmpty {
            guard lengths.isEmpty else { throw .malformed("both Content-Length and Transfer-Encoding") }
            guard minorVersion == 1 else { throw .malformed("Transfer-Encoding in HTTP/1.0") }
            guard codings.count == 1, codings[0].lowercased() == "chunked" else { throw .unknownTransferCoding }
            return .chunked
        }
        guard let text = lengths.first else { return .none }
        guard lengths.count == 1 else { throw .malformed("more than one Content-Length") }
        guard !text.isEmpty, text.utf8.count <= 18, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let length = Int(text)
        else { throw .malformed("Content-Length is not a number of bytes") }
        return length == 0 ? .none : .length(length)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
