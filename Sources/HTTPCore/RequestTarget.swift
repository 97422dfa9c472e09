import HTTPTypes

// RFC 9112 §3.2 and RFC 3986. The path is cut at its slashes before it is decoded, so an encoded slash can never make
// another path; dot segments, encoded or not, also behind an encoded slash, are refused rather than resolved, so no route is
// reached by a path that means another to a proxy in front.

/// A request target, decoded.
public struct RequestTarget: Sendable, Hashable {
    /// Percent-decoded segments of the path: `/v1/a%2Fb` is `["v1", "a/b"]`, `/` is `[""]`.
    public let segments: [String]
    /// Path and query as they were sent, from the slash on; `*` for the server as a whole.
    public let text: String
    /// The path as it was sent, without the query.
    public let rawPath: String
    /// What follows the first `?`, as it was sent; nil without one.
    public let query: String?
    /// The authority of an absolute-form target.
    public let authority: String?
    /// The target is `*` (`OPTIONS` for the server as a whole).
    public let isAsterisk: Bool

    /// - Throws: `malformed` for what is no target of this method.
    init(_ bytes: UnsafeBufferPointer<UInt8>, method: HTTPRequest.Method) throws(ParseFailure) {
        if method == .connect { throw .malformed("CONNECT is not served here") }
        guard let first = bytes.first else { throw .malformed("the request target is empty") }
        if bytes.count == 1, first == UInt8(ascii: "*") {
            guard method == .options else { throw .malformed("only OPTIONS may have the target *") }
            self.init(asteriskFor: nil)
            return
        }
        var authority: String?
        var rest = bytes
        if first != UInt8(ascii: "/") {
            (authority, rest) = try Self.absoluteForm(bytes)
            if rest.isEmpty, method == .options {
                // RFC 9112 §3.2.4: without a path it asks about the server as a whole.
                self.init(asteriskFor: authority)
                return
            }
        }
        try self.init(pathAndQuery: rest, authority: authority)
    }

    private init(pathAndQuery rest: UnsafeBufferPointer<UInt8>, authority: String?) throws(ParseFailure) {
        self.authority = authority
        isAsterisk = false
        let mark = Grammar.index(of: UInt8(ascii: "?"), in: rest) ?? rest.count
        let path = UnsafeBufferPointer(rebasing: rest[..<mark])
        try Self.check(path)
        segments = try Self.segments(path)
        rawPath = path.isEmpty ? "/" : String(decoding: path, as: UTF8.self)
        guard mark < rest.count else {
            query = nil
            text = rawPath
            return
        }
        let query = UnsafeBufferPointer(rebasing: rest[(mark + 1)...])
        try Self.check(query)
        self.query = String(decoding: query, as: UTF8.self)
        text = (path.isEmpty ? "/" : "") + String(decoding: rest, as: UTF8.self)
    }

    private init(asteriskFor authority: String?) {
        segments = ["*"]
        text = "*"
        rawPath = "*"
        query = nil
        self.authority = authority
        isAsterisk = true
    }

    /// Only characters of RFC 3986, and every percent sign with its two digits.
    private static func check(_ bytes: UnsafeBufferPointer<UInt8>) throws(ParseFailure) {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            guard isTargetCharacter(byte) else {
                throw .malformed("the request target holds a character that must be percent-encoded")
            }
            if byte == UInt8(ascii: "%") {
                guard index + 2 < bytes.count, Grammar.hexDigit(bytes[index + 1]) != nil,
                    Grammar.hexDigit(bytes[index + 2]) != nil
                else { throw .malformed("the request target holds a broken percent-encoding") }
            }
            index += 1
        }
    }

    private static func isTargetCharacter(_ byte: UInt8) -> Bool {
        if byte <= 0x20 || byte >= 0x7F { return false }
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "#"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\\"),
            UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"):
            return false
        default: return true
        }
    }

    /// `http://authority/path?query`: the authority, and what follows it.
    private static func absoluteForm(
        _ bytes: UnsafeBufferPointer<UInt8>
    ) throws(ParseFailure) -> (String, UnsafeBufferPointer<UInt8>) {
        for scheme in ["http://", "https://"] as [StaticString] where bytes.count > scheme.utf8CodeUnitCount {
            let length = scheme.utf8CodeUnitCount
            guard Grammar.equals(UnsafeBufferPointer(rebasing: bytes[..<length]), scheme) else { continue }
            var end = length
            while end < bytes.count, bytes[end] != UInt8(ascii: "/"), bytes[end] != UInt8(ascii: "?") { end += 1 }
            let authority = UnsafeBufferPointer(rebasing: bytes[length..<end])
            guard HostField.isValid(authority) else { throw .malformed("the target's authority is malformed") }
            return (String(decoding: authority, as: UTF8.self), UnsafeBufferPointer(rebasing: bytes[end...]))
        }
        throw .malformed("the request target must begin with a slash")
    }

    private static func segments(_ path: UnsafeBufferPointer<UInt8>) throws(ParseFailure) -> [String] {
        var segments: [String] = []
        segments.reserveCapacity(4)
        var start = 1
        while true {
            let end = start < path.count ? Grammar.index(of: UInt8(ascii: "/"), in: path, from: start) : nil
            let bytes = UnsafeBufferPointer(rebasing: path[min(start, path.count)..<(end ?? path.count)])
            segments.append(try segment(bytes))
            guard let end else { return segments }
            start = end + 1
        }
    }

    /// One segment, decoded. It is no dot segment; control characters, and U+FFFD for bytes that are not UTF-8, are in it as
    /// anything is that no literal of a route spells.
    private static func segment(_ bytes: UnsafeBufferPointer<UInt8>) throws(ParseFailure) -> String {
        guard Grammar.index(of: UInt8(ascii: "%"), in: bytes) != nil else {
            if isDots(bytes) { throw .malformed("the path holds a dot segment") }
            return String(decoding: bytes, as: UTF8.self)
        }
        let decoded = percentDecoded(bytes)
        for piece in decoded.split(whereSeparator: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") }) {
            if piece.withUnsafeBufferPointer(isDots) { throw .malformed("the path holds a dot segment") }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    private static func isDots(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        switch bytes.count {
        case 1: bytes[0] == UInt8(ascii: ".")
        case 2: bytes[0] == UInt8(ascii: ".") && bytes[1] == UInt8(ascii: ".")
        default: false
        }
    }

    /// Decodes what `check` has let pass; anything broken stays as it is.
    private static func percentDecoded(
        _ bytes: UnsafeBufferPointer<UInt8>, plusIsSpace: Bool = false
    ) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
                let high = Grammar.hexDigit(bytes[index + 1]), let low = Grammar.hexDigit(bytes[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(plusIsSpace && bytes[index] == UInt8(ascii: "+") ? 0x20 : bytes[index])
                index += 1
            }
        }
        return decoded
    }

    /// The query's parameters in order, decoded as forms are (`+` is a space); bytes that are not UTF-8 become U+FFFD.
    public static func queryItems(_ query: String) -> [(name: String, value: String)] {
        query.split(separator: "&").map { part in
            let pieces = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (formDecoded(pieces[0]), pieces.count > 1 ? formDecoded(pieces[1]) : "")
        }
    }

    private static func formDecoded(_ text: Substring) -> String {
        var text = text
        let decoded = text.withUTF8 { percentDecoded($0, plusIsSpace: true) }
        return String(decoding: decoded, as: UTF8.self)
    }
}
