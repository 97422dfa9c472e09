public import Foundation

// A piece of SQL with its bound values. Interpolating a value never puts it into the text: it becomes the next $n, and
// its bytes travel beside the text. Interpolating another SQL composes the two and renumbers its placeholders, which is
// why every parameter remembers where in the text its number stands: text is never scanned for "$1", so string literals
// and dollar quoting cannot be mistaken for one. Text that is not a literal of the program has to say `raw:`.

/// SQL text and the values bound to it.
public struct SQL: ExpressibleByStringInterpolation, Sendable {
    /// The text, with `$1`, `$2`… where values were interpolated.
    public private(set) var text: String
    var parameters: [SQLParameter]
    var bytes: [UInt8]
    /// A bound string holds a NUL, which the wire format would cut off at; such a statement is refused unsent.
    var holdsNUL: Bool

    public init(stringLiteral value: String) {
        text = value
        parameters = []
        bytes = []
        holdsNUL = false
    }

    /// Text that is no literal of the program. The caller vouches for every byte of it.
    public init(raw: String) {
        self.init(stringLiteral: raw)
    }

    public init(stringInterpolation: StringInterpolation) {
        self = stringInterpolation.sql
    }

    public struct StringInterpolation: StringInterpolationProtocol {
        var sql: SQL

        public init(literalCapacity: Int, interpolationCount: Int) {
            sql = SQL(stringLiteral: "")
            sql.text.reserveCapacity(literalCapacity + interpolationCount * 4)
            sql.parameters.reserveCapacity(interpolationCount)
            sql.bytes.reserveCapacity(interpolationCount * 24)
        }

        public mutating func appendLiteral(_ literal: String) {
            sql.text += literal
        }

        /// Binds a value.
        public mutating func appendInterpolation<Value: SQLValue>(_ value: Value) {
            sql.bind(value)
        }

        /// Binds a value that may be missing, as NULL then. Beside the one above it tells the compiler that an optional is
        /// meant, which it would warn of.
        public mutating func appendInterpolation<Value: SQLValue>(_ value: Value?) {
            sql.bind(value)
        }

        // The common types once more, so that binding one of them does not go by way of its witnesses.

        public mutating func appendInterpolation(_ value: UUID) { sql.bind(value) }
        public mutating func appendInterpolation(_ value: String) { sql.bind(value) }
        public mutating func appendInterpolation(_ value: String?) { sql.bind(value) }
        public mutating func appendInterpolation(_ value: Int) { sql.bind(value) }
        public mutating func appendInterpolation(_ value: Date) { sql.bind(value) }
        public mutating func appendInterpolation(_ value: Date?) { sql.bind(value) }
        public mutating func appendInterpolation(_ value: UUID?) { sql.bind(value) }
        public mutating func appendInterpolation(_ value: Int?) { sql.bind(value) }
        public mutating func appendInterpolation(_ value: [UInt8]) { sql.bind(value) }
        public mutating func appendInterpolation(_ value: [UUID]) { sql.bind(value) }
        public mutating func appendInterpolation(_ value: [String]) { sql.bind(value) }

        /// Composes a fragment; its placeholders are renumbered.
        public mutating func appendInterpolation(_ fragment: SQL) {
            sql.append(fragment)
        }

        /// Splices text that is no literal of the program.
        public mutating func appendInterpolation(raw: String) {
            sql.text += raw
        }
    }

    /// Appends another piece; its placeholders are renumbered.
    public mutating func append(_ other: SQL) {
        guard !other.parameters.isEmpty else {
            text += other.text
            return
        }
        let utf8 = other.text.utf8
        var copied = utf8.startIndex
        var copiedOffset = 0
        for (index, parameter) in other.parameters.enumerated() {
            let start = utf8.index(copied, offsetBy: Int(parameter.textOffset) - copiedOffset)
            text += other.text[copied..<start]
            var moved = parameter
            moved.textOffset = Int32(truncatingIfNeeded: text.utf8.count)
            if moved.length >= 0 {
                moved.start = Int32(truncatingIfNeeded: bytes.count)
                let end = Int(parameter.start) + Int(parameter.length)
                bytes.append(contentsOf: other.bytes[Int(parameter.start)..<end])
                bytes.append(0)
            }
            parameters.append(moved)
            appendPlaceholder(parameters.count)
            let width = 1 + Self.digits(index + 1)
            copied = utf8.index(start, offsetBy: width)
            copiedOffset = Int(parameter.textOffset) + width
        }
        text += other.text[copied...]
        holdsNUL = holdsNUL || other.holdsNUL
    }

