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
    /// SHA-256 of the bytes as sent: what tells a duplicate from a conflict, also when the bytes are gone.
    let digest: [UInt8]

    init(id: UUID, webhookID: String, body: [UInt8], contentType: String?, contentEncoding: String?) {
        self.id = id
        self.webhookID = webhookID
        self.body = body
        self.contentType = contentType
        self.contentEncoding = contentEncoding
        digest = Array(SHA256.hash(data: body))
    }

    /// Queues the row. `processed_at` is set for what needs no more work.
    func insert(
        _ status: DeliveryStatus, detail: String?, event: CallbackEvent?, applied: CallbackApplied?, _ work: Work
    ) {
        insert(
            status, detail: detail, type: event?.type, created: event?.created,
            cleverID: applied?.cleverID ?? event?.cleverID, event: event, applied: applied, work)
    }

    /// Queues the row of one that is rejected.
    func insert(_ rejection: CallbackRejection, _ work: Work) {
        insert(
            .rejected, detail: rejection.text, type: rejection.type, created: rejection.created,
            cleverID: rejection.cleverID, event: nil, applied: nil, work)
    }

    private func insert(
        _ status: DeliveryStatus, detail: String?, type: String?, created: Date?, cleverID: String?,
        event: CallbackEvent?, applied: CallbackApplied?, _ work: Work
    ) {
        let processedAt = status == .parked ? nil : work.now
        work.transaction.execute(
            Query(
                "delivery.insert",
                """
                INSERT INTO webhook_delivery (id, webhook_id, status, type, detail, created, received_at, processed_at,
                    request_id, district_id, clever_district_id, kind, external_id, content_type, content_encoding, body,
                    body_digest)
                VALUES (\(id), \(webhookID), \(status.rawValue), \(type), \(detail), \(created), \(work.now),
                    \(processedAt), \(applied?.requestID), \(applied?.districtID),
                    \(cleverID), \(event?.kind?.rawValue), \(event?.externalID),
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
