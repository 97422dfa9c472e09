// RFC 8259, strictly: one value, nothing after it but white space, UTF-8 without a byte-order mark, no member twice.
// Foundation's decoders stop at the first offence and say neither where an unknown member stands nor how a number was
// spelt; the contract names every offender at once, so the text is read into a tree here and judged afterwards.
// One pass over the bytes without copying; strings without escapes are validated and copied once. Depth is limited, so
// a hostile body cannot exhaust the stack.

/// Why a text is not JSON, and where.
struct JSONSyntaxError: Error, Hashable {
    /// Byte offset into the text, from 0.
    var offset: Int
    var reason: String
}

struct JSONParser {
    static let maximumDepth = 64

    private let bytes: UnsafeBufferPointer<UInt8>
    private var index = 0
    private var depth = 0

    private init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    static func parse(_ bytes: some Collection<UInt8>) throws(JSONSyntaxError) -> JSONValue {
        let result = bytes.withContiguousStorageIfAvailable { buffer -> Result<JSONValue, JSONSyntaxError> in
            var parser = JSONParser(buffer)
            do throws(JSONSyntaxError) {
                return .success(try parser.document())
            } catch {
                return .failure(error)
            }
        }
        guard let result else { return try parse(Array(bytes)) }
        return try result.get()
    }

    private mutating func document() throws(JSONSyntaxError) -> JSONValue {
        skipSpace()
        let value = try value()
        skipSpace()
        guard index == bytes.count else { throw failure("something follows the JSON value") }
        return value
    }

