import Foundation

// JSON that is kept as it came, whatever its shape: sharing rules, Clever's sync facts. PostgreSQL's jsonb cannot hold all
// that RFC 8259 allows: no NUL in a string, no lone surrogate, no number beyond `numeric`.

extension JSONValue {
    /// Digits of a number, and the size of its exponent, at most.
    private static let numberDigits = 400
    private static let numberExponent = 400

    /// Why the value cannot be kept, nil when it can.
    var storageOffence: String? {
        switch self {
        case .null, .bool: nil
        case .number(let text): Self.offence(number: text)
        case .string(let text): Self.offence(in: text)
        case .unusableString: "holds a lone surrogate, which is no Unicode character"
        case .array(let values): values.lazy.compactMap(\.storageOffence).first
        case .object(let members):
            members.lazy.compactMap { Self.offence(in: $0.name) ?? $0.value.storageOffence }.first
        }
    }

    private static func offence(in text: String) -> String? {
        text.utf8.contains(0) ? "must not hold a NUL character" : nil
    }

    private static func offence(number text: String) -> String? {
        let parts = text.split(whereSeparator: { $0 == "e" || $0 == "E" })
        let exponent = parts.count > 1 ? Int(parts[1]) ?? .max : 0
        return text.utf8.count > numberDigits || !(-numberExponent...numberExponent).contains(exponent)
            ? "holds a number that is too large or too long" : nil
    }
}

extension ObjectReader {
    /// `rules`: up to 10,000 of any shape, as JSON text.
    mutating func sharingRules() -> String? {
        guard let rules = array("rules", count: 0...10_000) else { return nil }
        var isWhole = true
        for (index, rule) in rules.enumerated() {
            guard let offence = rule.storageOffence else { continue }
            complaints.add(.pointer("\(pointer)/rules/\(index)"), offence)
            isWhole = false
        }
        return isWhole ? JSONValue.array(rules).text : nil
    }
}
