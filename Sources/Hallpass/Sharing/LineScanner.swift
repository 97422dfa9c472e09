// The syntax of one line of shared data: RFC 8259 as JSONParser reads it, but without a tree. 1.3 million lines would make
// some ten million strings and arrays; here a string is a place in the line, and what nobody asks for is stepped over.
// A line with a backslash is handed over as a copy that may be written to: an escaped string is never longer decoded
// than spelt, so it is decoded where it stands. What the two parsers accept is the same, and a test holds them together,
// but for one thing: a member that is ignored may come twice.

/// Why a line is not JSON: the same sort of reasons as `JSONSyntaxError`, as a throw that costs nothing.
struct LineSyntaxError: Error, Hashable {
    /// Byte offset into the line, from 0.
    var offset: Int
    var reason: StaticString

    static func == (a: LineSyntaxError, b: LineSyntaxError) -> Bool {
        a.offset == b.offset && a.reason.description == b.reason.description
    }

    func hash(into hasher: inout Hasher) { hasher.combine(offset) }
}

/// A string of a line: a range of its bytes, already decoded, without the quotes.
struct LineText: Hashable {
    var offset: Int
    var count: Int
}

struct LineScanner {
    /// The line's bytes, valid UTF-8, alive as long as the scanner.
    private let base: UnsafePointer<UInt8>
    /// The same bytes when they may be written to; nil when the line has no backslash.
    private let writable: UnsafeMutablePointer<UInt8>?
    private let count: Int
    private(set) var index = 0

    init(_ line: UnsafeBufferPointer<UInt8>) {
        precondition(!line.isEmpty, "an empty line is skipped, not scanned")
        base = line.baseAddress!
        writable = nil
        count = line.count
    }

    /// - Parameter line: may be changed, as escapes are decoded in place.
    init(decoding line: UnsafeMutableBufferPointer<UInt8>) {
        precondition(!line.isEmpty, "an empty line is skipped, not scanned")
        base = UnsafePointer(line.baseAddress!)
        writable = line.baseAddress!
        count = line.count
    }

    var isAtEnd: Bool { index == count }

    /// The next byte that is not white space, 0 at the end. A NUL byte is never JSON, so the two are refused alike.
    mutating func peek() -> UInt8 {
        while index < count {
            switch base[index] {
            case 0x20, 0x09, 0x0A, 0x0D: index += 1
            default: return base[index]
            }
        }
        return 0
    }

