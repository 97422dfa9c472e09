/// A PostgreSQL type by its number in `pg_type`; the ones this client encodes or decodes.
public struct SQLType: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt32

    @inlinable
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// Left to the server to infer from where the value stands.
    @inlinable public static var inferred: SQLType { .init(rawValue: 0) }
    @inlinable public static var bool: SQLType { .init(rawValue: 16) }
    @inlinable public static var bytea: SQLType { .init(rawValue: 17) }
    @inlinable public static var name: SQLType { .init(rawValue: 19) }
    @inlinable public static var int8: SQLType { .init(rawValue: 20) }
    @inlinable public static var int2: SQLType { .init(rawValue: 21) }
    @inlinable public static var int4: SQLType { .init(rawValue: 23) }
    @inlinable public static var text: SQLType { .init(rawValue: 25) }
    @inlinable public static var oid: SQLType { .init(rawValue: 26) }
    @inlinable public static var json: SQLType { .init(rawValue: 114) }
    @inlinable public static var float4: SQLType { .init(rawValue: 700) }
    @inlinable public static var float8: SQLType { .init(rawValue: 701) }
    @inlinable public static var bpchar: SQLType { .init(rawValue: 1042) }
    @inlinable public static var varchar: SQLType { .init(rawValue: 1043) }
    @inlinable public static var date: SQLType { .init(rawValue: 1082) }
    @inlinable public static var timestamp: SQLType { .init(rawValue: 1114) }
    @inlinable public static var timestamptz: SQLType { .init(rawValue: 1184) }
    @inlinable public static var numeric: SQLType { .init(rawValue: 1700) }
    @inlinable public static var uuid: SQLType { .init(rawValue: 2950) }
    @inlinable public static var jsonb: SQLType { .init(rawValue: 3802) }

    @inlinable public static var boolArray: SQLType { .init(rawValue: 1000) }
    @inlinable public static var byteaArray: SQLType { .init(rawValue: 1001) }
    @inlinable public static var int4Array: SQLType { .init(rawValue: 1007) }
    @inlinable public static var textArray: SQLType { .init(rawValue: 1009) }
    @inlinable public static var int8Array: SQLType { .init(rawValue: 1016) }
    @inlinable public static var float8Array: SQLType { .init(rawValue: 1022) }
    @inlinable public static var dateArray: SQLType { .init(rawValue: 1182) }
    @inlinable public static var timestamptzArray: SQLType { .init(rawValue: 1185) }
    @inlinable public static var uuidArray: SQLType { .init(rawValue: 2951) }
    @inlinable public static var jsonbArray: SQLType { .init(rawValue: 3807) }

    /// The first number that is no built-in type: enums, extensions' types.
    @inlinable public static var firstUserDefined: UInt32 { 16384 }

    /// True when the binary form is the text itself: text, varchar, name, json, enums and the like.
    @inlinable
    public var isTextual: Bool {
        switch rawValue {
        case 25, 1043, 1042, 19, 18, 114, 142, 705, 2275: true
        default: rawValue >= Self.firstUserDefined
        }
    }
}

/// How a value travels to the server.
public enum SQLFormat: Sendable {
    case text
    case binary
}
