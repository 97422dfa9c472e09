import Foundation
import Integrations
import Mail

/// What a caller may say of a district: a member left out is nil, `null` is the same as leaving out.
struct DistrictInput: Sendable, Hashable {
    var cleverID: String?
    var name: String?
    var type: DistrictType?
    var state: USState?
    var ncesID: String?
    var timeZone: String?
    var accountManager: String?
    var contacts: [Contact]?
    var license: License?

    /// Reads the members that a new district, a known one and a PATCH have in common.
    mutating func read(_ reader: inout ObjectReader) {
        name = reader.string("name")
        type = reader.choice("type")
        state = Self.state(&reader)
        ncesID = reader.string("nces_id", length: 1...32)
        timeZone = Self.timeZone(&reader)
        accountManager = reader.email("account_manager")
        contacts = Self.contacts(&reader)
        license = Self.license(&reader)
    }

    static func cleverID(_ reader: inout ObjectReader, _ name: String = "clever_id", required: Bool = false) -> String?
    {
        guard let text = reader.string(name, required: required, length: 1...64) else { return nil }
        if isCleverID(text) { return text }
        reader.complain(name, "must be 1 to 64 of A-Z a-z 0-9 _ -")
        return nil
    }

    static func isCleverID(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    static func state(_ reader: inout ObjectReader) -> USState? {
        guard let text = reader.string("state") else { return nil }
        if let state = USState(rawValue: text) { return state }
        let upper = USState(rawValue: text.uppercased()).map { "; did you mean \($0.rawValue)?" } ?? ""
        reader.complain("state", "must be a US postal code such as CA (with DC, PR, GU, VI, AS, MP)\(upper)")
        return nil
    }

    static func timeZone(_ reader: inout ObjectReader) -> String? {
        guard let text = reader.string("time_zone") else { return nil }
        if IANATimeZone.isKnown(text) { return text }
        let nearest =
            Suggestion.nearest(to: text, among: TimeZone.knownTimeZoneIdentifiers)
            .map { "; did you mean \($0)?" } ?? ""
        reader.complain("time_zone", "must be an IANA time zone such as America/Los_Angeles\(nearest)")
        return nil
    }

    private static func contacts(_ reader: inout ObjectReader) -> [Contact]? {
        guard let values = reader.array("contacts", count: 0...100) else { return nil }
        var contacts: [Contact] = []
        for (index, value) in values.enumerated() {
            var item = ObjectReader(
                value, pointer: "\(reader.pointer)/contacts/\(index)", complaints: reader.complaints)
            let name = item.string("name", required: true)
            let email = item.email("email", required: true)
            let role = item.string("role")
            item.finish()
            if let name, let email { contacts.append(Contact(name: name, email: email, role: role ?? "contact")) }
        }
        return contacts
    }

    private static func license(_ reader: inout ObjectReader) -> License? {
        guard var item = reader.object("license") else { return nil }
        let seats = item.integer("seats", in: 0...100_000_000)
        var teachers: [String] = []
        for (index, value) in (item.array("licensed_teachers", count: 0...100_000) ?? []).enumerated() {
            let place = FieldProblem.Place.pointer("\(item.pointer)/licensed_teachers/\(index)")
            if let teacher = item.text(value, at: place), !teachers.contains(teacher) { teachers.append(teacher) }
        }
        item.finish()
        return License(seats: seats, licensedTeachers: teachers)
    }
}

extension ObjectReader {
    /// An e-mail address within RFC 5321's limits.
    mutating func email(_ name: String, required: Bool = false) -> String? {
        guard let text = string(name, required: required, length: 1...320) else { return nil }
        if let offence = EmailAddress.offence(in: text) {
            complain(name, offence)
            return nil
        }
        return text
    }

    /// A calendar date; `.null` stands for "No Custom Launch Date".
    mutating func launchDate(_ name: String = "launch_date") -> Presence<CalendarDate> {
        switch presence(name) {
        case .absent: return .absent
        case .null: return .null
        case .value(let value):
            guard let text = text(value, at: place(name), length: 1...32) else { return .absent }
            guard let date = CalendarDate(text) else {
                complain(name, "must be a date that exists, as YYYY-MM-DD, or null for no custom launch date")
                return .absent
            }
            return .value(date)
        }
    }

    mutating func requester(required: Bool) -> Requester? {
        guard var reader = object("requester", required: required) else { return nil }
        let name = reader.string("name", required: true)
        let email = reader.email("email", required: true)
        let title = reader.title()
        reader.finish()
        guard let name, let email else { return nil }
        return Requester(name: name, email: email, title: title)
    }

    /// A message or a reason: up to 4,000 characters, with line breaks. An empty one says nothing, so where it is optional it
    /// is the same as leaving it out.
    mutating func prose(_ name: String, required: Bool = false) -> String? {
        if !required, isBlank(name) { return nil }
        return string(name, required: required, length: Limits.message, multiline: true)
    }

    /// A person's title: optional, so an empty one is none.
    mutating func title() -> String? { isBlank("title") ? nil : string("title") }

    /// Whether an optional text is there and holds nothing to be seen.
    private mutating func isBlank(_ name: String) -> Bool {
        guard case .value(.string(let text)) = presence(name) else { return false }
        return text.unicodeScalars.allSatisfy {
            $0.properties.isWhitespace && $0.properties.generalCategory != .control
        }
    }
}
