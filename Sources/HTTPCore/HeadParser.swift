import HTTPTypes

// The head of a request (RFC 9112 §2–5), strictly: lines end in CRLF and nothing else, no line is folded, no white space
// stands before a colon. The head is parsed once it is whole, so where the bytes were split cannot matter; until then only
// its size is watched. An empty line before the request line is let pass, once (RFC 9112 §2.2).

/// Reads heads of requests. It holds nothing of a connection: the caller keeps the bytes.
public struct HeadParser: Sendable {
    public enum Result: Sendable {
        /// The head is not whole yet.
        case needMore
        /// The head, and how many bytes it took.
        case head(RequestHead, bytes: Int)
    }

    public let limits: ParserLimits

    public init(limits: ParserLimits = .init()) { self.limits = limits }

    /// - Parameters:
    ///   - bytes: what has come and is not consumed, from the beginning of the head.
    ///   - scanned: how many of these were looked at before, in vain; raised to what need not be looked at again.
    /// - Throws: why the message is refused. Whatever follows it on the connection has no meaning.
    public func parse(_ bytes: UnsafeBufferPointer<UInt8>, scanned: inout Int) throws(ParseFailure) -> Result {
        let start = bytes.count >= 2 && bytes[0] == 0x0D && bytes[1] == 0x0A ? 2 : 0
        guard let end = Self.endOfHead(bytes, from: max(start, scanned - 3)) else {
            scanned = bytes.count
            try checkSize(bytes, from: start, end: bytes.count)
            return .needMore
        }
        try checkSize(bytes, from: start, end: end)
        let head = try parse(UnsafeBufferPointer(rebasing: bytes[start..<end]))
        scanned = 0
        return .head(head, bytes: end)
    }

    /// The index behind the empty line that ends the head. A line feed without its carriage return ends a line too here,
    /// so that such a head is judged (and refused) instead of waited for.
    private static func endOfHead(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        var index = start
        while index < bytes.count {
            guard bytes[index] == 0x0A else {
                index += 1
                continue
            }
            if index + 1 < bytes.count, bytes[index + 1] == 0x0A { return index + 2 }
            if index + 2 < bytes.count, bytes[index + 1] == 0x0D, bytes[index + 2] == 0x0A { return index + 3 }
            index += 1
        }
        return nil
    }

    /// The empty line that ends the head is nobody's: it counts for neither limit.
    private func checkSize(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, end: Int) throws(ParseFailure) {
        guard end - start > min(limits.requestLineBytes, limits.fieldBytes) else { return }
        let lineEnd = Grammar.index(of: 0x0A, in: bytes, from: start).map { min($0 + 1, end) } ?? end
        if lineEnd - start > limits.requestLineBytes { throw .targetTooLong }
        if end - lineEnd > limits.fieldBytes + 2 { throw .fieldsTooLarge }
    }

    private func parse(_ head: UnsafeBufferPointer<UInt8>) throws(ParseFailure) -> RequestHead {
        var index = 0
        let (method, target, minorVersion) = try requestLine(try Self.line(head, &index))
        var fields = HTTPFields()
        fields.reserveCapacity(8)
        var rules = HeadRules()
        var count = 0
        while true {
            let line = try Self.line(head, &index)
            if line.isEmpty { break }
            count += 1
            if count > limits.fieldCount { throw .fieldsTooLarge }
            let (name, value) = try Self.field(line)
            try rules.note(FieldKind(name), value)
            guard let name = FieldNames.name(name) else { throw .malformed("a field name is no token") }
            fields.append(Self.field(name, value))
        }
        let verdict = try rules.judge(target, minorVersion: minorVersion)
        if let authority = target.authority { fields[Self.host] = authority }
        return RequestHead(
            method: method, target: target, fields: fields, authority: verdict.authority, minorVersion: minorVersion,
            framing: verdict.framing, keepsAlive: verdict.keepsAlive, expectsContinue: verdict.expectsContinue)
    }

    private static let host = HTTPField.Name("Host")!

