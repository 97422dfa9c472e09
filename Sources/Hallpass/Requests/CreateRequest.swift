import Foundation
import Integrations
import Postgres

/// `POST /v1/requests`: a district's wish by REST, for SSO or rostering.
enum CreateRequest {
    struct Input {
        var kind: Kind
        var district: DistrictReference
        var requester: Requester
        var launchDate: CalendarDate?
        var message: String?
        var externalID: String?
    }

    static func run(_ change: Change) async throws -> Answer {
        // The input says what to load, so it is read first; a replay wins over its offences all the same.
        let input: Input
        do {
            input = try change.input(read)
        } catch {
            try await change.begin()
            throw error
        }
        let work = change.work
        let rows = try await change.load(input.district.queries)
        var locked = try await input.district.lockedCase(rows, requester: input.requester, work: work)
        let new = NewRequest(
            id: Identifier.make(at: work.now), kind: input.kind, attempt: locked.nextAttempt(input.kind),
            requester: input.requester, launchDate: input.launchDate, message: input.message, source: .api,
            externalID: input.externalID, checklist: work.application.configuration.checklist(input.kind))
        try locked.decide(.create(new), on: nil, for: work)
        try await work.write(&locked)
        return RequestAnswer.make(new.id, in: locked.value, status: 201, now: work.now)
    }

    static func read(_ reader: inout ObjectReader) -> Input? {
        let kind: Kind? = reader.choice("kind", required: true)
        let district = DistrictReference.read(&reader)
        let requester = reader.requester(required: true)
        var launchDate: CalendarDate?
        if case .value(let date) = reader.launchDate() { launchDate = date }
        let message = reader.prose("message")
        let externalID = reader.string("external_id")
        guard let kind, let district, let requester else { return nil }
        return Input(
            kind: kind, district: district, requester: requester, launchDate: launchDate, message: message,
            externalID: externalID)
    }
}
