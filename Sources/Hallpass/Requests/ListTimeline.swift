import Foundation
import Integrations
import Postgres

/// `GET /v1/requests/{id}/timeline`: what happened, oldest first: the audit trail in words, notes, and e-mails with what the
/// mail server said.
enum ListTimeline {
    static let run: @Sendable (Call) async throws -> Answer = { call in
        let id = try call.id(of: "request")
        let complaints = Complaints()
        var query = call.query(complaints)
        let page = try Page(&query, of: call)
        query.finish()
        var condition: SQL = "true"
        if let after = page.after {
            guard let at = after.key.flatMap({ Instant.parse($0) }) else { throw Cursor.unreadable }
            condition = "(at, id) > (\(at), \(after.id))"
        }
        let answers = try await call.read(all: [
            Query("request.exists", "SELECT EXISTS (SELECT FROM request WHERE id = \(id))"),
            Query("timeline.list", Self.statement(id, condition, limit: page.limit + 1)),
        ])
        guard try answers[0][0].get(0, as: Bool.self) else { throw Problem.notFound("request") }
        try complaints.check()
        let entries = try answers[1].map(Entry.init)
        return page.answer(
            entries, cursor: { Cursor(key: Instant.format($0.at), id: $0.id) }, write: { $0.write(to: &$1) })
    }

    private static func statement(_ id: UUID, _ condition: SQL, limit: Int) -> SQL {
        """
        SELECT id, at, source, type, actor, text, data FROM (
            SELECT id, at, 'audit' AS source, action AS type, actor, '' AS text,
                jsonb_build_object('before', before, 'after', after) AS data
            FROM audit_entry WHERE request_id = \(id)
            UNION ALL
            SELECT id, at, 'note', type, actor, text, data FROM timeline_entry WHERE request_id = \(id)
            UNION ALL
            SELECT e.id, e.created_at, 'email', 'email', 'service', e.template,
                jsonb_build_object('email_id', e.id, 'template', e.template, 'to', e.recipient, 'subject', e.subject,
                    'status', e.status, 'next_attempt_at',
                    to_char(e.next_attempt_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'attempts', coalesce((
                        SELECT jsonb_agg(jsonb_build_object('at', to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                            'code', a.code, 'reply', a.reply) ORDER BY a.at, a.id)
                        FROM email_attempt a WHERE a.email_id = e.id), '[]'))
            FROM email e WHERE e.request_ids @> ARRAY[\(id)]::uuid[]
        ) AS entries WHERE \(condition) ORDER BY at, id LIMIT \(limit)
        """
    }

    private struct Entry: Sendable {
        var id: UUID
        var at: Date
        private var type: TimelineType
        private var actor: String
        private var text: String
        private var data: JSONValue

        init(_ row: Row) throws {
            id = try row.get(0)
            at = try row.get(1)
            actor = try row.get(4)
            let facts = try JSONParser.parse(Array(row.get(6, as: JSONText.self).text.utf8))
            data = facts
            let name = try row.get(3, as: String.self)
            switch try row.get(2, as: String.self) {
            case "audit": (type, text) = TimelineWords.of(action: name, actor: actor, data: facts)
            case "email":
                type = .email
                text = TimelineWords.ofEmail(facts)
            default:
                type = try RequestRows.known(name)
                text = try row.get(5)
            }
        }

        func write(to writer: inout JSONWriter) {
            writer.object { writer in
                writer.member("at", Instant.format(at))
                writer.member("type", type.rawValue)
                writer.member("actor", actor)
                writer.member("text", text)
                writer.member("data", data)
            }
        }
    }
}
