import Foundation
import Integrations
import Postgres

/// Decides what one event means for its case (API §4's table). The case is changed in memory; its caller writes it.
struct CallbackApplication {
    let event: CallbackEvent
    let marks: CallbackMarks
    /// What is parked for the district.
    let parked: [ParkedDelivery]
    let work: Work
    /// Nil while the district is unknown.
    var locked: LockedCase?

    /// - Throws: `Refusal.invalid` when the event asks for what cannot be; it is rejected then.
    mutating func run() throws(Refusal) -> CallbackApplied {
        switch event.content {
        case .requestCreated(let wish):
            if marks.existing != nil || marks.clock?.isDeleted == false {
                return applied(.superseded, "This integration request is known already.", to: marks.existing?.id)
            }
            return try create(wish)
        case .requestUpdated(let wish): return try update(wish)
        case .requestDeleted:
            guard let existing = marks.existing, locked?.value.district.id == existing.districtID else {
                return applied(.processed, "Not seen before; remembered, so that an older event is superseded.")
            }
            return try change(existing.id, .endByDistrict)
        case .sharingCreated(let facts), .sharingUpdated(let facts): return try share(facts)
        case .sharingDeleted(_, let kind):
            guard let request = locked?.value.open(kind) else {
                return noted(locked?.lastEnded[kind], "Changes nothing: no open request shares anything.")
            }
            return try change(request.id, .removeSharing)
        case .districtUpdated(let facts): return try update(facts)
        case .districtDeleted: return try deleteDistrict()
        case .unknown: return applied(.ignored, "The type \(event.type) is not known here.")
        }
    }

    // MARK: Requests

    private mutating func create(_ wish: CallbackEvent.Wish) throws(Refusal) -> CallbackApplied {
        if let open = locked?.value.open(wish.kind) {
            // Tried on the open one, without keeping the outcome: what could never be is told now, not when that ends.
            _ = try locked?.value.apply(
                .changeWish(launchDate: wish.launchDate, message: wish.message, requester: wish.requester),
                to: open.id, by: work.author.name, at: work.now)
            return applied(.parked, "Another \(wish.kind.title) request is open; waits until it ends.", to: open.id)
        }
        var file = locked ?? newCase(wish)
        let old = file.value.district
        let filled = wish.district.filling(old, requester: wish.requester, now: work.now)
        if filled != old { try file.decide(.changeDistrict(filled), on: nil, for: work) }
        let new = NewRequest(
            id: Identifier.make(at: work.now), kind: wish.kind, attempt: file.nextAttempt(wish.kind),
            requester: wish.requester, launchDate: wish.launchDate, message: wish.message, source: .webhook,
            externalID: wish.externalID, checklist: work.application.configuration.checklist(wish.kind))
        try file.decide(.create(new), on: nil, for: work)
        locked = file
        return noted(new.id, nil)
    }

    private func newCase(_ wish: CallbackEvent.Wish) -> LockedCase {
        let district = wish.district.new(
            name: wish.district.name ?? wish.district.cleverID ?? "", requester: wish.requester,
            accountManager: work.application.configuration.accountManager, id: Identifier.make(at: work.now),
            now: work.now)
        return LockedCase(value: DistrictCase(district: district, requests: []), stored: nil, parked: parked)
    }

    private mutating func update(_ wish: CallbackEvent.Wish) throws(Refusal) -> CallbackApplied {
        guard let existing = marks.existing else { return try create(wish) }
        guard existing.districtID == locked?.value.district.id else {
            throw .invalid(pointer: "/district/id", detail: "is not the district of this integration request")
        }
        if let known = locked?.value.request(existing.id), known.kind != wish.kind {
            throw .invalid(
                pointer: "/kind", detail: "is not the kind of this integration request, \(known.kind.rawValue)")
        }
        return try change(
            existing.id, .changeWish(launchDate: wish.launchDate, message: wish.message, requester: wish.requester))
    }

    /// Changes an open request; one that has ended is only noted.
    private mutating func change(_ id: UUID, _ command: Command) throws(Refusal) -> CallbackApplied {
        guard let before = locked?.value.request(id), before.state.isOpen else {
            return noted(id, "Changes nothing: the request has ended.")
        }
        try decide(command, on: id)
        return noted(id, locked?.value.request(id) == before ? "Changes nothing." : nil)
    }

    // MARK: Sharing

