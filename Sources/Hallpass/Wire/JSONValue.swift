enum JSONPointer {
    /// A member name as a pointer's token (RFC 6901 §3).
    static func escaped(_ name: String) -> String {
        guard name.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return name }
        return name.replacing("~", with: "~0").replacing("/", with: "~1")
    }
}

/// A JSON text as a tree (RFC 8259). Numbers keep their spelling, objects the order of their members.
enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    /// The number as it was written, for example `-1.50e3`.
    case number(String)
    case string(String)
    /// A string that was well-formed JSON but holds a lone surrogate, which no Unicode string can.
    case unusableString
    case array([JSONValue])
    case object([Member])

    struct Member: Sendable, Hashable {
        var name: String
        var value: JSONValue
    }

    /// The value of the member `name`, nil when there is none or this is no object.
    subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    var string: String? {
        if case .string(let string) = self { return string }
        return nil
    }

    /// A whole number, however it is spelt: `500`, `500.0` and `5e2` are one value. Nil beyond 2^53 unless plainly spelt.
    var integer: Int? {
        guard case .number(let text) = self else { return nil }
        if let integer = Int(text) { return integer }
        guard let number = Double(text), number.magnitude <= 0x1p53 else { return nil }
        return Int(exactly: number)
    }

    var array: [JSONValue]? {
        if case .array(let values) = self { return values }
        return nil
    }

    /// What a person calls this value's type, with its article.
    var typeName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string, .unusableString: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// The value as compact JSON text.
    var text: String {
        var writer = JSONWriter()
        writer.value(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
