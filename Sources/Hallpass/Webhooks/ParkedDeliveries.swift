import Foundation
import Integrations
import Postgres

// Deliveries that could not be applied when they came. They are read with the case they are about, and each time the case
// is written it is looked whether one has become possible: in the same transaction, so nothing stays parked that could be
// applied. Of several that want the same place (a request of one kind, the sharing of one kind, the district's facts) the
// newest is applied and the others are superseded, whatever the order in which they came.

/// One parked delivery, read again from its archived bytes.
struct ParkedDelivery: Sendable {
    var id: UUID
    var event: CallbackEvent

    static func query(_ cleverID: SQL) -> Query {
        Query(
            "case.parked",
            """
            SELECT id, content_encoding, body FROM webhook_delivery
            WHERE status = 'parked' AND clever_district_id = \(cleverID) AND body IS NOT NULL ORDER BY created, id
            """)
    }

    /// One that can no longer be read stays parked for whoever replays it; it must not stand in the way of every other
    /// change of its district.
    static func read(_ rows: Rows) -> [ParkedDelivery] {
        rows.compactMap { row in
            do {
                let bytes = try Zlib.uncompress(row.get(2, as: [UInt8].self))
                let event = try CallbackReader.read(
                    ArchivedBody.plain(bytes, encoding: row.get(1, as: String?.self)))
                return ParkedDelivery(id: try row.get(0), event: event)
            } catch {
                return nil
            }
        }
    }

    /// What it wants: of several with the same place only the newest counts.
    var place: String {
        switch event.content {
        case .requestCreated, .requestUpdated: "request:\(event.kind?.rawValue ?? "")"
        case .sharingCreated, .sharingUpdated: "sharing:\(event.kind?.rawValue ?? "")"
        default: "district"
        }
    }

    var isSharing: Bool { place.hasPrefix("sharing:") }
}

extension Work {
    /// Applies what the case's last change has made possible, until nothing more is. What turns out not to be possible at all
    /// is rejected, and the change that set it off goes on.
    /// - Parameter before: the case as it was before that change, nil for a new district.
    func applyParked(_ locked: inout LockedCase, before: DistrictCase?) async throws {
        guard !locked.parked.isEmpty else { return }
        supersedeSharing(of: &locked, before: before)
        while let next = Self.possible(in: locked) {
            locked.parked.removeAll { $0.id == next.id }
            let former = author
            author = .delivery(next.id)
            defer { author = former }
            let marks = try await marks(of: next)
            if let clock = marks.clock, clock.created > next.event.created {
                close(next, .superseded, CallbackFile.olderThan(clock), requestID: marks.existing?.id)
                continue
            }
            var application = CallbackApplication(
                event: next.event, marks: marks, parked: [], work: self, locked: locked)
            let applied: CallbackApplied
            do throws(Refusal) {
                applied = try application.run()
            } catch {
                close(next, .rejected, CallbackRejection(error, of: next.event).text, requestID: nil)
                continue
            }
            guard applied.status != .parked, var changed = application.locked else { continue }
            close(next, applied.status, applied.detail, requestID: applied.requestID, districtID: applied.districtID)
            guard applied.status == .processed else { continue }
            CallbackFile.tick(next.event, cleverID: changed.value.district.cleverID, work: self)
            supersede(&changed, olderThan: next)
            try await write(&changed)
            locked = changed
        }
    }

    /// Locks and reads what callbacks have left about the thing that a parked delivery speaks of.
    private func marks(of delivery: ParkedDelivery) async throws -> CallbackMarks {
        let queries = CallbackMarks.queries(
            subject: delivery.event.subject ?? "", externalID: delivery.event.externalID)
        return try CallbackMarks(try await transaction.query(all: queries))
    }

    /// The newest parked delivery of each place that can be applied to the case as it is.
    private static func possible(in locked: LockedCase) -> ParkedDelivery? {
        for delivery in locked.parked.reversed() {
            switch delivery.event.content {
            case .requestCreated(let wish), .requestUpdated(let wish):
                if locked.value.open(wish.kind) == nil { return delivery }
            case .sharingCreated(let facts), .sharingUpdated(let facts):
                if locked.value.open(facts.kind)?.state.isApprovedOrFurther == true { return delivery }
            default: return delivery
            }
        }
        return nil
    }

    /// Sharing that waited for a request that has ended is superseded.
    private func supersedeSharing(of locked: inout LockedCase, before: DistrictCase?) {
        for kind in Kind.allCases where before?.open(kind) != nil {
            guard let old = before?.open(kind), locked.value.request(old.id)?.state.isEnded == true else { continue }
            for delivery in locked.parked where delivery.isSharing && delivery.event.kind == kind {
                close(delivery, .superseded, "The request it waited for has ended.", requestID: old.id)
            }
            locked.parked.removeAll { $0.isSharing && $0.event.kind == kind }
        }
    }

    /// Those that wanted the same place, or speak of the same thing, and are older.
    private func supersede(_ locked: inout LockedCase, olderThan applied: ParkedDelivery) {
        for delivery in locked.parked where delivery.place == applied.place {
            close(delivery, .superseded, "A newer one was applied in its place.", requestID: nil)
        }
        locked.parked.removeAll { $0.place == applied.place }
    }

    /// Parked deliveries about the same thing as an event that was applied just now, and older than it.
    func supersedeParked(_ locked: inout LockedCase, by event: CallbackEvent) {
        let older = locked.parked.filter { $0.event.subject == event.subject && $0.event.created <= event.created }
        for delivery in older {
            close(delivery, .superseded, "A newer event about the same thing was applied.", requestID: nil)
        }
        locked.parked.removeAll { delivery in older.contains { $0.id == delivery.id } }
    }

    private func close(
        _ delivery: ParkedDelivery, _ status: DeliveryStatus, _ detail: String?, requestID: UUID?,
        districtID: UUID? = nil
    ) {
        transaction.execute(
            Query(
                "delivery.close",
                """
                UPDATE webhook_delivery SET status = \(status.rawValue), detail = \(detail), processed_at = \(now),
                    request_id = coalesce(\(requestID), request_id), district_id = coalesce(\(districtID), district_id)
                WHERE id = \(delivery.id)
                """))
    }
}
