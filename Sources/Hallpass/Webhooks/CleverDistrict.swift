import Foundation
import Integrations

/// Clever's `District` (Data API v3.1), as Clever publishes it: a member that is null or empty says nothing, except
/// `launch_date`, where null is "No Custom Launch Date". What is not known here is left in the raw body.
enum CleverDistrict {
    /// The sync facts that are shown under `clever`, as they were reported.
    static let syncMembers = [
        "sis_type", "launch_date", "state", "error", "last_sync", "pause_start", "pause_end", "login_methods",
        "portal_url", "mdr_number", "nces_id", "lms_type", "lms_state", "district_contact",
    ]
    /// Bytes of JSON that the sync facts may take.
    static let syncLimit = 64 << 10

    static func read(_ object: inout ObjectReader) -> CallbackEvent.DistrictFacts? {
        let cleverID = DistrictInput.cleverID(&object, "id", required: true)
        let name = object.filled("name") ? object.string("name") : nil
        let ncesID = object.filled("nces_id") ? object.string("nces_id", length: 1...32) : nil
        var launchDate: CalendarDate??
        switch object.presence("launch_date") {
        case .absent, .value(.string("")): launchDate = nil
        case .null: launchDate = .some(nil)
        case .value:
            if case .value(let date) = object.launchDate() { launchDate = .some(date) }
        }
        let contact = contact(&object)
        let sync = sync(&object)
        guard let cleverID else { return nil }
        return CallbackEvent.DistrictFacts(
            cleverID: cleverID, name: name, ncesID: ncesID, contact: contact, launchDate: launchDate, sync: sync)
    }

    private static func sync(_ object: inout ObjectReader) -> String {
        var members: [JSONValue.Member] = []
        for name in syncMembers {
            switch object.presence(name) {
            case .absent: continue
            case .null: members.append(.init(name: name, value: .null))
            case .value(let value):
                if let offence = value.storageOffence { object.complain(name, offence) }
                members.append(.init(name: name, value: value))
            }
        }
        let text = JSONValue.object(members).text
        if text.utf8.count > syncLimit {
            object.complaints.add(.pointer(object.pointer), "must take \(syncLimit >> 10) KiB at most")
        }
        return text
    }

    /// Who speaks for the district at Clever: `{"name":{"first","middle","last"},"email","title"}`; nil without an address.
    private static func contact(_ object: inout ObjectReader) -> Contact? {
        guard var reader = object.object("district_contact") else { return nil }
        let name = name(&reader)
        if reader.filled("title") { _ = reader.string("title") }
        guard reader.filled("email"), let email = reader.email("email") else { return nil }
        return Contact(name: name ?? email, email: email, role: "district_contact")
    }

    private static func name(_ reader: inout ObjectReader) -> String? {
        if case .value(.string) = reader.presence("name") { return reader.filled("name") ? reader.string("name") : nil }
        guard var parts = reader.object("name") else { return nil }
        let words = ["first", "middle", "last"].compactMap { parts.filled($0) ? parts.string($0) : nil }
        let name = words.joined(separator: " ")
        return name.isEmpty ? nil : String(String.UnicodeScalarView(name.unicodeScalars.prefix(Limits.name.upperBound)))
    }
}

extension ObjectReader {
    /// Whether the member is there and not an empty string.
    fileprivate mutating func filled(_ name: String) -> Bool {
        if case .value(let value) = presence(name) { return value != .string("") }
        return false
    }
}
