import Foundation
import Postgres

// Events are audit entries in the order in which they are told. The order must be one that no reader can miss a part of:
// transactions become visible in another order than they began in, so a number that the writer took could show up below
// one that a reader has already passed. Therefore writers number nothing. Whoever is woken numbers what is committed, one
// at a time by an advisory lock that is held until its commit is visible: so every number handed out is higher than all
// that can be seen, and whoever has waited for the lock sees what the one before has numbered. A number may be left out (a
// numbering that was rolled back), none comes twice, and none appears below one that was read.
//
// Entries of one chain are told in the chain's order, though clocks of instances differ.

/// Gives committed audit entries their numbers, and forgets them after a week.
enum EventNumbering {
    /// Entries to a transaction.
    static let batch = 1000
    static let lifetimeSeconds: TimeInterval = 7 * 86_400

    /// True when there may be more to number at once.
    static func number(_ database: Database) async throws -> Bool {
        let waiting = try await database.query(
            Query("events.waiting", "SELECT EXISTS (SELECT FROM event WHERE number IS NULL)"))
        guard try waiting[0].get(0, as: Bool.self) else { return false }
        let numbered = try await database.transaction("events.number", retry: .safe) { transaction in
            transaction.execute(Query("events.lock", "SELECT pg_advisory_xact_lock(7305804402566980706)"))
            return try await transaction.commit(with: [statement])[0].affected
        }
        return numbered == batch
    }

    private static let statement = Query(
        "events.number",
        """
        WITH untold AS (
            SELECT entry_id, at FROM event WHERE number IS NULL ORDER BY at, entry_id LIMIT \(batch)
        ), placed AS (
            SELECT u.entry_id, u.at, a.chain_id, a.position,
                max(u.at) OVER (PARTITION BY a.chain_id ORDER BY a.position) AS turn
            FROM untold u JOIN audit_entry a ON a.id = u.entry_id
        ), numbered AS (
            SELECT entry_id, at, nextval('event_number') AS number
            FROM (SELECT entry_id, at FROM placed ORDER BY turn, chain_id, position) AS ordered
        )
        UPDATE event e SET number = n.number FROM numbered n
        WHERE e.at = n.at AND e.entry_id = n.entry_id AND e.number IS NULL
        """)

    /// Forgets events older than `lifetimeSeconds`, and remembers up to where, so that who comes back with one is told.
    static func prune(_ database: Database, now: Date) async throws {
        let cutoff = now.addingTimeInterval(-lifetimeSeconds)
        try await database.execute(
            Query(
                "events.prune",
                """
                WITH pruned AS (
                    DELETE FROM event WHERE number < coalesce(
                        (SELECT number FROM event WHERE number IS NOT NULL AND at >= \(cutoff) ORDER BY number LIMIT 1),
                        9223372036854775807)
                    RETURNING number
                )
                INSERT INTO service_fact (name, value, updated_at)
                SELECT 'events_pruned', to_jsonb(max(number)), \(now) FROM pruned HAVING max(number) IS NOT NULL
                ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
                """))
    }
}
