public import Foundation

/// A value that can be bound to a statement.
public protocol SQLValue: Sendable {
    /// The type told to the server; `.inferred` lets it decide from where the value stands.
    static var sqlType: SQLType { get }
    static var sqlFormat: SQLFormat { get }
    func encode(into encoder: inout SQLEncoder)
}

/// A value that can be an element of a bound array. Elements always travel in binary.
public protocol SQLArrayElement: Sendable {
    static var sqlElementType: SQLType { get }
    static var sqlArrayType: SQLType { get }
    func encodeElement(into encoder: inout SQLEncoder)
}

/// Collects a value's bytes, integers in network order.
public struct SQLEncoder {
    var bytes: [UInt8]
    var isNull = false

    init(bytes: consuming [UInt8]) {
        self.bytes = bytes
    }

    public mutating func null() {
        isNull = true
    }

    public mutating func write(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    public mutating func write(_ raw: some Sequence<UInt8>) {
        bytes.append(contentsOf: raw)
    }

    public mutating func write<Integer: FixedWidthInteger>(_ integer: Integer) {
        withUnsafeBytes(of: integer.bigEndian) { bytes.append(contentsOf: $0) }
    }
}

extension String: SQLValue, SQLArrayElement {
    public static var sqlType: SQLType { .inferred }
    public static var sqlFormat: SQLFormat { .text }
    public func encode(into encoder: inout SQLEncoder) { encoder.write(self) }
    public static var sqlElementType: SQLType { .text }
    public static var sqlArrayType: SQLType { .textArray }
    public func encodeElement(into encoder: inout SQLEncoder) { encoder.write(self) }
}

extension Substring: SQLValue {
    public static var sqlType: SQLType { .inferred }
    public static var sqlFormat: SQLFormat { .text }
    public func encode(into encoder: inout SQLEncoder) { encoder.write(String(self)) }
}

extension Bool: SQLValue, SQLArrayElement {
    public static var sqlType: SQLType { .bool }
    public static var sqlFormat: SQLFormat { .binary }
    public func encode(into encoder: inout SQLEncoder) { encoder.write(self ? 1 as UInt8 : 0) }
    public static var sqlElementType: SQLType { .bool }
    public static var sqlArrayType: SQLType { .boolArray }
    public func encodeElement(into encoder: inout SQLEncoder) { encode(into: &encoder) }
}

extension Int: SQLValue, SQLArrayElement {
    public static var sqlType: SQLType { .int8 }
    public static var sqlFormat: SQLFormat { .binary }
    public func encode(into encoder: inout SQLEncoder) { encoder.write(Int64(self)) }
    public static var sqlElementType: SQLType { .int8 }
    public static var sqlArrayType: SQLType { .int8Array }
    public func encodeElement(into encoder: inout SQLEncoder) { encode(into: &encoder) }
}

extension Int64: SQLValue, SQLArrayElement {
    public static var sqlType: SQLType { .int8 }
    public static var sqlFormat: SQLFormat { .binary }
    public func encode(into encoder: inout SQLEncoder) { encoder.write(self) }
    public static var sqlElementType: SQLType { .int8 }
    public static var sqlArrayType: SQLType { .int8Array }
    public func encodeElement(into encoder: inout SQLEncoder) { encode(into: &encoder) }
}

extension Int32: SQLValue, SQLArrayElement {
    public static var sqlType: SQLType { .int4 }
    public static var sqlFormat: SQLFormat { .binary }
    public func encode(into encoder: inout SQLEncoder) { encoder.write(self) }
    public static var sqlElementType: SQLType { .int4 }
    public static var sqlArrayType: SQLType { .int4Array }
    public func encodeElement(into encoder: inout SQLEncoder) { encode(into: &encoder) }
}

extension Double: SQLValue, SQLArrayElement {
    public static var sqlType: SQLType { .float8 }
    public static var sqlFormat: SQLFormat { .binary }
    public func encode(into encoder: inout SQLEncoder) { encoder.write(bitPattern) }
    public static var sqlElementType: SQLType { .float8 }
    public static var sqlArrayType: SQLType { .float8Array }
    public func encodeElement(into encoder: inout SQLEncoder) { encode(into: &encoder) }
}

extension UUID: SQLValue, SQLArrayElement {
    public static var sqlType: SQLType { .uuid }
    public static var sqlFormat: SQLFormat { .binary }
    public func encode(into encoder: inout SQLEncoder) {
        withUnsafeBytes(of: uuid) { encoder.write($0) }
    }
    public static var sqlElementType: SQLType { .uuid }
    public static var sqlArrayType: SQLType { .uuidArray }
    public func encodeElement(into encoder: inout SQLEncoder) { encode(into: &encoder) }
}

/// `timestamptz`, rounded to microseconds.
extension Date: SQLValue, SQLArrayElement {
    public static var sqlType: SQLType { .timestamptz }
    public static var sqlFormat: SQLFormat { .binary }
    public func encode(into encoder: inout SQLEncoder) {
        let microseconds = (timeIntervalSinceReferenceDate * 1_000_000).rounded()
        encoder.write((Int64(exactly: microseconds) ?? 0) &+ SQLInstant.referenceMicroseconds)
    }
    public static var sqlElementType: SQLType { .timestamptz }
    public static var sqlArrayType: SQLType { .timestamptzArray }
    public func encodeElement(into encoder: inout SQLEncoder) { encode(into: &encoder) }
}

extension Optional: SQLValue where Wrapped: SQLValue {
    public static var sqlType: SQLType { Wrapped.sqlType }
    public static var sqlFormat: SQLFormat { Wrapped.sqlFormat }
    public func encode(into encoder: inout SQLEncoder) {
        guard let self else { return encoder.null() }
        self.encode(into: &encoder)
    }
}

/// `bytea` for bytes, else the array of the element's type.
extension Array: SQLValue where Element: SQLArrayElement {
    public static var sqlType: SQLType { Element.self == UInt8.self ? .bytea : Element.sqlArrayType }
    public static var sqlFormat: SQLFormat { .binary }
    public func encode(into encoder: inout SQLEncoder) {
        // An array of bytes is its own encoding; a cast of it would look at each byte.
        if Element.self == UInt8.self { return withUnsafeBytes { encoder.write($0) } }
        encoder.write(Int32(isEmpty ? 0 : 1))
        encoder.write(Int32(0))
        encoder.write(Element.sqlElementType.rawValue)
        guard !isEmpty else { return }
        encoder.write(Int32(truncatingIfNeeded: count))
        encoder.write(Int32(1))
        for element in self {
            let lengthAt = encoder.bytes.count
            encoder.write(Int32(0))
            element.encodeElement(into: &encoder)
            let length = UInt32(truncatingIfNeeded: encoder.bytes.count - lengthAt - 4)
            Swift.withUnsafeBytes(of: length.bigEndian) {
                encoder.bytes.replaceSubrange(lengthAt..<(lengthAt + 4), with: $0)
            }
        }
    }
}

/// An element only so that `[UInt8]` is a value (`bytea`): PostgreSQL has no one-byte integer.
extension UInt8: SQLArrayElement {
    public static var sqlElementType: SQLType { .bytea }
    public static var sqlArrayType: SQLType { .bytea }
    public func encodeElement(into encoder: inout SQLEncoder) { encoder.write(self) }
}

extension SQLValue where Self: RawRepresentable, RawValue: SQLValue {
    public static var sqlType: SQLType { RawValue.sqlType }
    public static var sqlFormat: SQLFormat { RawValue.sqlFormat }
    public func encode(into encoder: inout SQLEncoder) { rawValue.encode(into: &encoder) }
}

extension SQLArrayElement where Self: RawRepresentable, RawValue: SQLArrayElement {
    public static var sqlElementType: SQLType { RawValue.sqlElementType }
    public static var sqlArrayType: SQLType { RawValue.sqlArrayType }
    public func encodeElement(into encoder: inout SQLEncoder) { rawValue.encodeElement(into: &encoder) }
}

/// Where PostgreSQL's clock begins (2000-01-01) and Foundation's (2001-01-01).
@usableFromInline
enum SQLInstant {
    @usableFromInline static var referenceMicroseconds: Int64 { 366 * 86_400 * 1_000_000 }
}
