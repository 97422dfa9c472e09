import Foundation
import HTTPServer
import Integrations
import Postgres

/// `GET /v1/emails[/{id}[/source]]`
enum ListEmails {
    private enum Status: String, CaseIterable {
        case queued, sending, sent, failed, cancelled
    }

    static let columns: SQL = """
        e.id, e.request_ids, e.district_id, e.template, e.recipient, e.subject, e.status, e.message_id, e.next_attempt_at,
        e.created_at, e.sent_at, coalesce((SELECT jsonb_agg(jsonb_build_object(
            'at', to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'code', a.code, 'reply', a.reply)
            ORDER BY a.at, a.id) FROM email_attempt a WHERE a.email_id = e.id), '[]')
        """

    static let list: @Sendable (Call) async throws -> Answer = { call in
        let complaints = Complaints()
        var query = call.query(complaints)
        var conditions: [SQL] = []
        if let statuses = query.choices("status", Status.self) {
            conditions.append("e.status = ANY(\(statuses.map(\.rawValue)))")
        }
        if let id = query.uuid("request_id") { conditions.append("e.request_ids @> ARRAY[\(id)]::uuid[]") }
        if let template = query.string("template") { conditions.append("e.template = \(template)") }
        let page = try Page(&query, of: call)
        query.finish()
        try complaints.check()
        if let after = page.after {
            guard let at = after.key.flatMap({ Instant.parse($0) }) else { throw Cursor.unreadable }
            conditions.append("(e.created_at, e.id) < (\(at), \(after.id))")
        }
        let filter: SQL = conditions.isEmpty ? "" : "WHERE \(conditions.joined(" AND "))"
        let rows = try await call.read(
            Query(
                "email.list",
                """
                SELECT \(columns) FROM email e \(filter) ORDER BY e.created_at DESC, e.id DESC LIMIT \(page.limit + 1)
                """))
        let emails = try rows.map(StoredEmail.init)
        return page.answer(
            emails, cursor: { Cursor(key: Instant.format($0.createdAt), id: $0.id) }, write: { $0.write(to: &$1) })
    }

    static let get: @Sendable (Call) async throws -> Answer = { call in
        let id = try call.id(of: "e-mail")
        let rows = try await call.read(
            Query("email.get", "SELECT \(columns) FROM email e WHERE e.id = \(id)"))
        guard let row = rows.first else { throw Problem.notFound("e-mail") }
        try call.refuseQuery()
        let email = try StoredEmail(row)
        return .json { email.write(to: &$0) }
    }

    /// The message as it goes out.
    static let source: @Sendable (Call) async throws -> Answer = { call in
        let id = try call.id(of: "e-mail")
        let rows = try await call.read(
            Query("email.source", "SELECT source FROM email WHERE id = \(id)"))
        guard let source = try rows.first?.get(0, as: [UInt8]?.self) else {
            throw Problem.notFound("message: the e-mail is unknown, or its text was removed by retention")
        }
        try call.refuseQuery()
        return Answer(status: 200, body: .other(contentType: "message/rfc822", .bytes(source)))
    }
}

/// A row of the outbox with its attempts.
struct StoredEmail: Sendable {
    var id: UUID
    var createdAt: Date
    private(set) var status: String
    private var requestIDs: [UUID]
    private var districtID: UUID?
    private var template: String
    private var recipient: String
    private var subject: String
    private var messageID: String
    private var nextAttemptAt: Date?
    private var sentAt: Date?
    private var attempts: String

    init(_ row: Row) throws {
        id = try row.get(0)
        requestIDs = try row.get(1)
        districtID = try row.get(2)
        template = try row.get(3)
        recipient = try row.get(4)
        subject = try row.get(5)
        status = try row.get(6)
        messageID = try row.get(7)
        nextAttemptAt = try row.get(8)
        createdAt = try row.get(9)
        sentAt = try row.get(10)
        attempts = try row.get(11, as: JSONText.self).text
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", Identifier.format(id))
            writer.member(
                "request_ids", array: { writer in for id in requestIDs { writer.string(Identifier.format(id)) } })
            writer.member("district_id", districtID.map(Identifier.format))
            writer.member("template", template)
            writer.member("to", recipient)
            writer.member("subject", subject)
            writer.member("status", status)
            writer.member("message_id", "<\(messageID)>")
            writer.member("attempts", json: attempts)
            writer.member("next_attempt_at", nextAttemptAt.map(Instant.format))
            writer.member("created_at", Instant.format(createdAt))
            writer.member("sent_at", sentAt.map(Instant.format))
        }
    }
}
