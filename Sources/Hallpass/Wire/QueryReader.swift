import Foundation

/// Reads query parameters into typed values and notes every offence; `finish` names the unknown ones. A parameter that
/// comes twice is an offence.
struct QueryReader {
    let complaints: Complaints
    private let items: [(name: String, value: String)]
    private var known: [String] = []

    init(_ items: [(name: String, value: String)], complaints: Complaints) {
        self.items = items
        self.complaints = complaints
    }

    func complain(_ name: String, _ detail: String) { complaints.add(.parameter(name), detail) }

    mutating func string(_ name: String, length: ClosedRange<Int> = Limits.name) -> String? {
        known.append(name)
        let values = items.filter { $0.name == name }.map(\.value)
        guard let value = values.first else { return nil }
        if values.count > 1 { complain(name, "is given more than once") }
        if let offence = TextRule.offence(in: value, length: length, multiline: false) {
            complain(name, offence)
            return nil
        }
        return value
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Choice.Type = Choice.self
    ) -> Choice? where Choice.RawValue == String {
        guard let text = string(name) else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        complain(name, TextRule.notOne(of: Choice.allCases.map(\.rawValue), found: text))
        return nil
    }

    /// A comma list of choices; nil when not given.
    mutating func choices<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Choice.Type = Choice.self
    ) -> [Choice]? where Choice.RawValue == String {
        guard let text = string(name) else { return nil }
        var choices: [Choice] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            if let choice = Choice(rawValue: String(part)) {
                choices.append(choice)
            } else {
                complain(name, TextRule.notOne(of: Choice.allCases.map(\.rawValue), found: String(part)))
            }
        }
        return choices
    }

    mutating func bool(_ name: String) -> Bool? {
        guard let text = string(name) else { return nil }
        if text == "true" || text == "false" { return text == "true" }
        complain(name, "must be true or false")
        return nil
    }

    mutating func uuid(_ name: String) -> UUID? {
        guard let text = string(name) else { return nil }
        if let id = Identifier.parse(text) { return id }
        complain(name, "must be an id (a UUID)")
        return nil
    }

    mutating func instant(_ name: String) -> Date? {
        guard let text = string(name) else { return nil }
        if let instant = Instant.parse(text) { return instant }
        complain(name, "must be an instant such as 2026-11-23T16:05:00.123Z (RFC 3339; + in a URL is written %2B)")
        return nil
    }

    /// A parameter whose form is another's to judge, not a matter of 422; nil when it is not given.
    mutating func opaque(_ name: String) -> String? {
        known.append(name)
        let values = items.filter { $0.name == name }.map(\.value)
        if values.count > 1 { complain(name, "is given more than once") }
        return values.first
    }

    /// `limit` from 1, default 50, over 500 coerced to 500.
    mutating func limit() -> Int {
        guard let text = string("limit") else { return 50 }
        guard let limit = Int(text), limit >= 1 else {
            if text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), text.contains(where: { $0 != "0" }) { return 500 }
            complain("limit", "must be a whole number from 1 (500 at most are given)")
            return 50
        }
        return min(limit, 500)
    }

    func finish() {
        var told: Set<String> = []
        for item in items where !known.contains(item.name) && told.insert(item.name).inserted {
            let suggestion = Suggestion.nearest(to: item.name, among: known).map { "; did you mean \($0)?" } ?? ""
            complain(item.name, "is not a known parameter\(suggestion)")
        }
    }
}