    public static func + (left: SQL, right: SQL) -> SQL {
        var sum = left
        sum.append(right)
        return sum
    }

    public static func += (left: inout SQL, right: SQL) {
        left.append(right)
    }

    /// True when there is no text.
    public var isEmpty: Bool { text.isEmpty }

    mutating func bind<Value: SQLValue>(_ value: Value) {
        let start = bytes.count
        let isText = Value.sqlFormat == .text
        var encoder = SQLEncoder(bytes: bytes)
        bytes = []
        value.encode(into: &encoder)
        bytes = encoder.bytes
        let length = encoder.isNull ? -1 : bytes.count - start
        if isText, length > 0, bytes[start...].contains(0) { holdsNUL = true }
        // libpq takes text values as C strings.
        if length >= 0 { bytes.append(0) }
        parameters.append(
            SQLParameter(
                type: Value.sqlType, start: Int32(truncatingIfNeeded: start),
                length: Int32(truncatingIfNeeded: length), textOffset: Int32(truncatingIfNeeded: text.utf8.count),
                isBinary: !isText))
        appendPlaceholder(parameters.count)
    }

    /// The same text with other ids bound, one for each of its parameters: nothing is put together again.
    func rebinding(_ ids: [UUID]) -> SQL {
        precondition(ids.count == parameters.count, "one id for each parameter")
        var copy = self
        copy.bytes.removeAll(keepingCapacity: true)
        for (index, id) in ids.enumerated() {
            precondition(copy.parameters[index].type == UUID.sqlType, "a parameter that is no id")
            copy.parameters[index].start = Int32(truncatingIfNeeded: copy.bytes.count)
            copy.parameters[index].length = 16
            withUnsafeBytes(of: id.uuid) { copy.bytes.append(contentsOf: $0) }
            copy.bytes.append(0)
        }
        return copy
    }

    /// The same text with another array of ids bound to its one parameter.
    func rebinding(array ids: [UUID]) -> SQL {
        precondition(parameters.count == 1 && parameters[0].type == [UUID].sqlType, "one parameter, an array of ids")
        var copy = self
        var encoder = SQLEncoder(bytes: [])
        encoder.bytes.reserveCapacity(ids.count * 20 + 24)
        ids.encode(into: &encoder)
        copy.bytes = encoder.bytes
        copy.parameters[0].length = Int32(truncatingIfNeeded: copy.bytes.count)
        copy.bytes.append(0)
        return copy
    }

    private static let placeholders = (0...64).map { "$\($0)" }

    private mutating func appendPlaceholder(_ number: Int) {
        text += number < Self.placeholders.count ? Self.placeholders[number] : "$\(number)"
    }

    private static func digits(_ number: Int) -> Int {
        var count = 1
        var rest = number / 10
        while rest > 0 {
            count += 1
            rest /= 10
        }
        return count
    }
}

extension Sequence where Element == SQL {
    /// The pieces with a separator between them: `[a, b].joined(", ")`.
    public func joined(_ separator: SQL) -> SQL {
        var sum: SQL = ""
        var isFirst = true
        for piece in self {
            if !isFirst { sum.append(separator) }
            isFirst = false
            sum.append(piece)
        }
        return sum
    }
}

/// One bound value: where its bytes lie in `SQL.bytes` and where its number stands in the text.
struct SQLParameter: Sendable {
    var type: SQLType
    var start: Int32
    /// -1 is NULL.
    var length: Int32
    var textOffset: Int32
    var isBinary: Bool
}
