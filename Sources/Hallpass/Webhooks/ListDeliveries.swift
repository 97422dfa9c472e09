import Foundation
import HTTPServer
import HTTPTypes
import Postgres

/// `GET /v1/webhook-deliveries[/{id}[/payload]]`: the archive of what callbacks sent.
enum ListDeliveries {
    private static let columns: SQL = """
        id, webhook_id, status, type, detail, created, received_at, processed_at, request_id, replays
        """

    static let list: @Sendable (Call) async throws -> Answer = { call in
        let complaints = Complaints()
        var query = call.query(complaints)
        let status = query.choices("status", StoredStatus.self)
        let type = query.string("type")
        let since = query.instant("since")
        let page = try Page(&query, of: call)
        query.finish()
        try complaints.check()
        var conditions: [SQL] = []
        if let status {
            // One by itself is read in the index's order.
            let names = status.map(\.rawValue)
            conditions.append(names.count == 1 ? "status = \(names[0])" : "status = ANY(\(names))")
        }
        if let type { conditions.append("type = \(type)") }
        if let since { conditions.append("received_at >= \(since)") }
        if let after = page.after {
            guard let receivedAt = after.key.flatMap({ Instant.parse($0) }) else { throw Cursor.unreadable }
            conditions.append("(received_at, id) < (\(receivedAt), \(after.id))")
        }
        let filter: SQL = conditions.isEmpty ? "" : "WHERE \(conditions.joined(" AND "))"
        let rows = try await call.read(
            Query(
                "delivery.list",
                """
                SELECT \(columns) FROM webhook_delivery \(filter)
                ORDER BY received_at DESC, id DESC LIMIT \(page.limit + 1)
                """))
        let deliveries = try rows.map(StoredDelivery.init)
        return page.answer(
            deliveries, cursor: { Cursor(key: Instant.format($0.receivedAt), id: $0.id) },
            write: { $0.write(to: &$1) })
    }

    static let get: @Sendable (Call) async throws -> Answer = { call in
        let id = try call.id(of: "webhook delivery")
        let rows = try await call.read(
            Query("delivery.get", "SELECT \(columns) FROM webhook_delivery WHERE id = \(id)"))
        guard let row = rows.first else { throw Problem.notFound("webhook delivery") }
        try call.refuseQuery()
        let delivery = try StoredDelivery(row)
        return .json { delivery.write(to: &$0) }
    }

    /// The bytes as sent, with the `Content-Type` and `Content-Encoding` they came with.
    static let payload: @Sendable (Call) async throws -> Answer = { call in
        let id = try call.id(of: "webhook delivery")
        try call.refuseQuery()
        let rows = try await call.read(
            Query(
                "delivery.payload",
                "SELECT content_type, content_encoding, body FROM webhook_delivery WHERE id = \(id)"))
        guard let row = rows.first, let body = try row.get(2, as: [UInt8]?.self) else {
            throw Problem.notFound("payload: the delivery is unknown, or its body was removed by retention or erasure")
        }
        var answer = Answer(status: 200)
        let contentType = try row.get(0, as: String?.self) ?? "application/octet-stream"
        answer.headerFields[.contentEncoding] = try row.get(1, as: String?.self)
        // The bytes as they are: no coding of ours on top.
        answer.headerFields[.cacheControl] = "no-transform"
        answer.body = .other(contentType: contentType, .bytes(try Zlib.uncompress(body)))
        return answer
    }

    private enum StoredStatus: String, CaseIterable {
        case processed, ignored, superseded, parked, rejected, conflict
    }
}

/// A row of the archive, without its bytes.
struct StoredDelivery: Sendable {
    var id: UUID
    var receivedAt: Date
    private var webhookID: String
    private var status: String
    private var type: String?
    private var detail: String?
    private var created: Date?
    private var processedAt: Date?
    private var requestID: UUID?
    private var replays: Int

    init(_ row: Row) throws {
        id = try row.get(0)
        webhookID = try row.get(1)
        status = try row.get(2)
        type = try row.get(3)
        detail = try row.get(4)
        created = try row.get(5)
        receivedAt = try row.get(6)
        processedAt = try row.get(7)
        requestID = try row.get(8)
        replays = try row.get(9)
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", Identifier.format(id))
            writer.member("webhook_id", webhookID)
            writer.member("type", type)
            writer.member("status", status)
            writer.member("detail", detail)
            writer.member("created", created.map(Instant.format))
            writer.member("received_at", Instant.format(receivedAt))
            writer.member("processed_at", processedAt.map(Instant.format))
            writer.member("request_id", requestID.map(Identifier.format))
            writer.member("replays", replays)
        }
    }
}
