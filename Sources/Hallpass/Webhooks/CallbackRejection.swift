import Foundation
import Integrations

/// A body that is no event, or asks for what cannot be: kept as `rejected`, answered 400. It names places and rules rather
/// than what stood there, so that no secret in a body gets into logs and lists.
struct CallbackRejection: Error, Sendable {
    var detail: String
    var errors: [FieldProblem] = []
    /// The event's own, as far as they could be read.
    var type: String?
    var created: Date?
    /// The district that it seems to be about, so that an erasure finds the body.
    var cleverID: String?

    static let wrongShape = "The body is JSON but not the shape of an event; `errors` says where."

    init(
        detail: String, errors: [FieldProblem] = [], type: String? = nil, created: Date? = nil, cleverID: String? = nil
    ) {
        self.detail = detail
        self.errors = errors
        self.type = type
        self.created = created
        self.cleverID = cleverID
    }

    /// An event that was read, and that the domain refuses.
    init(_ refusal: Refusal, of event: CallbackEvent) {
        var errors: [FieldProblem] = []
        var text = "The event cannot be applied: \(Problem(refusal).detail)"
        if case .invalid(let pointer, let detail) = refusal {
            errors = [FieldProblem(place: .pointer("/data/object\(pointer)"), detail: detail)]
            text = Self.wrongShape
        }
        self.init(
            detail: text, errors: errors, type: event.type, created: event.created, cleverID: event.cleverID)
    }

    /// The reason as it is kept with the delivery.
    var text: String {
        let places = errors.prefix(20).map { error in
            if case .pointer(let pointer) = error.place { return "\(pointer) \(error.detail)" }
            return error.detail
        }
        return ([detail] + places).joined(separator: " ")
    }
}
