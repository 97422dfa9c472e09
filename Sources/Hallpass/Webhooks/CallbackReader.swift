import Foundation
import Integrations

/// Reads a callback's body into an event, naming every offence at once.
enum CallbackReader {
    static func read(_ body: [UInt8]) throws(CallbackRejection) -> CallbackEvent {
        let tree: JSONValue
        do throws(JSONSyntaxError) {
            tree = try JSONParser.parse(body)
        } catch {
            throw CallbackRejection(detail: "The body is not JSON: \(error.reason), at byte \(error.offset).")
        }
        let complaints = Complaints()
        let event = event(tree, complaints)
        guard complaints.isEmpty, let event else {
            throw CallbackRejection(
                detail: "The body is JSON but not the shape of an event; `errors` says where.",
                errors: complaints.problems)
        }
        return event
    }

    private static func event(_ tree: JSONValue, _ complaints: Complaints) -> CallbackEvent? {
        var reader = ObjectReader(tree, complaints: complaints)
        let id = reader.string("id", required: true)
        let type = reader.string("type", required: true)
        let createdText = reader.string("created", required: true)
        let created = createdText.flatMap { Instant.parse($0) }
        if createdText != nil, created == nil { reader.complain("created", "must be an instant (RFC 3339)") }
        guard var data = reader.object("data", required: true) else { return nil }
        guard var object = data.object("object", required: true), let type else { return nil }
        let content = content(type, &object)
        guard let id, let created, let content else { return nil }
        return CallbackEvent(eventID: id, type: type, created: created, content: content)
    }

    private static func content(_ type: String, _ object: inout ObjectReader) -> CallbackEvent.Content? {
        switch type {
        case "integration_requests.created": return wish(&object).map { .requestCreated($0) }
        case "integration_requests.updated": return wish(&object).map { .requestUpdated($0) }
        case "integration_requests.deleted":
            return object.string("id", required: true).map { .requestDeleted(externalID: $0) }
        case "sharing_permissions.created": return sharing(&object).map { .sharingCreated($0) }
        case "sharing_permissions.updated": return sharing(&object).map { .sharingUpdated($0) }
        case "sharing_permissions.deleted":
            let cleverID = districtID(&object)
            let kind: Kind? = object.choice("kind", required: true)
            guard let cleverID, let kind else { return nil }
            return .sharingDeleted(cleverID: cleverID, kind: kind)
        case "districts.updated": return district(&object).map { .districtUpdated($0) }
        case "districts.deleted":
            return DistrictInput.cleverID(&object, "id", required: true).map { .districtDeleted(cleverID: $0) }
        default: return .unknown
        }
    }

    private static func wish(_ object: inout ObjectReader) -> CallbackEvent.Wish? {
        let externalID = object.string("id", required: true)
        let kind: Kind? = object.choice("kind", required: true)
        var district = DistrictInput()
        var hasDistrict = false
        if var reader = object.object("district", required: true) {
            district.cleverID = DistrictInput.cleverID(&reader, "id", required: true)
            district.name = reader.string("name", required: true)
            district.type = reader.choice("type")
            district.state = DistrictInput.state(&reader)
            district.timeZone = DistrictInput.timeZone(&reader)
            district.ncesID = reader.string("nces_id", length: 1...32)
            hasDistrict = true
        }
        var requester: Requester?
        if var reader = object.object("requester", required: true) {
            let name = reader.string("name", required: true)
            let email = reader.email("email", required: true)
            let title = reader.string("title")
            if let name, let email { requester = Requester(name: name, email: email, title: title) }
        }
        var launchDate: CalendarDate?
        switch object.launchDate() {
        case .value(let date): launchDate = date
        case .null, .absent: break
        }
        let message = object.prose("message")
        guard let externalID, let kind, hasDistrict, let requester else { return nil }
        return CallbackEvent.Wish(
            externalID: externalID, kind: kind, district: district, requester: requester, launchDate: launchDate,
            message: message)
    }

    private static func sharing(_ object: inout ObjectReader) -> CallbackEvent.SharingFacts? {
        let cleverID = districtID(&object)
        let kind: Kind? = object.choice("kind", required: true)
        let method: SharingMethod? = object.choice("method", required: true)
        let rules = object.array("rules", count: 0...10_000).map { JSONValue.array($0).text }
        guard let cleverID, let kind, let method else { return nil }
        return CallbackEvent.SharingFacts(cleverID: cleverID, kind: kind, method: method, rules: rules)
    }

    /// `district` is an object with `id`, or the id itself.
    private static func districtID(_ object: inout ObjectReader) -> String? {
        guard case .value(.object) = object.presence("district") else {
            return DistrictInput.cleverID(&object, "district", required: true)
        }
        guard var reader = object.object("district") else { return nil }
        return DistrictInput.cleverID(&reader, "id", required: true)
    }

    /// Clever's `District` (Data API v3.1), as it publishes it.
    private static func district(_ object: inout ObjectReader) -> CallbackEvent.DistrictFacts? {
        let cleverID = DistrictInput.cleverID(&object, "id", required: true)
        let name = object.string("name")
        let ncesID = object.value("nces_id") == .string("") ? nil : object.string("nces_id", length: 1...32)
        var launchDate: CalendarDate??
        switch object.presence("launch_date") {
        case .absent: launchDate = nil
        case .null, .value(.string("")): launchDate = .some(nil)
        case .value:
            if case .value(let date) = object.launchDate() { launchDate = .some(date) }
        }
        var sync: [JSONValue.Member] = []
        for member in syncMembers {
            if let value = object.value(member) { sync.append(.init(name: member, value: value)) }
        }
        let contact = contact(&object)
        guard let cleverID else { return nil }
        return CallbackEvent.DistrictFacts(
            cleverID: cleverID, name: name, ncesID: ncesID, contact: contact, launchDate: launchDate,
            sync: JSONValue.object(sync).text)
    }

    /// The sync facts that are shown under `clever`.
    static let syncMembers = [
        "sis_type", "launch_date", "state", "error", "last_sync", "pause_start", "pause_end", "login_methods",
        "portal_url", "mdr_number", "nces_id", "lms_type", "lms_state", "district_contact",
    ]

    /// Clever's contact has a name in parts: `{"first","middle","last"}`.
    private static func contact(_ object: inout ObjectReader) -> Contact? {
        guard case .value(.object) = object.presence("district_contact"), var reader = object.object("district_contact")
        else { return nil }
        guard let email = reader.value("email")?.string, !email.isEmpty else { return nil }
        guard reader.email("email") != nil else { return nil }
        let title = reader.value("title")?.string
        var name = reader.value("name")?.string
        if let parts = reader.value("name"), case .object = parts {
            name = ["first", "middle", "last"].compactMap { parts[$0]?.string }.filter { !$0.isEmpty }
                .joined(separator: " ")
        }
        return Contact(
            name: name.flatMap { $0.isEmpty ? nil : $0 } ?? email, email: email, role: title ?? "district_contact")
    }
}
