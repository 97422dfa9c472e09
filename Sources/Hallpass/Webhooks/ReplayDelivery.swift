import Foundation
import Integrations
import Postgres

/// `POST /v1/webhook-deliveries/{id}/replay`: through the same code as the first time. One that was processed is a
/// `duplicate`; a conflict has nothing that could be applied.
///
/// The delivery is read, then what its event is about is locked as for a callback, and only then its row: whoever applies a
/// parked delivery holds its district before it writes the row.
enum ReplayDelivery {
    static let run: @Sendable (Change) async throws -> Answer = { change in
        let id = try change.call.id(of: "webhook delivery")
        let rows = try await change.load([
            Query(
                "delivery.to_replay",
                "SELECT status, content_encoding, body FROM webhook_delivery WHERE id = \(id)")
        ])
        guard let row = rows[0].first else { throw Problem.notFound("webhook delivery") }
        try change.noInput()
        let status: DeliveryStatus = try RequestRows.known(row.get(0))
        if status == .processed {
            note(.duplicate, of: id, change.work)
            return answer(id, .duplicate)
        }
        guard status != .conflict, let body = try row.get(2, as: [UInt8]?.self) else {
            throw Problem(
                status: 409, code: .deliveryNotReplayable,
                detail:
                    "This delivery has nothing to apply: its webhook-id belongs to another body, or its bytes were removed.",
                members: [.init(name: "delivery_status", value: .string(status.rawValue))])
        }
        let outcome = try await apply(body, encoding: row.get(1, as: String?.self), id: id, work: change.work)
        note(outcome, of: id, change.work)
        return answer(id, outcome)
    }

    private static func answer(_ id: UUID, _ status: DeliveryStatus) -> Answer {
        .json { writer in
            writer.object { writer in
                writer.member("delivery_id", Identifier.format(id))
                writer.member("status", status.rawValue)
            }
        }
    }

    private static func apply(
        _ body: [UInt8], encoding: String?, id: UUID, work: Work
    ) async throws -> DeliveryStatus {
        let event: CallbackEvent
        do {
            event = try CallbackReader.read(ArchivedBody.plain(Zlib.uncompress(body), encoding: encoding))
        } catch let rejection as CallbackRejection {
            return reject(id, rejection, work)
        } catch {
            return reject(id, CallbackRejection(detail: "The body's gzip data is damaged."), work)
        }
        var file = CallbackFile(event, replayed: id, work: work)
        let locks = file.queries
        let row = Query("delivery.lock_row", "SELECT status FROM webhook_delivery WHERE id = \(id) FOR UPDATE")
        let locked = try await work.transaction.query(all: locks + [row])
        guard let status = try locked[locks.count].first?.get(0, as: String.self) else {
            throw Problem.notFound("webhook delivery")
        }
        if status == DeliveryStatus.processed.rawValue { return .duplicate }
        let author = work.author
        work.author = .delivery(id)
        defer { work.author = author }
        do {
            let applied = try await file.apply(locked.prefix(locks.count))
            store(id, applied.status, applied.detail, event: event, applied: applied, work)
            try await file.finish()
            return applied.status
        } catch let refusal as Refusal {
            return reject(id, CallbackRejection(refusal, of: event), work)
        }
    }

    private static func reject(_ id: UUID, _ rejection: CallbackRejection, _ work: Work) -> DeliveryStatus {
        store(id, .rejected, rejection.text, event: nil, applied: nil, work)
        return .rejected
    }

    /// In the service's chain, whose lock is the last one taken.
    private static func note(_ outcome: DeliveryStatus, of id: UUID, _ work: Work) {
        work.transaction.execute(
            Query("delivery.count_replay", "UPDATE webhook_delivery SET replays = replays + 1 WHERE id = \(id)"))
        work.lockServiceChain()
        var after = JSONWriter()
        after.object { writer in
            writer.member("delivery_id", Identifier.format(id))
            writer.member("status", outcome.rawValue)
        }
        work.audit("delivery.replay", after: JSONText(String(decoding: after.bytes, as: UTF8.self)))
    }

    private static func store(
        _ id: UUID, _ status: DeliveryStatus, _ detail: String?, event: CallbackEvent?, applied: CallbackApplied?,
        _ work: Work
    ) {
        let processedAt = status == .parked ? nil : work.now
        work.transaction.execute(
            Query(
                "delivery.replayed",
                """
                UPDATE webhook_delivery SET status = \(status.rawValue), detail = \(detail), processed_at = \(processedAt),
                    type = coalesce(\(event?.type), type), created = coalesce(\(event?.created), created),
                    request_id = coalesce(\(applied?.requestID), request_id),
                    district_id = coalesce(\(applied?.districtID), district_id),
                    clever_district_id = coalesce(\(applied?.cleverID ?? event?.cleverID), clever_district_id),
                    kind = coalesce(\(event?.kind?.rawValue), kind),
                    external_id = coalesce(\(event?.externalID), external_id)
                WHERE id = \(id)
                """))
    }
}
