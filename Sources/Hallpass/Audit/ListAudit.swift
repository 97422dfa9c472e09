import Foundation
import Postgres

/// `GET /v1/audit`, newest first; filters `actor`, `action`, `request_id`, `since` (inclusive).
enum ListAudit {
    static let run: @Sendable (Call) async throws -> Answer = { call in
        let complaints = Complaints()
        var query = call.query(complaints)
        var conditions: [SQL] = []
        if let actor = query.string("actor") { conditions.append("actor = \(actor)") }
        if let action = query.string("action") { conditions.append("action = \(action)") }
        if let id = query.uuid("request_id") { conditions.append("request_id = \(id)") }
        if let since = query.instant("since") { conditions.append("at >= \(since)") }
        let page = try Page(&query, of: call)
        query.finish()
        try complaints.check()
        if let after = page.after {
            guard let at = after.key.flatMap({ Instant.parse($0) }) else { throw Cursor.unreadable }
            conditions.append("(at, id) < (\(at), \(after.id))")
        }
        let filter: SQL = conditions.isEmpty ? "" : "WHERE \(conditions.joined(" AND "))"
        let rows = try await call.read(
            Query(
                "audit.list",
                """
                SELECT id, at, actor, actor_role, action, request_id, district_id, before, after, http_request_id, hash
                FROM audit_entry \(filter) ORDER BY at DESC, id DESC LIMIT \(page.limit + 1)
                """))
        let entries = try rows.map(AuditEntry.init)
        return page.answer(
            entries, cursor: { Cursor(key: Instant.format($0.at), id: $0.id) }, write: { $0.write(to: &$1) })
    }
}

/// A row of the audit trail.
struct AuditEntry: Sendable {
    var id: UUID
    var at: Date
    private var actor: String
    private var actorRole: String?
    private var action: String
    private var requestID: UUID?
    private var districtID: UUID?
    private var before: String?
    private var after: String?
    private var httpRequestID: String?
    private var hash: [UInt8]

    init(_ row: Row) throws {
        id = try row.get(0)
        at = try row.get(1)
        actor = try row.get(2)
        actorRole = try row.get(3)
        action = try row.get(4)
        requestID = try row.get(5)
        districtID = try row.get(6)
        before = try row.get(7, as: JSONText?.self)?.text
        after = try row.get(8, as: JSONText?.self)?.text
        httpRequestID = try row.get(9)
        hash = try row.get(10)
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", Identifier.format(id))
            writer.member("at", Instant.format(at))
            writer.member("actor", actor)
            writer.member("actor_role", actorRole)
            writer.member("action", action)
            writer.member("request_id", requestID.map(Identifier.format))
            writer.member("district_id", districtID.map(Identifier.format))
            writer.member("before", json: before)
            writer.member("after", json: after)
            writer.member("http_request_id", httpRequestID)
            writer.member("hash", hash.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined())
        }
    }
}
