import Foundation
import Integrations
import Postgres

// Applies events to the case they are about, in one transaction, with what was parked for exactly this. `created` decides
// what is newer: a clock is kept for each thing that callbacks speak of (a request's id, a district and kind, a district),
// and an event older than what a callback has applied to the same thing is superseded. An event that cannot be applied yet
// is parked (ParkedDeliveries).

struct CallbackFile {
    let work: Work
    private var locked: LockedCase?

    init(work: Work) { self.work = work }

    /// Applies one event. What it decided is written by `finish`.
    mutating func apply(_ event: CallbackEvent) async throws -> CallbackApplied {
        guard let subject = event.subject else {
            return CallbackApplied(status: .ignored, detail: "The type \(event.type) is not known here.")
        }
        let cleverID = try await cleverID(of: event)
        let caseQueries = cleverID.map { Work.caseQueries(.cleverID($0)) } ?? []
        let rows = try await work.transaction.query(
            all: caseQueries + [
                Query("callback.lock", "SELECT pg_advisory_xact_lock(hashtextextended(\(subject), 3))"),
                Query("callback.clock", "SELECT created, deleted FROM callback_clock WHERE subject = \(subject)"),
                Query(
                    "callback.request",
                    "SELECT id, district_id FROM request WHERE external_id = \(event.externalID) AND source = 'webhook'"
                ),
            ])
        let clock = try rows[caseQueries.count + 1].first.map { row in
            CallbackClock(created: try row.get(0), isDeleted: try row.get(1))
        }
        let existing = try rows[caseQueries.count + 2].first.map { row in
            CallbackApplication.ExistingRequest(id: try row.get(0), districtID: try row.get(1))
        }
        let caseRows = rows.prefix(caseQueries.count)
        if cleverID != nil { locked = try work.readCase(caseRows, addressed: existing?.id) }
        if let clock, clock.created > event.created {
            return CallbackApplied(
                status: .superseded,
                detail: "Older than what was applied to the same thing (\(Instant.format(clock.created))).",
                requestID: existing?.id, districtID: locked?.value.district.id, cleverID: cleverID)
        }
        var application = CallbackApplication(
            event: event, clock: clock, existing: existing,
            parked: try caseRows.last.map { try ParkedDelivery.read($0) } ?? [], work: work, locked: locked)
        var applied = try application.run()
        locked = application.locked
        applied.cleverID = cleverID
        if applied.status == .processed {
            Self.tick(event, cleverID: cleverID, work: work)
            if var file = locked {
                work.districtIDs.insert(file.value.district.id)
                work.supersedeParked(&file, by: event)
                locked = file
            }
        }
        return applied
    }

    /// Writes what was decided, and with it what was parked for it.
    mutating func finish() async throws {
        guard var file = locked else { return }
        try await work.write(&file)
        locked = file
    }

    /// `integration_requests.deleted` names no district: its request does.
    private func cleverID(of event: CallbackEvent) async throws -> String? {
        if let cleverID = event.cleverID { return cleverID }
        guard let externalID = event.externalID else { return nil }
        let rows = try await work.transaction.query(
            Query(
                "callback.district_of_request",
                """
                SELECT d.clever_id FROM request r JOIN district d ON d.id = r.district_id
                WHERE r.external_id = \(externalID) AND r.source = 'webhook'
                UNION ALL
                SELECT clever_district_id FROM webhook_delivery
                WHERE status = 'parked' AND external_id = \(externalID) AND clever_district_id IS NOT NULL
                LIMIT 1
                """))
        return try rows.first?.get(0, as: String?.self)
    }

    /// Notes the event's `created` as the newest applied to its thing.
    static func tick(_ event: CallbackEvent, cleverID: String?, work: Work) {
        guard let subject = event.subject else { return }
        var isDeleted = false
        if case .requestDeleted = event.content { isDeleted = true }
        work.transaction.execute(
            Query(
                "callback.tick",
                """
                INSERT INTO callback_clock (subject, clever_district_id, created, deleted)
                VALUES (\(subject), \(cleverID), \(event.created), \(isDeleted))
                ON CONFLICT (subject) DO UPDATE SET created = excluded.created, deleted = excluded.deleted,
                    clever_district_id = coalesce(excluded.clever_district_id, callback_clock.clever_district_id)
                """))
    }
}

/// The newest `created` applied to a thing.
struct CallbackClock: Sendable {
    var created: Date
    /// A request that was taken back, perhaps before it was ever seen here.
    var isDeleted: Bool
}
