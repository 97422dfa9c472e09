public import Foundation

/// A column's value as it came, in binary form. Valid only during `decode`.
public struct SQLCell {
    public let type: SQLType
    public let bytes: UnsafeRawBufferPointer

    @inlinable
    public init(type: SQLType, bytes: UnsafeRawBufferPointer) {
        self.type = type
        self.bytes = bytes
    }

    /// An integer in network order at a byte offset; nil when the cell is too short.
    @inlinable
    public func integer<Integer: FixedWidthInteger>(at offset: Int = 0, as: Integer.Type = Integer.self) -> Integer? {
        guard offset >= 0, bytes.count - offset >= MemoryLayout<Integer>.size else { return nil }
        return Integer(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Integer.self))
    }
}

/// A value that can be read from a column.
public protocol SQLDecodable {
    /// Nil when the column's type or bytes are not such a value.
    static func decode(_ cell: SQLCell) -> Self?
    /// The value of NULL; nil (the default) when there is none.
    static var ofNull: Self? { get }
}

extension SQLDecodable {
    @inlinable public static var ofNull: Self? { nil }
}

extension Optional: SQLDecodable where Wrapped: SQLDecodable {
    @inlinable
    public static func decode(_ cell: SQLCell) -> Wrapped?? {
        guard let value = Wrapped.decode(cell) else { return nil }
        return .some(value)
    }
    @inlinable public static var ofNull: Wrapped?? { .some(nil) }
}

extension String: SQLDecodable {
    @inlinable
    public static func decode(_ cell: SQLCell) -> String? {
        if cell.type.isTextual { return String(decoding: cell.bytes, as: UTF8.self) }
        return decodeOther(cell)
    }

    @usableFromInline
    static func decodeOther(_ cell: SQLCell) -> String? {
        switch cell.type {
        case .jsonb: JSONText.decode(cell)?.text
        case .uuid: UUID.decode(cell)?.uuidString.lowercased()
        case .date: SQLDate.decode(cell)?.description
        case .int2, .int4, .int8, .oid: Int.decode(cell).map { String($0) }
        case .numeric: SQLNumeric(cell)?.description
        default: nil
        }
    }
}

extension Bool: SQLDecodable {
    @inlinable
    public static func decode(_ cell: SQLCell) -> Bool? {
        guard cell.type == .bool, cell.bytes.count == 1 else { return nil }
        return cell.bytes[0] != 0
    }
}

extension Int: SQLDecodable {
    @inlinable
    public static func decode(_ cell: SQLCell) -> Int? {
        switch cell.type {
        case .int8: cell.integer(as: Int64.self).map { Int($0) }
        case .int4: cell.integer(as: Int32.self).map { Int($0) }
        case .int2: cell.integer(as: Int16.self).map { Int($0) }
        case .oid: cell.integer(as: UInt32.self).map { Int($0) }
        case .numeric: decodeNumeric(cell)
        default: nil
        }
    }

    @usableFromInline
    static func decodeNumeric(_ cell: SQLCell) -> Int? { SQLNumeric(cell)?.integer }
}

extension Int64: SQLDecodable {
    @inlinable public static func decode(_ cell: SQLCell) -> Int64? { Int.decode(cell).map { Int64($0) } }
}

extension Int32: SQLDecodable {
    @inlinable public static func decode(_ cell: SQLCell) -> Int32? { Int.decode(cell).flatMap { Int32(exactly: $0) } }
}

extension Double: SQLDecodable {
    @inlinable
    public static func decode(_ cell: SQLCell) -> Double? {
        switch cell.type {
        case .float8: cell.integer(as: UInt64.self).map { Double(bitPattern: $0) }
        case .float4: cell.integer(as: UInt32.self).map { Double(Float(bitPattern: $0)) }
        case .numeric: decodeNumeric(cell)
        default: Int.decode(cell).map { Double($0) }
        }
    }

