/// A JSON Schema (2020-12, the dialect of OpenAPI 3.1) as it is put together. Members keep their order, so that the document
/// reads as it is written here.
struct Schema: Sendable {
    /// A member of an object's schema.
    struct Property: Sendable {
        var name: String
        var schema: Schema
        var isRequired: Bool

        /// One that is always there in what we answer, and needed in what we are sent.
        init(_ name: String, _ schema: Schema) {
            self.init(name: name, schema: schema, isRequired: true)
        }

        private init(name: String, schema: Schema, isRequired: Bool) {
            self.name = name
            self.schema = schema
            self.isRequired = isRequired
        }

        static func optional(_ name: String, _ schema: Schema) -> Property {
            Property(name: name, schema: schema, isRequired: false)
        }
    }

    private var members: [JSONValue.Member]

    private init(_ members: [JSONValue.Member]) { self.members = members }

    var json: JSONValue { .object(members) }

    // MARK: Kinds

    static func string(
        length: ClosedRange<Int>? = nil, pattern: String? = nil, format: String? = nil
    ) -> Schema {
        var schema = Schema([.init("type", "string")])
        if let length {
            schema.set("minLength", .number(String(length.lowerBound)))
            schema.set("maxLength", .number(String(length.upperBound)))
        }
        if let pattern { schema.set("pattern", .string(pattern)) }
        if let format { schema.set("format", .string(format)) }
        return schema
    }

    static func oneOf<Choice: RawRepresentable & CaseIterable>(_ type: Choice.Type) -> Schema
    where Choice.RawValue == String {
        oneOf(Choice.allCases.map(\.rawValue))
    }

    static func oneOf(_ values: [String]) -> Schema {
        Schema([.init("type", "string"), .init("enum", .array(values.map { .string($0) }))])
    }

    static func integer(_ range: PartialRangeFrom<Int>) -> Schema {
        Schema([.init("type", "integer"), .init("minimum", .number(String(range.lowerBound)))])
    }

    static func integer(_ range: ClosedRange<Int>) -> Schema {
        integer(range.lowerBound...).with("maximum", .number(String(range.upperBound)))
    }

    static let count = integer(0...)
    static let boolean = Schema([.init("type", "boolean")])
    static let null = Schema([.init("type", "null")])
    /// Whatever JSON there may be.
    static let anything = Schema([])

    static func array(of items: Schema, count: ClosedRange<Int>? = nil) -> Schema {
        var schema = Schema([.init("type", "array"), .init("items", items.json)])
        if let count {
            schema.set("minItems", .number(String(count.lowerBound)))
            schema.set("maxItems", .number(String(count.upperBound)))
        }
        return schema
    }

    /// An object that may grow: clients are to ignore what they do not know.
    static func object(_ properties: [Property]) -> Schema {
        var schema = Schema([.init("type", "object")])
        let required = properties.filter(\.isRequired).map { JSONValue.string($0.name) }
        if !required.isEmpty { schema.set("required", .array(required)) }
        schema.set("properties", .object(properties.map { .init($0.name, $0.schema.json) }))
        return schema
    }

    /// An object that we are sent: unknown members are refused, and `null` is the same as leaving out where nothing else is
    /// said of it.
    static func input(_ properties: [Property]) -> Schema {
        object(
            properties.map { property in
                property.isRequired ? property : .optional(property.name, property.schema.orNull)
            }
        ).with("additionalProperties", .bool(false))
    }

    static func ref(_ name: String) -> Schema {
        Schema([.init("$ref", .string("#/components/schemas/\(name)"))])
    }

    static func either(_ schemas: Schema...) -> Schema {
        Schema([.init("oneOf", .array(schemas.map(\.json)))])
    }

    /// The schema and what `properties` add to it.
    static func ref(_ name: String, adding properties: [Property]) -> Schema {
        Schema([.init("allOf", .array([ref(name).json, object(properties).json]))])
    }

    // MARK: Of the contract

    static let id = string(format: "uuid").described("An id: a UUIDv7 in lower case.")
    static let instant = string(format: "date-time")
        .described("An instant, RFC 3339 in UTC with milliseconds.")
    static let date = string(format: "date").described("A calendar date, YYYY-MM-DD.")
    /// No control characters, and not blank.
    static let namePattern = #"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"#
    static let name = string(length: Limits.name, pattern: namePattern)
    /// The same, but line breaks and tabs may be in it.
    static let prose = string(
        length: Limits.message,
        pattern: namePattern.replacing(#"\x00-\x1f"#, with: #"\x00-\x08\x0b\x0c\x0e-\x1f"#))
    /// An optional message, reason, note or title: an empty one is none.
    static let remark = string(
        length: 0...Limits.message.upperBound, pattern: #"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"#)
    static let title = string(length: 0...Limits.name.upperBound, pattern: #"^[^\x00-\x1f\x7f-\x9f]*$"#)
    static let email = string(length: 3...254, format: "email").described("An e-mail address within RFC 5321's limits.")
    static let cleverID = string(length: 1...64, pattern: "^[A-Za-z0-9_-]{1,64}$")
        .described("Clever's id of the district.")

    // MARK: Changing

    /// The same, or null.
    var orNull: Schema {
        var schema = self
        guard let index = members.firstIndex(where: { $0.name == "type" }) else {
            if members.isEmpty { return self }
            return Schema([.init("oneOf", .array([json, Self.null.json]))])
        }
        if case .string = members[index].value {
            schema.members[index].value = .array([members[index].value, "null"])
        }
        if let values = schema.members.firstIndex(where: { $0.name == "enum" }),
            case .array(let names) = members[values].value
        {
            schema.members[values].value = .array(names + [.null])
        }
        return schema
    }

    func described(_ text: String) -> Schema { with("description", .string(text)) }

    func with(_ name: String, _ value: JSONValue) -> Schema {
        var schema = self
        schema.set(name, value)
        return schema
    }

    private mutating func set(_ name: String, _ value: JSONValue) {
        members.removeAll { $0.name == name }
        members.append(.init(name, value))
    }
}

extension JSONValue.Member {
    init(_ name: String, _ value: JSONValue) { self.init(name: name, value: value) }
}

// So that the document's fixed parts can be written down as they are read.
extension JSONValue: ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
    init(stringLiteral text: String) { self = .string(text) }
    init(arrayLiteral values: JSONValue...) { self = .array(values) }
    init(dictionaryLiteral members: (String, JSONValue)...) { self = .object(members.map { .init($0.0, $0.1) }) }

    /// JSON text as it stands in a source file; text that is none is our own bug.
    static func json(_ text: String) -> JSONValue {
        do throws(JSONSyntaxError) {
            return try JSONParser.parse(Array(text.utf8))
        } catch {
            preconditionFailure("an example is not JSON: \(error.reason) at byte \(error.offset) of \(text)")
        }
    }
}
