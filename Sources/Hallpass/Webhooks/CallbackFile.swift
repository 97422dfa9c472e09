import Foundation
import Integrations
import Postgres

// Applies one event to the case it is about, in one transaction, with what was parked for exactly this. `created` decides
// what is newer: a clock is kept for each thing that callbacks speak of (a request's id, a district and kind, a district),
// and an event older than what a callback has applied to the same thing is superseded. An event that cannot be applied yet
// is parked (ParkedDeliveries).
//
// Locks are taken in one order: the thing the event speaks of, the district's Clever id, the district's row. Everything
// that is read first travels in one round trip, but for `integration_requests.deleted`, which names no district: its
// request's is looked up, under the lock on the thing, before the district is locked.

struct CallbackFile {
    let work: Work
    let event: CallbackEvent
    /// The delivery in the archive that is replayed, so that it is none of those that wait.
    private let replayed: UUID?
    private var locked: LockedCase?

    init(_ event: CallbackEvent, replayed: UUID? = nil, work: Work) {
        self.event = event
        self.replayed = replayed
        self.work = work
    }

    /// What locks and reads all that `apply` asks about; empty for a type that is not known.
    var queries: [Query] {
        guard let subject = event.subject else { return [] }
        let marks = CallbackMarks.queries(subject: subject, externalID: event.externalID)
        return marks + (event.cleverID.map { Work.caseQueries(.cleverID($0)) } ?? [])
    }

    /// Applies the event. What it decided is written by `finish`.
    /// - Parameter rows: the answers to `queries`.
    mutating func apply(_ rows: some RandomAccessCollection<Rows>) async throws -> CallbackApplied {
        guard event.subject != nil else {
            return CallbackApplied(status: .ignored, detail: "The type \(event.type) is not known here.")
        }
        let rows = Array(rows)
        let marks = try CallbackMarks(rows.prefix(CallbackMarks.queryCount))
        let cleverID = event.cleverID ?? marks.cleverID
        var caseRows = Array(rows.dropFirst(CallbackMarks.queryCount))
        if caseRows.isEmpty, let cleverID {
            caseRows = try await work.transaction.query(all: Work.caseQueries(.cleverID(cleverID)))
        }
        if !caseRows.isEmpty {
            locked = try work.readCase(caseRows)
            locked?.parked.removeAll { $0.id == replayed }
        }
        if let clock = marks.clock, clock.created > event.created {
            return CallbackApplied(
                status: .superseded, detail: Self.olderThan(clock), requestID: marks.existing?.id,
                districtID: locked?.value.district.id, cleverID: cleverID)
        }
        var application = CallbackApplication(
            event: event, marks: marks, parked: caseRows.last.map(parked) ?? [], work: work, locked: locked)
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

    private func parked(_ rows: Rows) -> [ParkedDelivery] { ParkedDelivery.read(rows).filter { $0.id != replayed } }

    /// Writes what was decided, and with it what was parked for it.
    mutating func finish() async throws {
        guard var file = locked else { return }
        try await work.write(&file)
        locked = file
    }

    static func olderThan(_ clock: CallbackClock) -> String {
        "Older than what was applied to the same thing (\(Instant.format(clock.created)))."
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
