// RFC 9112 §3.2 and RFC 3986. The path is cut at its slashes before it is decoded, so an encoded slash can never make
// another path; dot segments, encoded or not, are refused rather than resolved, so no route is reached by a path that means
// another to a proxy in front.

/// A request target, decoded.
public struct RequestTarget: Sendable, Hashable {
    /// Percent-decoded segments of the path: `/v1/a%2Fb` is `["v1", "a/b"]`, `/` is `[""]`.
    public let segments: [String]
    /// The path as it was sent, without the query.
    public let rawPath: String
    /// What follows the first `?`, as it was sent; nil without one.
    public let query: String?
    /// The authority of an absolute-form target.
    public let authority: String?
    /// The target is `*` (`OPTIONS` for the server as a whole).
    public let isAsterisk: Bool

    /// - Throws: `malformed` for what is no target of this method.
    public init(_ text: UnsafeBufferPointer<UInt8>, method: String) throws(ParseFailure) {
        guard !text.isEmpty else { throw .malformed("the request target is empty") }
        if method == "CONNECT" { throw .malformed("CONNECT is not served here") }
        if text.count == 1, text[0] == UInt8(ascii: "*") {
            guard method == "OPTIONS" else { throw .malformed("only OPTIONS may have the target *") }
            self.init(segments: ["*"], rawPath: "*", query: nil, authority: nil, isAsterisk: true)
            return
        }
        for byte in text where byte <= 0x20 || byte >= 0x7F || Self.isForbidden(byte) {
            throw .malformed("the request target holds a character that must be percent-encoded")
        }
        var authority: String?
        var rest = text[...]
        if text[0] != UInt8(ascii: "/") {
            (authority, rest) = try Self.absoluteForm(text)
        }
        var path = rest
        var query: String?
        if let mark = rest.firstIndex(of: UInt8(ascii: "?")) {
            path = rest[..<mark]
            query = String(decoding: rest[(mark + 1)...], as: UTF8.self)
        }
        let rawPath = path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)
        self.init(
            segments: try Self.segments(path), rawPath: rawPath, query: query, authority: authority, isAsterisk: false)
    }

    private init(segments: [String], rawPath: String, query: String?, authority: String?, isAsterisk: Bool) {
        self.segments = segments
        self.rawPath = rawPath
        self.query = query
        self.authority = authority
        self.isAsterisk = isAsterisk
    }

    private static func isForbidden(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "#"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"),
            UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
            true
        default: false
        }
    }

    private static func absoluteForm(
        _ text: UnsafeBufferPointer<UInt8>
    ) throws(ParseFailure) -> (String, Slice<UnsafeBufferPointer<UInt8>>) {
        for scheme in ["http://", "https://"] where text.count > scheme.utf8.count {
            let head = String(decoding: text.prefix(scheme.utf8.count), as: UTF8.self)
            guard head.lowercased() == scheme else { continue }
            let rest = text[scheme.utf8.count...]
            let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
            let authority = String(decoding: rest[..<end], as: UTF8.self)
            guard HostField.isValid(authority), !authority.isEmpty else {
                throw .malformed("the target's authority is malformed")
            }
            return (authority, rest[end...])
        }
        throw .malformed("the request target must begin with a slash")
    }

    private static func segments(_ path: Slice<UnsafeBufferPointer<UInt8>>) throws(ParseFailure) -> [String] {
        guard !path.isEmpty else { return [""] }
        var segments: [String] = []
        var start = path.startIndex + 1
        while true {
            let end = path[start...].firstIndex(of: UInt8(ascii: "/")) ?? path.endIndex
            let segment = try decoded(path[start..<end])
            if segment == "." || segment == ".." { throw .malformed("the path holds a dot segment") }
            segments.append(segment)
            if end == path.endIndex { return segments }
            start = end + 1
        }
    }

    private static func decoded(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) throws(ParseFailure) -> String {
        guard bytes.contains(UInt8(ascii: "%")) else { return String(decoding: bytes, as: UTF8.self) }
        var decoded: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == UInt8(ascii: "%") {
                guard index + 2 < bytes.endIndex, let high = hexDigit(bytes[index + 1]),
                    let low = hexDigit(bytes[index + 2])
                else { throw .malformed("the path holds a broken percent-encoding") }
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(bytes[index])
                index += 1
            }
        }
        guard let text = String(validating: decoded, as: UTF8.self),
            !decoded.contains(where: { $0 < 0x20 || $0 == 0x7F })
        else { throw .malformed("the path holds an encoded control character or bytes that are not UTF-8") }
        return text
    }

    /// The value of a hexadecimal digit.
    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The query's parameters in order, decoded as forms are (`+` is a space); broken encodings stay as they are.
    public static func queryItems(_ query: String) -> [(name: String, value: String)] {
        query.split(separator: "&").map { part in
            let pieces = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (formDecoded(pieces[0]), pieces.count > 1 ? formDecoded(pieces[1]) : "")
        }
    }

    private static func formDecoded(_ text: Substring) -> String {
        let bytes = Array(text.utf8)
        var decoded: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = hexDigit(bytes[index + 1]),
                let low = hexDigit(bytes[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(bytes[index] == UInt8(ascii: "+") ? 0x20 : bytes[index])
                index += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }
}

/// `Host` (RFC 9110 §7.2): a registered name, an IPv4 address or a bracketed literal, and a port.
enum HostField {
    static func isValid(_ text: String) -> Bool {
        var host = Substring(text)
        if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") {
            let port = host[host.index(after: colon)...]
            guard port.utf8.allSatisfy({ (0x30...0x39).contains($0) }), port.utf8.count <= 5 else { return false }
            host = host[..<colon]
        }
        if host.hasPrefix("[") {
            return host.hasSuffix("]")
                && host.dropFirst().dropLast().utf8.allSatisfy { byte in
                    RequestTarget.hexDigit(byte) != nil || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".")
                }
        }
        return host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"), UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"),
                UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ","),
                UInt8(ascii: ";"), UInt8(ascii: "="), UInt8(ascii: "%"):
                true
            default: false
            }
        }
    }
}