    /// Steps over `byte` when it is the next after white space.
    mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte, index < count else { return false }
        index += 1
        return true
    }

    /// The string whose opening quote is next; nil when it is a string but holds a lone surrogate.
    mutating func string() throws(LineSyntaxError) -> LineText? {
        index += 1
        let start = index
        skipPlainBytes()
        guard index < count else { throw failure("the line ends inside a string") }
        if base[index] == UInt8(ascii: "\"") {
            index += 1
            return LineText(offset: start, count: index - 1 - start)
        }
        return try escapedString(from: start)
    }

    /// Goes to the next quote, backslash or control character: eight bytes at a time, then one.
    private mutating func skipPlainBytes() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let high: UInt64 = 0x8080_8080_8080_8080
        while index + 8 <= count {
            let word = UInt64(littleEndian: UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self))
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            // The lowest marked byte is exact: a borrow can mark only bytes above a true one.
            let found =
                ((word &- ones &* 0x20) & ~word | (quote &- ones) & ~quote | (backslash &- ones) & ~backslash) & high
            if found != 0 {
                index += found.trailingZeroBitCount / 8
                return
            }
            index += 8
        }
        while index < count, base[index] != 0x22, base[index] != 0x5C, base[index] >= 0x20 { index += 1 }
    }

    /// The rest of a string from its first escape on, written over its own spelling.
    private mutating func escapedString(from start: Int) throws(LineSyntaxError) -> LineText? {
        guard base[index] == UInt8(ascii: "\\") else {
            throw failure("a control character must be escaped inside a string")
        }
        guard let writable else { preconditionFailure("a line with a backslash must be scanned as a copy") }
        var end = index
        var isUsable = true
        while true {
            guard index < count else { throw failure("the line ends inside a string") }
            let byte = base[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return isUsable ? LineText(offset: start, count: end - start) : nil
            case UInt8(ascii: "\\"):
                guard let scalar = try escape() else {
                    isUsable = false
                    continue
                }
                for unit in UTF8.encode(scalar)! {
                    writable[end] = unit
                    end += 1
                }
            case ..<0x20:
                index -= 1
                throw failure("a control character must be escaped inside a string")
            default:
                writable[end] = byte
                end += 1
            }
        }
    }

    /// The scalar of an escape whose backslash is behind `index`, nil for a lone surrogate.
    private mutating func escape() throws(LineSyntaxError) -> Unicode.Scalar? {
        guard index < count else { throw failure("the line ends inside a string") }
        index += 1
        switch base[index - 1] {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default:
            index -= 1
            throw failure("no such escape in JSON")
        }
    }

    private mutating func unicodeEscape() throws(LineSyntaxError) -> Unicode.Scalar? {
        let unit = try hexUnit()
        guard unit & 0xF800 == 0xD800 else { return Unicode.Scalar(unit) }
        guard unit < 0xDC00, index + 1 < count, base[index] == UInt8(ascii: "\\"), base[index + 1] == UInt8(ascii: "u")
        else { return nil }
        let mark = index
        index += 2
        let low = try hexUnit()
        guard low & 0xFC00 == 0xDC00 else {
            index = mark
            return nil
        }
        return Unicode.Scalar(0x10000 + ((unit & 0x3FF) << 10) + (low & 0x3FF))
    }

    private mutating func hexUnit() throws(LineSyntaxError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard index < count, let digit = Self.hexDigit(base[index]) else {
                throw failure("four hexadecimal digits are expected after \\u")
            }
            unit = unit << 4 | digit
            index += 1
        }
        return unit
    }

    private static func hexDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// Steps over any value. - Parameter depth: how many objects and arrays are open around it.
    mutating func skipValue(depth: Int) throws(LineSyntaxError) {
        switch peek() {
        case UInt8(ascii: "{"): try skipObject(depth: depth)
        case UInt8(ascii: "["): try skipArray(depth: depth)
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "t"): try skipLiteral("true")
        case UInt8(ascii: "f"): try skipLiteral("false")
        case UInt8(ascii: "n"): try skipLiteral("null")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try skipNumber()
        default: throw failure(isAtEnd ? "the line ends where a value is expected" : "a value is expected here")
        }
    }

    private mutating func skipObject(depth: Int) throws(LineSyntaxError) {
        guard depth < JSONParser.maximumDepth else { throw failure("nested too deep") }
        index += 1
        if take(UInt8(ascii: "}")) { return }
        repeat {
            _ = try memberName()
            try skipValue(depth: depth + 1)
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw failure("a comma or the end of the object is expected") }
    }

    private mutating func skipArray(depth: Int) throws(LineSyntaxError) {
        guard depth < JSONParser.maximumDepth else { throw failure("nested too deep") }
        index += 1
        if take(UInt8(ascii: "]")) { return }
        repeat { try skipValue(depth: depth + 1) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw failure("a comma or the end of the array is expected") }
    }

    /// A member's name and the colon after it.
    mutating func memberName() throws(LineSyntaxError) -> LineText {
        guard peek() == UInt8(ascii: "\"") else { throw failure("a member name in double quotes is expected") }
        guard let name = try string() else { throw failure("a member name holds a lone surrogate") }
        guard take(UInt8(ascii: ":")) else { throw failure("a colon is expected after the member name") }
        return name
    }

    private mutating func skipNumber() throws(LineSyntaxError) {
        _ = take(raw: UInt8(ascii: "-"))
        if !take(raw: UInt8(ascii: "0")), digits() == 0 { throw failure("a digit is expected in the number") }
        if take(raw: UInt8(ascii: ".")), digits() == 0 { throw failure("a digit is expected after the decimal point") }
        if take(raw: UInt8(ascii: "e")) || take(raw: UInt8(ascii: "E")) {
            if !take(raw: UInt8(ascii: "+")) { _ = take(raw: UInt8(ascii: "-")) }
            if digits() == 0 { throw failure("a digit is expected in the exponent") }
        }
    }

    private mutating func digits() -> Int {
        let start = index
        while index < count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(base[index]) { index += 1 }
        return index - start
    }

    mutating func skipLiteral(_ word: StaticString) throws(LineSyntaxError) {
        let length = word.utf8CodeUnitCount
        guard count - index >= length else { throw failure("a value is expected here") }
        for offset in 0..<length where base[index + offset] != word.utf8Start[offset] {
            throw failure("a value is expected here")
        }
        index += length
    }

    private mutating func take(raw byte: UInt8) -> Bool {
        guard index < count, base[index] == byte else { return false }
        index += 1
        return true
    }

    func failure(_ reason: StaticString) -> LineSyntaxError { LineSyntaxError(offset: index, reason: reason) }
}
