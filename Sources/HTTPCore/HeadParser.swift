import HTTPTypes

// The head of a request (RFC 9112 §2–5), strictly: lines end in CRLF and nothing else, no line is folded, no white space
// stands before a colon. The head is parsed once it is whole, so where the bytes were split cannot matter; until then only
// its size is watched. An empty line before the request line is let pass, once (RFC 9112 §2.2).

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

    private func checkSize(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, end: Int) throws(ParseFailure) {
        guard end - start > min(limits.requestLineBytes, limits.fieldBytes) else { return }
        let lineEnd = bytes[start..<end].firstIndex(of: 0x0A).map { $0 + 1 } ?? end
        if lineEnd - start > limits.requestLineBytes { throw .targetTooLong }
        if end - lineEnd > limits.fieldBytes { throw .fieldsTooLarge }
    }

    private func parse(_ head: UnsafeBufferPointer<UInt8>) throws(ParseFailure) -> RequestHead {
        var index = 0
        let line = try Self.line(head, &index)
        let (method, target, minorVersion) = try requestLine(line)
        var fields = HTTPFields()
        var hosts: [String] = []
        var lengths: [String] = []
        var codings: [String] = []
        var connection: [String] = []
        var expectations: [String] = []
        var count = 0
        while true {
            let line = try Self.line(head, &index)
            if line.isEmpty { break }
            count += 1
            if count > limits.fieldCount { throw .fieldsTooLarge }
            let field = try Self.field(line)
            switch field.name {
            case .contentLength: lengths.append(field.value)
            case .transferEncoding: codings.append(field.value)
            case .connection: connection.append(field.value)
            case .expect: expectations.append(field.value)
            default:
                if field.name == Self.host { hosts.append(field.value) }
                fields.append(field)
                continue
            }
            fields.append(field)
        }
        let request = HTTPRequest(
            method: method, scheme: nil, authority: hosts.first, path: target.isAsterisk ? "*" : Self.path(target),
            headerFields: fields)
        return try HeadRules.judge(
            request, target: target, minorVersion: minorVersion, hosts: hosts, lengths: lengths, codings: codings,
            connection: connection, expectations: expectations)
    }

    private static let host = HTTPField.Name("Host")!

    private static func path(_ target: RequestTarget) -> String {
        target.query.map { "\(target.rawPath)?\($0)" } ?? target.rawPath
    }

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

    private func requestLine(
        _ line: UnsafeBufferPointer<UInt8>
    ) throws(ParseFailure) -> (HTTPRequest.Method, RequestTarget, Int) {
        guard let first = line.firstIndex(of: 0x20), let last = line.lastIndex(of: 0x20), first < last else {
            throw .malformed("the request line is not method, target and version")
        }
        let name = String(decoding: line[..<first], as: UTF8.self)
        guard first > 0, line[..<first].allSatisfy(Self.isToken), let method = HTTPRequest.Method(name) else {
            throw .malformed("the method is no token")
        }
        let version = line[(last + 1)...]
        guard version.count == 8, version.starts(with: "HTTP/".utf8),
            version[version.startIndex + 6] == UInt8(ascii: "."),
            Self.isDigit(version[version.startIndex + 5]), Self.isDigit(version[version.startIndex + 7])
        else { throw .malformed("the version is malformed") }
        guard version[version.startIndex + 5] == UInt8(ascii: "1"), version[version.startIndex + 7] <= UInt8(ascii: "1")
        else { throw .unsupportedVersion }
        let target = try RequestTarget(UnsafeBufferPointer(rebasing: line[(first + 1)..<last]), method: name)
        return (method, target, Int(version[version.startIndex + 7] - UInt8(ascii: "0")))
    }

    /// A field line (RFC 9112 §5): `name ":" OWS value OWS`.
    static func field(_ line: UnsafeBufferPointer<UInt8>) throws(ParseFailure) -> HTTPField {
        if line[0] == 0x20 || line[0] == 0x09 { throw .malformed("a folded field line") }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else {
            throw .malformed("a field line without a name")
        }
        guard line[..<colon].allSatisfy(isToken),
            let name = HTTPField.Name(String(decoding: line[..<colon], as: UTF8.self))
        else { throw .malformed("a field name is no token") }
        var start = colon + 1
        var end = line.count
        while start < end, line[start] == 0x20 || line[start] == 0x09 { start += 1 }
        while end > start, line[end - 1] == 0x20 || line[end - 1] == 0x09 { end -= 1 }
        let value = line[start..<end]
        guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            throw .malformed("a field value holds a control character")
        }
        return HTTPField(name: name, value: String(decoding: value, as: UTF8.self))
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    /// `tchar` of RFC 9110 §5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
            UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