    @usableFromInline
    static func decodeNumeric(_ cell: SQLCell) -> Double? { SQLNumeric(cell).flatMap { Double($0.description) } }
}

extension UUID: SQLDecodable {
    @inlinable
    public static func decode(_ cell: SQLCell) -> UUID? {
        guard cell.type == .uuid, cell.bytes.count == 16 else { return nil }
        return UUID(uuid: cell.bytes.loadUnaligned(as: uuid_t.self))
    }
}

/// `timestamptz` (or `timestamp`, taken as UTC). Two equal instants decode to equal dates.
extension Date: SQLDecodable {
    @inlinable
    public static func decode(_ cell: SQLCell) -> Date? {
        guard cell.type == .timestamptz || cell.type == .timestamp,
            let microseconds = cell.integer(as: Int64.self), microseconds != .max, microseconds != .min
        else { return nil }
        return Date(
            timeIntervalSinceReferenceDate: Double(microseconds &- SQLInstant.referenceMicroseconds) / 1_000_000)
    }
}

extension SQLDate: SQLDecodable {
    public static func decode(_ cell: SQLCell) -> SQLDate? {
        guard cell.type == .date, let days = cell.integer(as: Int32.self), days != .max, days != .min else {
            return nil
        }
        return SQLDate(days: days)
    }
}

extension JSONText: SQLDecodable {
    public static func decode(_ cell: SQLCell) -> JSONText? {
        switch cell.type {
        case .jsonb:
            guard cell.bytes.first == 1 else { return nil }
            return JSONText(String(decoding: cell.bytes.dropFirst(), as: UTF8.self))
        case .json, .text: return JSONText(String(decoding: cell.bytes, as: UTF8.self))
        default: return nil
        }
    }
}

/// `bytea` for bytes, else a one-dimensional array; a NULL element is an error unless the element is an optional.
extension Array: SQLDecodable where Element: SQLDecodable {
    public static func decode(_ cell: SQLCell) -> [Element]? {
        if Element.self == UInt8.self {
            return cell.type == .bytea ? [Element](cell.bytes.assumingMemoryBound(to: Element.self)) : nil
        }
        guard let dimensions = cell.integer(at: 0, as: Int32.self),
            let elementType = cell.integer(at: 8, as: UInt32.self)
        else { return nil }
        if dimensions == 0 { return [] }
        guard dimensions == 1, let count = cell.integer(at: 12, as: Int32.self), count >= 0 else { return nil }
        var elements: [Element] = []
        elements.reserveCapacity(Int(count))
        var offset = 20
        for _ in 0..<count {
            guard let length = cell.integer(at: offset, as: Int32.self) else { return nil }
            offset += 4
            guard length >= 0 else {
                guard let null = Element.ofNull else { return nil }
                elements.append(null)
                continue
            }
            let end = offset + Int(length)
            guard end <= cell.bytes.count,
                let element = Element.decode(
                    SQLCell(
                        type: SQLType(rawValue: elementType),
                        bytes: UnsafeRawBufferPointer(rebasing: cell.bytes[offset..<end])))
            else { return nil }
            elements.append(element)
            offset = end
        }
        return elements
    }
}

/// Only so that `[UInt8]` can be read from `bytea`.
extension UInt8: SQLDecodable {
    public static func decode(_ cell: SQLCell) -> UInt8? {
        cell.type.rawValue == 18 && cell.bytes.count == 1 ? cell.bytes[0] : nil
    }
}

extension SQLDecodable where Self: RawRepresentable, RawValue: SQLDecodable {
    @inlinable
    public static func decode(_ cell: SQLCell) -> Self? {
        RawValue.decode(cell).flatMap { Self(rawValue: $0) }
    }
}

/// `void`, for functions called for what they do.
public struct SQLVoid: SQLDecodable, Sendable {
    public static func decode(_ cell: SQLCell) -> SQLVoid? { SQLVoid() }
    public static var ofNull: SQLVoid? { SQLVoid() }
}
