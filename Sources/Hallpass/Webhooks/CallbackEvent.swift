import Foundation
import Integrations

/// A callback's body, read: `{"id","type","created","data":{"object",…}}` (API §4). Unknown members are kept in the raw
/// body and ignored here.
struct CallbackEvent: Sendable {
    /// What the event says, by its type.
    enum Content: Sendable {
        case requestCreated(Wish)
        case requestUpdated(Wish)
        case requestDeleted(externalID: String)
        case sharingCreated(SharingFacts)
        case sharingUpdated(SharingFacts)
        case sharingDeleted(cleverID: String, kind: Kind)
        case districtUpdated(DistrictFacts)
        case districtDeleted(cleverID: String)
        /// A type that is not known here.
        case unknown
    }

    /// A district's wish, whole: `integration_requests.created` and `.updated`.
    struct Wish: Sendable {
        var externalID: String
        var kind: Kind
        var district: DistrictInput
        var requester: Requester
        var launchDate: CalendarDate?
        var message: String?
    }

    struct SharingFacts: Sendable {
        var cleverID: String
        var kind: Kind
        var method: SharingMethod
        /// The rules as JSON text, verbatim.
        var rules: String?
    }

    /// Clever's district object, as far as it is used; `sync` holds its sync facts as JSON text.
    struct DistrictFacts: Sendable {
        var cleverID: String
        var name: String?
        var ncesID: String?
        var contact: Contact?
        /// `.some(nil)` is a null launch date: none.
        var launchDate: CalendarDate??
        var sync: String
    }

    var eventID: String
    var type: String
    var created: Date
    var content: Content

    /// The district an event is about, where it names one.
    var cleverID: String? {
        switch content {
        case .requestCreated(let wish), .requestUpdated(let wish): wish.district.cleverID
        case .sharingCreated(let facts), .sharingUpdated(let facts): facts.cleverID
        case .sharingDeleted(let cleverID, _), .districtDeleted(let cleverID): cleverID
        case .districtUpdated(let facts): facts.cleverID
        case .requestDeleted, .unknown: nil
        }
    }

    var kind: Kind? {
        switch content {
        case .requestCreated(let wish), .requestUpdated(let wish): wish.kind
        case .sharingCreated(let facts), .sharingUpdated(let facts): facts.kind
        case .sharingDeleted(_, let kind): kind
        default: nil
        }
    }

    var externalID: String? {
        switch content {
        case .requestCreated(let wish), .requestUpdated(let wish): wish.externalID
        case .requestDeleted(let externalID): externalID
        default: nil
        }
    }

    /// What the event's `created` is compared by (`callback_clock.subject`).
    var subject: String? {
        switch content {
        case .requestCreated, .requestUpdated, .requestDeleted: externalID.map { "request:\($0)" }
        case .sharingCreated, .sharingUpdated, .sharingDeleted: "sharing:\(cleverID ?? ""):\(kind?.rawValue ?? "")"
        case .districtUpdated, .districtDeleted: "district:\(cleverID ?? "")"
        case .unknown: nil
        }
    }
}
