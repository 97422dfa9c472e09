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
    /// About how many entries one statement walks: enough to lose no time between two, few enough to tell how far it is.
    private static let entriesInPart = 20_000

    /// Walks the trail in parts, whole chains each, so that the statement of each sees its chains as they are at one moment.
    /// - Returns: how many entries were checked, and the first fault; nil when the trail is whole.
    static func run(
        _ database: Database, _ progress: Progress = Progress(), entriesInPart: Int = entriesInPart
    ) async throws -> (entries: Int, fault: AuditFault?) {
        let estimate = try await database.query(
            Query("audit.count", "SELECT count(*) FROM audit_entry"), deadline: deadline)[0].get(0, as: Int.self)
        var (entries, faults, part): (Int, Faults, Range?) = (0, Faults(), Range())
        while var range = part {
            let ends = try await database.query(
                Query(
                    "audit.part",
                    """
                    SELECT chain_id FROM audit_entry WHERE \(range.holds("chain_id"))
                    ORDER BY chain_id OFFSET \(entriesInPart) LIMIT 1
                    """, isPlannedEachTime: true), deadline: deadline)
            range.last = try ends.first?.get(0)
            entries += try await walk(range, database, &faults)
            progress.report(entries, of: estimate)
            part = range.last.map { Range(after: $0) }
        }
        return (entries, faults.first)
    }

    private static let deadline = Duration.seconds(3600)

    /// Chains by their ids; those of requests and districts are the ids of these.
    private struct Range {
        var after: UUID?
        var last: UUID?

        func holds(_ column: SQL) -> SQL {
            let above: SQL = after.map { "\(column) > \($0)" } ?? "true"
            let below: SQL = last.map { "\(column) <= \($0)" } ?? "true"
            return "\(above) AND \(below)"
        }
    }

    /// The first of each kind.
    private struct Faults {
        var entry: (at: Date, id: UUID, text: String)?
        var request: (at: Date, id: UUID)?
        var district: (at: Date, id: UUID)?

        var first: AuditFault? {
            if let entry { return AuditFault(description: entry.text) }
            if let request {
                return AuditFault(
                    description:
                        "request \(Identifier.format(request.id)) is not what its entries say last: one was removed")
            }
            return district.map {
                AuditFault(description: "district \(Identifier.format($0.id)) has lost its entries")
            }
        }
    }

    /// Checks the chains of a part. - Returns: how many entries they have.
    private static func walk(_ range: Range, _ database: Database, _ faults: inout Faults) async throws -> Int {
        let answers = try await database.query(
            all: [entries(in: range), requests(in: range), districts(in: range)], deadline: deadline)
        let entry = answers[0][0]
        if let text = try entry.get(5, as: String?.self) {
            let (at, id) = (try entry.get(1, as: Date.self), try entry.get(2, as: UUID.self))
            if faults.entry.map({ (at, id.uuidString) < ($0.at, $0.id.uuidString) }) ?? true {
                let place = "number \(try entry.get(4, as: Int.self)) of chain \(Identifier.format(try entry.get(3)))"
                faults.entry = (at, id, "entry \(Identifier.format(id)), \(place): \(text)")
            }
        }
        func note(_ rows: Rows, _ fault: inout (at: Date, id: UUID)?) throws {
            guard let row = rows.first else { return }
            let found = (at: try row.get(0, as: Date.self), id: try row.get(1, as: UUID.self))
            if fault.map({ (found.at, found.id.uuidString) < ($0.at, $0.id.uuidString) }) ?? true { fault = found }
        }
        try note(answers[1], &faults.request)
        try note(answers[2], &faults.district)
        return try entry.get(0)
    }

    private static func entries(in range: Range) -> Query {
        Query(
            "audit.verify",
            """
            WITH walked AS MATERIALIZED (
                SELECT e, lag(e.hash) OVER chain AS previous, row_number() OVER chain AS expected
                FROM audit_entry e WHERE \(range.holds("chain_id"))
                WINDOW chain AS (PARTITION BY chain_id ORDER BY position)
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
            SELECT (SELECT count(*) FROM walked), first.at, first.id, first.chain_id, first.position, first.fault
            FROM (VALUES (1)) one LEFT JOIN LATERAL (
                SELECT * FROM faults WHERE fault IS NOT NULL ORDER BY at, id LIMIT 1) first ON true
            """, isPlannedEachTime: true)
    }

    private static func requests(in range: Range) -> Query {
        Query(
            "audit.verify requests",
            """
            SELECT r.created_at, r.id FROM request r CROSS JOIN LATERAL (
                SELECT jsonb_object_agg(m.key, m.value ORDER BY e.position) AS last
                FROM audit_entry e CROSS JOIN jsonb_each(e.after) m WHERE e.chain_id = r.id) told
            WHERE \(range.holds("r.id"))
                AND (told.last->>'state', told.last->>'message', told.last#>>'{requester,email}', told.last->'checklist')
                    IS DISTINCT FROM (r.state, r.message, r.requester_email, r.checklist::jsonb)
            ORDER BY r.created_at, r.id LIMIT 1
            """, isPlannedEachTime: true)
    }

    private static func districts(in range: Range) -> Query {
        Query(
            "audit.verify districts",
            """
            SELECT d.created_at, d.id FROM district d
            WHERE \(range.holds("d.id")) AND NOT EXISTS (SELECT FROM audit_entry e WHERE e.chain_id = d.id)
            ORDER BY d.created_at, d.id LIMIT 1
            """, isPlannedEachTime: true)
    }
}

extension Console {
    /// `hallpass audit verify`
    public func verifyAudit() async throws {
        try await withApplication { application in
            let (entries, fault) = try await withProgress("checking the audit trail") {
                try await VerifyAudit.run(application.database, $0)
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
