import Foundation
import Integrations
import Postgres

// Writes what the domain has decided: the district and the requests that changed (each guarded by the version that was
// read), their audit entries, timeline notes and e-mails, and whatever must follow from it in the same transaction: the
// seats that a changed license takes, and deliveries that were parked for exactly this.

extension Work {
    /// Queues the statements that make what was decided true, and what follows from it in the same transaction.
    func write(_ locked: inout LockedCase) async throws {
        let after = locked.value
        writeDistrict(after.district, stored: locked.stored?.district)
        for request in after.requests {
            guard let old = locked.stored?.request(request.id) else {
                transaction.execute(RequestRows.insert(request, in: after.district))
                locked.attempts[request.kind] = request.attempt
                continue
            }
            if old != request {
                transaction.execute(RequestRows.update(request, in: after.district, from: old.version))
            }
            if old.state.isOpen, request.state.isEnded { locked.lastEnded[request.kind] = request.id }
        }
        for effect in locked.effects { write(effect, before: locked.stored, after: after) }
        locked.effects = []
        let before = locked.stored
        locked.stored = after
        if let before, before.district.license.licensedTeachers != after.district.license.licensedTeachers {
            SharingComparison.refresh(after.district.id, self)
        }
        try await applyParked(&locked, before: before)
    }

    private func writeDistrict(_ district: District, stored: District?) {
        guard let stored else {
            transaction.execute(DistrictRows.insert(district))
            districtIDs.insert(district.id)
            let texts = ChangedMembers.of(nil, district)
            audit("district.create", districtID: district.id, before: texts.before, after: texts.after)
            return
        }
        guard stored != district else { return }
        transaction.execute(DistrictRows.update(district, from: stored.version))
        let texts = ChangedMembers.of(stored, district)
        audit("district.update", districtID: district.id, before: texts.before, after: texts.after)
    }

    private func write(_ effect: Effect, before: DistrictCase?, after: DistrictCase) {
        switch effect {
        case .audit(let action, let requestID):
            guard let request = after.request(requestID) else { return }
            let texts = ChangedMembers.of(before?.request(requestID), request)
            audit(
                action, requestID: requestID, districtID: after.district.id, before: texts.before, after: texts.after)
        case .mail(let mail): send(mail, about: after)
        case .launchMoved: wakes.insert(.launches)
        case .note(let requestID, let type, let text):
            note(requestID: requestID, districtID: after.district.id, type: type, text: text)
        }
    }
}

extension Change {
    /// Decides, checks `If-Match`, writes and answers with the request: 422 before 412 before 409.
    func apply(_ command: Command, to id: UUID, in locked: LockedCase) async throws -> Answer {
        var locked = locked
        let version = locked.value.request(id)?.version ?? 0
        let decided: [UUID]
        do throws(Refusal) {
            decided = try locked.decide(command, on: id, for: work)
        } catch {
            if !error.isInvalidInput { try checkVersion(version) }
            throw Problem(error)
        }
        try checkVersion(version)
        try await work.write(&locked)
        return RequestAnswer.make(id, in: locked.value, pair: decided.first { $0 != id }, now: now)
    }
}

/// The answer to a change of a request: the request, and `pair` where both were decided.
enum RequestAnswer {
    static func make(
        _ id: UUID, in districtCase: DistrictCase, pair: UUID? = nil, status: Int = 200, now: Date
    ) -> Answer {
        guard let request = districtCase.request(id) else { preconditionFailure("a changed request is in its case") }
        var answer = Answer.json(status, version: request.version) { writer in
            writer.object { writer in
                RequestJSON.members(districtCase.shown(request), now: now, to: &writer)
                if let pair, let other = districtCase.request(pair) {
                    writer.name("pair")
                    RequestJSON.write(districtCase.shown(other), now: now, to: &writer)
                }
            }
        }
        if status == 201 { answer.location = "/v1/requests/\(Identifier.format(id))" }
        return answer
    }
}
