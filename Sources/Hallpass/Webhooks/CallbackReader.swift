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
                detail: CallbackRejection.wrongShape, errors: complaints.problems, type: readable(tree["type"]),
                created: tree["created"]?.string.flatMap { Instant.parse($0) }, cleverID: cleverID(in: tree))
        }
        return event
    }

    /// The type of a body that is no event otherwise, so that it is found by it.
    private static func readable(_ type: JSONValue?) -> String? {
        type?.string.flatMap { TextRule.offence(in: $0, length: Limits.name, multiline: false) == nil ? $0 : nil }
    }

    private static func cleverID(in tree: JSONValue) -> String? {
        guard let object = tree["data"]?["object"] else { return nil }
        let isDistrict = tree["type"]?.string?.hasPrefix("districts.") == true
        let text = isDistrict ? object["id"]?.string : object["district"]?["id"]?.string ?? object["district"]?.string
        return text.flatMap { DistrictInput.isCleverID($0) ? $0 : nil }
    }

    private static func event(_ tree: JSONValue, _ complaints: Complaints) -> CallbackEvent? {
        var reader = ObjectReader(tree, complaints: complaints)
        let id = reader.string("id", required: true)
        let type = reader.string("type", required: true)
        let createdText = reader.string("created", required: true)
        let created = createdText.flatMap { Instant.parse($0) }
        if createdText != nil, created == nil { reader.complain("created", "must be an instant (RFC 3339)") }
        guard var data = reader.object("data", required: true) else { return nil }
        _ = data.object("previous_attributes")
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
        case "districts.updated": return CleverDistrict.read(&object).map { .districtUpdated($0) }
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
            let title = reader.title()
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
        let rules = object.sharingRules()
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
}
