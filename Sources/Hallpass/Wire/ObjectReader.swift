import Foundation

/// Reads the members of a JSON object into typed values and notes every offence: wrong types, values out of range,
/// missing and unknown members. A member that offends reads as nil; `finish` names the unknown ones. `null` is the same
/// as leaving out, except where `presence` is asked.
struct ObjectReader {
    enum Presence<Value> {
        case absent, null
        case value(Value)
    }

    let complaints: Complaints
    /// JSON pointer of this object.
    let pointer: String
    private let members: [JSONValue.Member]
    /// False when the value was something else: that is the offence then, not what it lacks.
    private let isObject: Bool
    private var known: [String] = []

    /// Notes an offence when `value` is no object; an absent body is `{}`.
    init(_ value: JSONValue?, pointer: String = "", complaints: Complaints) {
        self.complaints = complaints
        self.pointer = pointer
        if case .object? = value { isObject = true } else { isObject = value == nil }
        switch value {
        case .object(let members): self.members = members
        case nil: members = []
        case .some(let other):
            members = []
            complaints.add(.pointer(pointer), "must be an object, not \(other.typeName)")
        }
    }

    func place(_ name: String) -> FieldProblem.Place {
        .pointer("\(pointer)/\(JSONPointer.escaped(name))")
    }

    func complain(_ name: String, _ detail: String) { complaints.add(place(name), detail) }

    func has(_ name: String) -> Bool { members.contains { $0.name == name } }

    /// There, and not null.
    func gives(_ name: String) -> Bool { members.contains { $0.name == name && $0.value != .null } }

    func isNull(_ name: String) -> Bool { members.contains { $0.name == name && $0.value == .null } }

    mutating func presence(_ name: String) -> Presence<JSONValue> {
        known.append(name)
        switch members.first(where: { $0.name == name })?.value {
        case nil: return .absent
        case .null: return .null
        case .some(let value): return .value(value)
        }
    }

    mutating func value(_ name: String, required: Bool = false) -> JSONValue? {
        if case .value(let value) = presence(name) { return value }
        if required, isObject { complain(name, "is required") }
        return nil
    }

    /// A string of `length` Unicode scalars. Control characters are refused; `multiline` lets tab, CR and LF pass.
    mutating func string(
        _ name: String, required: Bool = false, length: ClosedRange<Int> = Limits.name, multiline: Bool = false
    ) -> String? {
        guard let value = value(name, required: required) else { return nil }
        return text(value, at: place(name), length: length, multiline: multiline)
    }

    func text(
        _ value: JSONValue, at place: @autoclosure () -> FieldProblem.Place, length: ClosedRange<Int> = Limits.name,
        multiline: Bool = false
    ) -> String? {
        switch value {
        case .string(let text):
            if let offence = TextRule.offence(in: text, length: length, multiline: multiline) {
                complaints.add(place(), offence)
                return nil
            }
            return text
        case .unusableString:
            complaints.add(place(), "holds a lone surrogate, which is no Unicode character")
            return nil
        default:
            complaints.add(place(), "must be a string, not \(value.typeName)")
            return nil
        }
    }

    /// - Parameter offered: the choices that can be made here, nil for all.
    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Choice.Type = Choice.self, of offered: [Choice]? = nil, required: Bool = false
    ) -> Choice? where Choice.RawValue == String {
        guard let value = value(name, required: required) else { return nil }
        guard let text = value.string else {
            complain(name, "must be a string, not \(value.typeName)")
            return nil
        }
        let names = (offered ?? Array(Choice.allCases)).map(\.rawValue)
        if names.contains(text), let choice = Choice(rawValue: text) { return choice }
        complain(name, TextRule.notOne(of: names, found: text))
        return nil
    }

    mutating func bool(_ name: String) -> Bool? {
        guard let value = value(name) else { return nil }
        if case .bool(let bool) = value { return bool }
        complain(name, "must be true or false, not \(value.typeName)")
        return nil
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int>, required: Bool = false) -> Int? {
        guard let value = value(name, required: required) else { return nil }
        guard let integer = value.integer, range.contains(integer) else {
            complain(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return integer
    }

    mutating func object(_ name: String, required: Bool = false) -> ObjectReader? {
        guard let value = value(name, required: required) else { return nil }
        guard case .object = value else {
            complain(name, "must be an object, not \(value.typeName)")
            return nil
        }
        return ObjectReader(value, pointer: "\(pointer)/\(name)", complaints: complaints)
    }

    mutating func array(_ name: String, count: ClosedRange<Int>, required: Bool = false) -> [JSONValue]? {
        guard let value = value(name, required: required) else { return nil }
        guard case .array(let values) = value else {
            complain(name, "must be an array, not \(value.typeName)")
            return nil
        }
        guard count.contains(values.count) else {
            complain(name, "must hold \(count.lowerBound) to \(count.upperBound) items, not \(values.count)")
            return nil
        }
        return values
    }

    mutating func uuid(_ name: String, required: Bool = false) -> UUID? {
        guard let value = value(name, required: required) else { return nil }
        guard let text = value.string, let id = Identifier.parse(text) else {
            complain(name, "must be an id (a UUID)")
            return nil
        }
        return id
    }

    /// Names the members that no call has asked for. Call it last.
    func finish() {
        for member in members where !known.contains(member.name) {
            let suggestion = Suggestion.nearest(to: member.name, among: known).map { "; did you mean \($0)?" } ?? ""
            complain(member.name, "is not a known member\(suggestion)")
        }
    }
}

/// The contract's lengths, in Unicode scalars.
enum Limits {
    static let name = 1...200
    static let message = 1...4000
    static let idempotencyKey = 1...255
}

/// What any text must keep to, and the words when it does not.
enum TextRule {
    static func offence(in text: String, length: ClosedRange<Int>, multiline: Bool) -> String? {
        if length.contains(text.utf8.count), text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }),
            text.utf8.contains(where: { $0 != 0x20 })
        {
            return nil
        }
        var count = 0
        for scalar in text.unicodeScalars {
            count += 1
            guard scalar.properties.generalCategory == .control else { continue }
            if multiline, scalar == "\n" || scalar == "\r" || scalar == "\t" { continue }
            return scalar == "\0" ? "must not hold a NUL character" : "must not hold control characters"
        }
        if count < length.lowerBound {
            return length.lowerBound == 1 ? "must not be empty" : "must be \(length.lowerBound) characters at least"
        }
        if count > length.upperBound { return "must be \(length.upperBound) characters at most, not \(count)" }
        if length.lowerBound > 0, text.unicodeScalars.allSatisfy(\.properties.isWhitespace) {
            return "must not be blank"
        }
        return nil
    }

    static func notOne(of names: [String], found: String) -> String {
        let suggestion = Suggestion.nearest(to: found, among: names).map { "; did you mean \($0)?" } ?? ""
        return "must be one of \(names.joined(separator: ", "))\(suggestion)"
    }
}
