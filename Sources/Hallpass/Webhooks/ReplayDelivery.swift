import Foundation
import Integrations
import Postgres

/// `POST /v1/webhook-deliveries/{id}/replay`: through the same code as the first time. One that was processed is a
/// `duplicate`; a conflict has nothing that could be applied.
enum ReplayDelivery {
    static let run: @Sendable (Change) async throws -> Answer = { change in
        let id = try change.call.id(of: "webhook delivery")
        let rows = try await change.load([
            Query(
                "delivery.lock_row",
                """
                SELECT status, content_encoding, body FROM webhook_delivery WHERE id = \(id) FOR UPDATE
                """)
        ])
        guard let row = rows[0].first else { throw Problem.notFound("webhook delivery") }
        try change.noInput()
        let work = change.work
        let status: DeliveryStatus = try RequestRows.known(row.get(0))
        work.lockServiceChain()
        work.audit("delivery.replay", after: JSONText(#"{"delivery_id":"\#(Identifier.format(id))"}"#))
        work.transaction.execute(
            Query("delivery.count_replay", "UPDATE webhook_delivery SET replays = replays + 1 WHERE id = \(id)"))
        if status == .processed { return answer(id, .duplicate) }
        guard status != .conflict, let body = try row.get(2, as: [UInt8]?.self) else {
            throw Problem(
                status: 409, code: .deliveryNotReplayable,
                detail:
                    "This delivery has nothing to apply: its webhook-id belongs to another body, or its bytes were removed.",
                members: [.init(name: "delivery_status", value: .string(status.rawValue))])
        }
        let outcome = try await apply(body, encoding: row.get(1, as: String?.self), id: id, work: work)
        return answer(id, outcome)
    }

    private static func apply(
        _ body: [UInt8], encoding: String?, id: UUID, work: Work
    ) async throws -> DeliveryStatus {
        let author = work.author
        work.author = .delivery(id)
        defer { work.author = author }
        do {
            let event = try CallbackReader.read(ArchivedBody.plain(Zlib.uncompress(body), encoding: encoding))
            // It is taken out of what is parked first, so that it is not applied twice.
            store(id, .processed, nil, event: event, applied: nil, work)
            var file = CallbackFile(work: work)
            let applied = try await file.apply(event)
            store(id, applied.status, applied.detail, event: event, applied: applied, work)
            try await file.finish()
            return applied.status
        } catch let rejection as CallbackRejection {
            store(id, .rejected, rejection.text, event: nil, applied: nil, work)
            return .rejected
        } catch let refusal as Refusal {
            store(id, .rejected, CallbackRejection(refusal).text, event: nil, applied: nil, work)
            return .rejected
        }
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

    private static func answer(_ id: UUID, _ status: DeliveryStatus) -> Answer {
        .json { writer in
            writer.object { writer in
                writer.member("delivery_id", Identifier.format(id))
                writer.member("status", status.rawValue)
            }
        }
    }
}
