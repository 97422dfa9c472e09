import Foundation
import Postgres

// Every chain is walked in order: positions without a gap, each digest the digest of what the entry says, each hash the hash
// over the one before. An erased entry says nothing any more, so its digest is taken as it is, but only where its chain's
// request or district has really gone. The end of a chain has no successor to vouch for it, so a request must be what its
// entries say last, and a district must have entries.

/// The first thing wrong with the audit trail.
struct AuditFault: Sendable, Hashable, CustomStringConvertible {
    var description: String
}

enum VerifyAudit {
    /// Nil when the trail is whole. - Returns: how many entries were checked, and the first fault.
    static func run(_ database: Database) async throws -> (entries: Int, fault: AuditFault?) {
        let rows = try await database.query(
            Query(
                "audit.verify",
                """
                WITH walked AS (
                    SELECT e, lag(e.hash) OVER chain AS previous, row_number() OVER chain AS expected
                    FROM audit_entry e WINDOW chain AS (PARTITION BY chain_id ORDER BY position)
                ), faults AS (
                    SELECT (e).id, (e).chain_id, (e).position, (e).at, CASE
                        WHEN (e).position <> expected THEN 'an entry before it was removed'
                        WHEN NOT (e).erased AND (e).digest <> audit_digest(e) THEN 'it was altered'
                        WHEN (e).hash <> audit_hash(e, previous) THEN 'it was altered, or one before it removed or inserted'
                        WHEN (e).erased AND (EXISTS (SELECT FROM request r WHERE r.id = (e).chain_id)
                            OR EXISTS (SELECT FROM district d WHERE d.id = (e).chain_id))
                            THEN 'it was emptied without an erasure'
                    END AS fault
                    FROM walked
                )
                SELECT id, chain_id, position, fault FROM faults WHERE fault IS NOT NULL
                ORDER BY at, id LIMIT 1
                """), deadline: .seconds(3600))
        let counts = try await database.query(
            Query(
                "audit.count",
                """
                SELECT (SELECT count(*) FROM audit_entry), (
                    SELECT r.id FROM request r CROSS JOIN LATERAL (
                        SELECT jsonb_object_agg(m.key, m.value ORDER BY e.position) AS last
                        FROM audit_entry e CROSS JOIN jsonb_each(e.after) m WHERE e.chain_id = r.id) told
                    WHERE (told.last->>'state', told.last->>'message', told.last#>>'{requester,email}', told.last->'checklist')
                        IS DISTINCT FROM (r.state, r.message, r.requester_email, r.checklist)
                    ORDER BY r.created_at, r.id LIMIT 1), (
                    SELECT d.id FROM district d WHERE NOT EXISTS (SELECT FROM audit_entry e WHERE e.chain_id = d.id)
                    ORDER BY d.created_at, d.id LIMIT 1)
                """), deadline: .seconds(3600))
        let count = try counts[0].get(0, as: Int.self)
        if let row = rows.first {
            let text =
                "entry \(Identifier.format(try row.get(0))), number \(try row.get(2, as: Int.self)) of chain "
                + "\(Identifier.format(try row.get(1))): \(try row.get(3, as: String.self))"
            return (count, AuditFault(description: text))
        }
        if let request = try counts[0].get(1, as: UUID?.self) {
            return (
                count,
                AuditFault(
                    description:
                        "request \(Identifier.format(request)) is not what its entries say last: one was removed")
            )
        }
        if let district = try counts[0].get(2, as: UUID?.self) {
            return (count, AuditFault(description: "district \(Identifier.format(district)) has lost its entries"))
        }
        return (count, nil)
    }
}

extension Console {
    /// `hallpass audit verify`
    public func verifyAudit() async throws {
        try await withApplication { application in
            let (entries, fault) = try await withProgress("checking the audit trail") {
                try await VerifyAudit.run(application.database)
            }
            if let fault { throw StartError("the audit trail is broken: \(fault)") }
            if isJSON {
                say(json: { $0.object { $0.member("entries", entries) } })
            } else {
                say("\(entries) entries, every chain whole")
            }
        }
    }
}