    private mutating func share(_ facts: CallbackEvent.SharingFacts) throws(Refusal) -> CallbackApplied {
        guard let file = locked else { return applied(.parked, "The district is not known yet.") }
        guard let request = file.value.open(facts.kind) else {
            if let ended = file.lastEnded[facts.kind] { return noted(ended, "Changes nothing: the request has ended.") }
            return applied(.parked, "There is no \(facts.kind.title) request yet.")
        }
        switch request.state {
        case .approved:
            return try change(request.id, .share(method: facts.method, rules: facts.rules, source: .webhook))
        case .shared, .configured:
            return try change(request.id, .replaceSharing(method: facts.method, rules: facts.rules))
        default:
            return applied(.parked, "The \(facts.kind.title) request is not approved yet.", to: request.id)
        }
    }

    // MARK: Districts

    private mutating func update(_ facts: CallbackEvent.DistrictFacts) throws(Refusal) -> CallbackApplied {
        guard let old = locked?.value.district else { return applied(.parked, "The district is not known yet.") }
        var district = old
        if let name = facts.name { district.name = name }
        if district.ncesID == nil { district.ncesID = facts.ncesID }
        if let contact = facts.contact {
            if let index = district.contacts.firstIndex(where: { $0.role == contact.role }) {
                district.contacts[index] = contact
            } else {
                district.contacts.append(contact)
            }
        }
        if facts.sync != "{}", !Self.isSameJSON(facts.sync, district.clever) { district.clever = facts.sync }
        let before = locked?.value
        let changed = district.versioned(after: old, now: work.now)
        if changed != old { try decide(.changeDistrict(changed), on: nil) }
        if case .some(let date) = facts.launchDate { try decide(.followDistrictLaunchDate(date), on: nil) }
        guard locked?.value != before else {
            let text = "Changes nothing."
            for request in locked?.value.requests ?? [] where request.state.isOpen { note(request.id, text) }
            return applied(.processed, text)
        }
        for request in locked?.value.requests ?? []
        where request.state.isOpen && request != before?.request(request.id) {
            note(request.id, "Applied.")
        }
        return applied(.processed, nil)
    }

    private mutating func deleteDistrict() throws(Refusal) -> CallbackApplied {
        guard let before = locked?.value else {
            return applied(.processed, "Changes nothing: the district is not known here.")
        }
        try decide(.deleteDistrict, on: nil)
        for request in before.requests where request.state.isOpen { note(request.id, "Applied.") }
        guard locked?.value == before else { return applied(.processed, nil) }
        let text = "Changes nothing: no request of the district is open."
        for id in locked?.lastEnded.values.sorted(by: { $0.uuidString < $1.uuidString }) ?? [] { note(id, text) }
        return applied(.processed, text)
    }

    private static func isSameJSON(_ a: String, _ b: String?) -> Bool {
        guard let b else { return false }
        do {
            return try JSONComparison.isEqual(JSONParser.parse(Array(a.utf8)), JSONParser.parse(Array(b.utf8)))
        } catch {
            return false
        }
    }

    // MARK: Outcomes

    private mutating func decide(_ command: Command, on id: UUID?) throws(Refusal) {
        try locked?.decide(command, on: id, for: work)
    }

    private func applied(_ status: DeliveryStatus, _ detail: String?, to id: UUID? = nil) -> CallbackApplied {
        CallbackApplied(
            status: status, detail: detail, requestID: id, districtID: locked?.value.district.id,
            cleverID: event.cleverID)
    }

    /// Processed, with a line in the request's timeline.
    private mutating func noted(_ id: UUID?, _ detail: String?) -> CallbackApplied {
        if let id { note(id, detail ?? "Applied.") }
        return applied(.processed, detail, to: id)
    }

    private mutating func note(_ id: UUID, _ outcome: String) {
        let text = "Callback \(event.type) (\(Instant.format(event.created))). \(outcome)"
        locked?.effects.append(.note(requestID: id, type: .callback, text: text))
    }
}

/// Whether two JSON values say the same: members in any order, numbers by their spelling.
enum JSONComparison {
    static func isEqual(_ a: JSONValue, _ b: JSONValue) -> Bool {
        switch (a, b) {
        case (.object(let left), .object(let right)):
            guard left.count == right.count else { return false }
            return left.allSatisfy { member in b[member.name].map { isEqual(member.value, $0) } ?? false }
        case (.array(let left), .array(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { isEqual($0, $1) }
        default: return a == b
        }
    }
}
