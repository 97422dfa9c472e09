import Crypto
import Foundation
import Integrations
import Postgres

/// A delivery as it arrived; its row in the archive holds the bytes, compressed with zlib.
struct Delivery: Sendable {
    let id: UUID
    let webhookID: String
    let body: [UInt8]
    let contentType: String?
    let contentEncoding: String?

    var digest: [UInt8] { Array(SHA256.hash(data: body)) }

    /// Queues the row. `processed_at` is set for what needs no more work.
    func insert(
        _ status: DeliveryStatus, detail: String?, event: CallbackEvent?, applied: CallbackApplied?, _ work: Work
    ) {
        let processedAt = status == .parked ? nil : work.now
        work.transaction.execute(
            Query(
                "delivery.insert",
                """
                INSERT INTO webhook_delivery (id, webhook_id, status, type, detail, created, received_at, processed_at,
                    request_id, district_id, clever_district_id, kind, external_id, content_type, content_encoding, body,
                    body_digest)
                VALUES (\(id), \(webhookID), \(status.rawValue), \(event?.type), \(detail), \(event?.created), \(work.now),
                    \(processedAt), \(applied?.requestID), \(applied?.districtID),
                    \(applied?.cleverID ?? event?.cleverID), \(event?.kind?.rawValue), \(event?.externalID),
                    \(contentType), \(contentEncoding), \(Zlib.compress(body)), \(digest))
                """))
    }
}

/// What an event came to.
struct CallbackApplied: Sendable {
    var status: DeliveryStatus
    /// Why, for whoever reads the archive; nil when it was simply done.
    var detail: String?
    var requestID: UUID?
    var districtID: UUID?
    var cleverID: String?
}