    /// The next line without its CRLF.
    private static func line(
        _ head: UnsafeBufferPointer<UInt8>, _ index: inout Int
    ) throws(ParseFailure) -> UnsafeBufferPointer<UInt8> {
        let start = index
        while head[index] != 0x0A { index += 1 }
        guard index > start, head[index - 1] == 0x0D else {
            throw .malformed("a line feed without its carriage return")
        }
        let line = UnsafeBufferPointer(rebasing: head[start..<index - 1])
        index += 1
        return line
    }

    /// `method SP request-target SP HTTP-version` (RFC 9112 §3). The version is judged before the target: what speaks
    /// another protocol is told so.
    private func requestLine(
        _ line: UnsafeBufferPointer<UInt8>
    ) throws(ParseFailure) -> (HTTPRequest.Method, RequestTarget, Int) {
        guard let first = Grammar.index(of: 0x20, in: line), line.count >= first + 10, line[line.count - 9] == 0x20
        else {
            throw .malformed("the request line is not method, target and version")
        }
        let methodBytes = UnsafeBufferPointer(rebasing: line[..<first])
        guard let method = Self.method(methodBytes) else { throw .malformed("the method is no token") }
        let minorVersion = try Self.minorVersion(UnsafeBufferPointer(rebasing: line[(line.count - 8)...]))
        let target = try RequestTarget(
            UnsafeBufferPointer(rebasing: line[(first + 1)..<(line.count - 9)]), method: method)
        return (method, target, minorVersion)
    }

    private static func method(_ bytes: UnsafeBufferPointer<UInt8>) -> HTTPRequest.Method? {
        if bytes.count == 3, bytes[0] == UInt8(ascii: "G"), bytes[1] == UInt8(ascii: "E"), bytes[2] == UInt8(ascii: "T")
        {
            return .get
        }
        return HTTPRequest.Method(String(decoding: bytes, as: UTF8.self))
    }

    /// `HTTP/1.0` or `HTTP/1.1`, in capitals; 505 for what is a version but not one of these.
    private static func minorVersion(_ version: UnsafeBufferPointer<UInt8>) throws(ParseFailure) -> Int {
        guard version[0] == UInt8(ascii: "H"), version[1] == UInt8(ascii: "T"), version[2] == UInt8(ascii: "T"),
            version[3] == UInt8(ascii: "P"), version[4] == UInt8(ascii: "/"), version[6] == UInt8(ascii: "."),
            Grammar.isDigit(version[5]), Grammar.isDigit(version[7])
        else { throw .malformed("the version is malformed") }
        guard version[5] == UInt8(ascii: "1"), version[7] <= UInt8(ascii: "1") else { throw .unsupportedVersion }
        return Int(version[7] - UInt8(ascii: "0"))
    }

    /// Bytes that are not UTF-8 stay as they came (RFC 9110 §5.5: opaque); plain ASCII needs no look at what it is.
    private static func field(_ name: HTTPField.Name, _ value: UnsafeBufferPointer<UInt8>) -> HTTPField {
        var all: UInt8 = 0
        for byte in value { all |= byte }
        guard all < 0x80 else { return HTTPField(name: name, lenientValue: value) }
        return HTTPField(name: name, value: String(decoding: value, as: UTF8.self))
    }

    /// A field line (RFC 9112 §5): `name ":" OWS value OWS`. Whether the name is a token is left to who makes a name of it.
    static func field(
        _ line: UnsafeBufferPointer<UInt8>
    ) throws(ParseFailure) -> (name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        if Grammar.isBlank(line[0]) { throw .malformed("a folded field line") }
        var colon = 0
        while colon < line.count, line[colon] != UInt8(ascii: ":") {
            guard Grammar.isToken(line[colon]) else { throw .malformed("a field name is no token") }
            colon += 1
        }
        guard colon > 0, colon < line.count else { throw .malformed("a field line without a name") }
        let value = Grammar.trimmed(UnsafeBufferPointer(rebasing: line[(colon + 1)...]))
        var index = 0
        while index < value.count {
            guard Grammar.isFieldText(value[index]) else { throw .malformed("a field value holds a control character") }
            index += 1
        }
        return (UnsafeBufferPointer(rebasing: line[..<colon]), value)
    }
}
