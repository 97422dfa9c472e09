import Foundation
import HTTPServer
import Integrations

/// The actions on one request (API §2's table): each reads its body into a command of the domain; loading, deciding,
/// writing and answering are the same for all.
enum RequestActions {
    /// `POST /v1/requests/{id}/<action>`.
    static func run(_ action: ActionName) -> @Sendable (Change) async throws -> Answer {
        { change in
            let id = try change.call.id(of: "request")
            let locked = try await change.lockCase(requestID: id)
            let command = try change.input { read(action, &$0) }
            return try await change.apply(command, to: id, in: locked)
        }
    }

    /// The command that a body asks for, nil when the reader has a complaint.
    static func read(_ action: ActionName, _ reader: inout ObjectReader) -> Command? {
        switch action {
        case .approve:
            let date = launchDateChoice(&reader)
            let message = reader.prose("message")
            return .approve(launchDate: date, message: message, withPair: reader.bool("with_pair") ?? false)
        case .decline: return reader.prose("reason", required: true).map { .decline(reason: $0) }
        case .requestInfo: return reader.prose("message", required: true).map { .requestInfo(message: $0) }
        case .provideInfo: return reader.prose("message", required: true).map { .provideInfo(message: $0) }
        case .withdraw: return .withdraw(reason: reader.prose("reason"))
        case .reschedule:
            if !reader.has("launch_date") { reader.complain("launch_date", "is required: a date, or null for none") }
            let choice = launchDateChoice(&reader)
            let reason = reader.prose("reason")
            guard case .set(let date) = choice else { return nil }
            return .reschedule(date: date, reason: reason)
        case .launch: return .launchNow
        case .share:
            let method: SharingMethod? = reader.choice("method", required: true)
            let rules = reader.sharingRules()
            return method.map { .share(method: $0, rules: rules, source: .manual) }
        case .configure:
            let message = reader.prose("message")
            return .configure(message: message, completeChecklist: reader.bool("complete_checklist") ?? false)
        case .reopen: return reader.prose("reason", required: true).map { .reopen(reason: $0) }
        case .disconnect: return reader.prose("reason", required: true).map { .disconnect(reason: $0) }
        case .checklist: return nil
        }
    }

    static func launchDateChoice(_ reader: inout ObjectReader) -> LaunchDateChoice {
        switch reader.launchDate() {
        case .absent: .keep
        case .null: .set(nil)
        case .value(let date): .set(date)
        }
    }

    /// `PUT /v1/requests/{id}/checklist/{item}`; an item the request does not have is 404.
    static let putChecklistItem: @Sendable (Change) async throws -> Answer = { change in
        let id = try change.call.id(of: "request")
        let locked = try await change.lockCase(requestID: id)
        let name = change.call.request.parameters["item"] ?? ""
        guard let request = locked.value.request(id), request.checklist.contains(where: { $0.item == name }) else {
            throw Problem.notFound("checklist item")
        }
        let command = try change.input { reader -> Command? in
            let status: ChecklistStatus? = reader.choice("status", required: true)
            let note = reader.prose("note")
            guard let status else { return nil }
            if status == .waived, note == nil { reader.complain("note", "is required to waive: say why") }
            return .setChecklist(item: name, status: status, note: note)
        }
        return try await change.apply(command, to: id, in: locked)
    }

    /// `PATCH /v1/requests/{id}`: a merge patch (RFC 7396) of `requester` and `message`.
    static let patch: @Sendable (Change) async throws -> Answer = { change in
        let id = try change.call.id(of: "request")
        let locked = try await change.lockCase(requestID: id)
        guard let request = locked.value.request(id) else { throw Problem.notFound("request") }
        let command = try change.input { reader -> Command? in
            var requester = request.requester
            if case .null = reader.presence("requester") { reader.complain("requester", "cannot be empty") }
            if var members = reader.object("requester") {
                if members.has("name"), let name = members.string("name", required: true) { requester.name = name }
                if members.has("email"), let email = members.email("email", required: true) { requester.email = email }
                if members.has("title") { requester.title = members.title() }
                members.finish()
            }
            let message = reader.prose("message")
            return .amend(requester: requester, message: reader.has("message") ? message : request.message)
        }
        return try await change.apply(command, to: id, in: locked)
    }
}
