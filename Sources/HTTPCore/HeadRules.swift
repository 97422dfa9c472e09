import HTTPTypes

// What a head means beyond its grammar: framing, persistence, host, expectation. One place decides. Whatever a proxy in
// front could read differently is refused: two lengths (even equal ones), a length beside a transfer coding, a coding that
// is not the one word `chunked`, a transfer coding in HTTP/1.0, two hosts.

/// Gathers the fields that rule the message while its head is read, then judges them.
struct HeadRules {
    private var host: UnsafeBufferPointer<UInt8>?
    private var length: UnsafeBufferPointer<UInt8>?
    private var coding: UnsafeBufferPointer<UInt8>?
    private var expectation: UnsafeBufferPointer<UInt8>?
    private var hasCodings = false
    private var hasExpectations = false
    private var saysClose = false
    private var saysKeepAlive = false

    /// Takes notice of a field. - Parameter value: bytes that live until `judge`.
    mutating func note(_ kind: FieldKind, _ value: UnsafeBufferPointer<UInt8>) throws(ParseFailure) {
        switch kind {
        case .host:
            if host != nil { throw .malformed("more than one Host") }
            host = value
        case .contentLength:
            if length != nil { throw .malformed("more than one Content-Length") }
            length = value
        case .transferEncoding:
            if coding != nil { hasCodings = true }
            coding = value
        case .expect:
            if expectation != nil { hasExpectations = true }
            expectation = value
        case .connection: noteOptions(value)
        case .other: break
        }
    }

    /// `connection-option`s are tokens in a list (RFC 9110 §7.6.1).
    private mutating func noteOptions(_ value: UnsafeBufferPointer<UInt8>) {
        var start = 0
        while start <= value.count {
            let end = Grammar.index(of: UInt8(ascii: ","), in: value, from: start) ?? value.count
            let option = Grammar.trimmed(UnsafeBufferPointer(rebasing: value[start..<end]))
            if Grammar.equals(option, "close") { saysClose = true }
            if Grammar.equals(option, "keep-alive") { saysKeepAlive = true }
            start = end + 1
        }
    }

    struct Verdict {
        var framing: BodyFraming
        var keepsAlive: Bool
        var expectsContinue: Bool
        /// Who the request is for: the target's authority when it has one (RFC 9112 §3.2.2), else `Host`.
        var authority: String?
    }

    func judge(_ target: RequestTarget, minorVersion: Int) throws(ParseFailure) -> Verdict {
        if let host {
            guard HostField.isValid(host) else { throw .malformed("Host is malformed") }
        } else if minorVersion == 1 {
            throw .malformed("Host is missing")
        }
        var expectsContinue = false
        if let expectation {
            guard !hasExpectations, Grammar.equals(expectation, "100-continue") else { throw .unknownExpectation }
            expectsContinue = minorVersion == 1
        }
        return Verdict(
            framing: try framing(minorVersion), keepsAlive: !saysClose && (minorVersion == 1 || saysKeepAlive),
            expectsContinue: expectsContinue,
            authority: target.authority ?? host.map { String(decoding: $0, as: UTF8.self) })
    }

    private func framing(_ minorVersion: Int) throws(ParseFailure) -> BodyFraming {
        if let coding {
            guard length == nil else { throw .malformed("both Content-Length and Transfer-Encoding") }
            guard minorVersion == 1 else { throw .malformed("Transfer-Encoding in HTTP/1.0") }
            guard !hasCodings, Grammar.equals(coding, "chunked") else { throw .unknownTransferCoding }
            return .chunked
        }
        guard let length else { return .none }
        guard (1...18).contains(length.count) else { throw .malformed("Content-Length is not a number of bytes") }
        var count = 0
        for byte in length {
            guard Grammar.isDigit(byte) else { throw .malformed("Content-Length is not a number of bytes") }
            count = count * 10 + Int(byte - 0x30)
        }
        return count == 0 ? .none : .length(count)
    }
}

/// The fields that rule a message.
enum FieldKind {
    case host, contentLength, transferEncoding, connection, expect, other

    init(_ name: UnsafeBufferPointer<UInt8>) {
        switch name.count {
        case 4: self = Grammar.equals(name, "host") ? .host : .other
        case 6: self = Grammar.equals(name, "expect") ? .expect : .other
        case 10: self = Grammar.equals(name, "connection") ? .connection : .other
        case 14: self = Grammar.equals(name, "content-length") ? .contentLength : .other
        case 17: self = Grammar.equals(name, "transfer-encoding") ? .transferEncoding : .other
        default: self = .other
        }
    }
}