    private mutating func value() throws(JSONSyntaxError) -> JSONValue {
        guard index < bytes.count else { throw failure("the text ends where a value is expected") }
        switch bytes[index] {
        case UInt8(ascii: "{"): return try nested { (parser) throws(JSONSyntaxError) in try parser.object() }
        case UInt8(ascii: "["): return try nested { (parser) throws(JSONSyntaxError) in try parser.array() }
        case UInt8(ascii: "\""):
            guard let string = try string() else { return .unusableString }
            return .string(string)
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw failure("a value is expected here")
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(JSONSyntaxError) -> JSONValue
    ) throws(JSONSyntaxError) -> JSONValue {
        guard depth < Self.maximumDepth else { throw failure("nested deeper than \(Self.maximumDepth) levels") }
        depth += 1
        index += 1
        let value = try body(&self)
        depth -= 1
        return value
    }

    private mutating func object() throws(JSONSyntaxError) -> JSONValue {
        var members: [JSONValue.Member] = []
        var names: Set<String> = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipSpace()
            let start = index
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else {
                throw failure("a member name in double quotes is expected")
            }
            guard let name = try string() else { throw failure("a member name holds a lone surrogate", at: start) }
            let isNew =
                members.count < 16 ? !members.contains { $0.name == name } : insert(name, into: &names, from: members)
            guard isNew else { throw failure("the member \"\(name.prefix(64))\" appears twice", at: start) }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw failure("a colon is expected after the member name") }
            skipSpace()
            members.append(.init(name: name, value: try value()))
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw failure("a comma or the end of the object is expected") }
            return .object(members)
        }
    }

    private func insert(_ name: String, into names: inout Set<String>, from members: [JSONValue.Member]) -> Bool {
        if names.isEmpty { names.formUnion(members.map(\.name)) }
        return names.insert(name).inserted
    }

    private mutating func array() throws(JSONSyntaxError) -> JSONValue {
        var values: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(values) }
        while true {
            skipSpace()
            values.append(try value())
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw failure("a comma or the end of the array is expected") }
            return .array(values)
        }
    }

    /// The string that starts at `index`, nil when it holds a lone surrogate.
    private mutating func string() throws(JSONSyntaxError) -> String? {
        index += 1
        let start = index
        while index < bytes.count, bytes[index] != UInt8(ascii: "\""), bytes[index] != UInt8(ascii: "\\"),
            bytes[index] >= 0x20
        {
            index += 1
        }
        guard index < bytes.count else { throw failure("the text ends inside a string") }
        if bytes[index] == UInt8(ascii: "\"") {
            let text = try validated(UnsafeBufferPointer(rebasing: bytes[start..<index]), at: start)
            index += 1
            return text
        }
        return try escapedString(from: start)
    }

    private mutating func escapedString(from start: Int) throws(JSONSyntaxError) -> String? {
        var decoded = Array(bytes[start..<index])
        var usable = true
        while true {
            guard index < bytes.count else { throw failure("the text ends inside a string") }
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""):
                let text = try decoded.withUnsafeBufferPointer { (buffer) throws(JSONSyntaxError) in
                    try validated(buffer, at: start)
                }
                return usable ? text : nil
            case UInt8(ascii: "\\"):
                guard let scalar = try escape() else {
                    usable = false
                    continue
                }
                decoded.append(contentsOf: UTF8.encode(scalar)!)
            case ..<0x20: throw failure("a control character must be escaped inside a string", at: index - 1)
            default: decoded.append(byte)
            }
        }
    }

    /// The scalar of an escape whose backslash is behind `index`, nil for a lone surrogate.
    private mutating func escape() throws(JSONSyntaxError) -> Unicode.Scalar? {
        guard index < bytes.count else { throw failure("the text ends inside a string") }
        index += 1
        switch bytes[index - 1] {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let unit = try hexUnit()
            guard unit & 0xF800 == 0xD800 else { return Unicode.Scalar(unit) }
            guard unit < 0xDC00, index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
                bytes[index + 1] == UInt8(ascii: "u")
            else { return nil }
            let mark = index
            index += 2
            let low = try hexUnit()
            guard low & 0xFC00 == 0xDC00 else {
                index = mark
                return nil
            }
            return Unicode.Scalar(0x10000 + ((unit & 0x3FF) << 10) + (low & 0x3FF))
        default: throw failure("no such escape in JSON", at: index - 1)
        }
    }

    private mutating func hexUnit() throws(JSONSyntaxError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard index < bytes.count, let digit = Character(Unicode.Scalar(bytes[index])).hexDigitValue else {
                throw failure("four hexadecimal digits are expected after \\u")
            }
            unit = unit << 4 | UInt32(digit)
            index += 1
        }
        return unit
    }

    private func validated(_ buffer: UnsafeBufferPointer<UInt8>, at start: Int) throws(JSONSyntaxError) -> String {
        guard let text = String(validating: buffer, as: UTF8.self) else {
            throw failure("a string is not valid UTF-8", at: start)
        }
        return text
    }

    private mutating func number() throws(JSONSyntaxError) -> JSONValue {
        let start = index
        _ = take(UInt8(ascii: "-"))
        if take(UInt8(ascii: "0")) == false, digits() == 0 { throw failure("a digit is expected in the number") }
        if take(UInt8(ascii: ".")), digits() == 0 { throw failure("a digit is expected after the decimal point") }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if take(UInt8(ascii: "+")) == false { _ = take(UInt8(ascii: "-")) }
            if digits() == 0 { throw failure("a digit is expected in the exponent") }
        }
        return .number(String(decoding: bytes[start..<index], as: UTF8.self))
    }

    private mutating func digits() -> Int {
        let start = index
        while index < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index]) { index += 1 }
        return index - start
    }

    private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
        guard bytes.count - index >= word.utf8CodeUnitCount,
            (0..<word.utf8CodeUnitCount).allSatisfy({ bytes[index + $0] == word.utf8Start[$0] })
        else { throw failure("a value is expected here") }
        index += word.utf8CodeUnitCount
        return value
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    private mutating func skipSpace() {
        while index < bytes.count {
            switch bytes[index] {
            case 0x20, 0x09, 0x0A, 0x0D: index += 1
            default: return
            }
        }
    }

    private func failure(_ reason: String, at offset: Int? = nil) -> JSONSyntaxError {
        JSONSyntaxError(offset: offset ?? index, reason: reason)
    }
}
