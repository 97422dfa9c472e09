import Foundation
import Postgres

/// A message that this process has claimed.
struct QueuedMail: Sendable {
    var id: UUID
    var recipient: String
    var messageID: String
    var source: [UInt8]
    /// Those that counted so far.
    var attempts: Int
    /// Nil before the first that counted.
    var firstAttemptAt: Date?
    /// Of the change that wrote it.
    var httpRequestID: String?
}

/// What the outbox worker says to the database.
struct OutboxStatements: Sendable {
    let database: Database
    /// Whose leases these are: one worker's of one process.
    let owner: UUID

    func claim(_ limit: Int, now: Date) async throws -> [QueuedMail] {
        try await run(claiming(limit, now: now)).map { row in
            QueuedMail(
                id: try row.get(0), recipient: try row.get(1), messageID: try row.get(2),
                source: try row.get(3, as: [UInt8]?.self) ?? [], attempts: try row.get(4),
                firstAttemptAt: try row.get(5), httpRequestID: try row.get(6))
        }.sorted { $0.id < $1.id }
    }

    func claiming(_ limit: Int, now: Date) -> Query {
        Query(
            "email.claim",
            """
            UPDATE email SET status = 'sending', next_attempt_at = NULL, lease_owner = \(owner),
                lease_until = \(now.addingTimeInterval(OutboxWorker.leaseSeconds))
            WHERE id = ANY(ARRAY(SELECT id FROM email WHERE status = 'queued' AND next_attempt_at <= \(now)
                ORDER BY next_attempt_at, id LIMIT \(limit) FOR UPDATE SKIP LOCKED))
            RETURNING id, recipient, message_id, source, attempts, first_attempt_at, http_request_id
            """)
    }

    func renew(_ ids: [UUID], now: Date) async throws { _ = try await run(renewing(ids, now: now)) }

    func renewing(_ ids: [UUID], now: Date) -> Query {
        Query(
            "email.renew",
            """
            UPDATE email SET lease_until = \(now.addingTimeInterval(OutboxWorker.leaseSeconds))
            WHERE id = ANY(\(ids)) AND lease_owner = \(owner) AND status = 'sending'
            """)
    }

    /// What has outlived its lease is due again. - Parameter except: what this process still works on, however late.
    func takeOver(except ids: [UUID], now: Date) async throws -> Int {
        try await run(takingOver(except: ids, now: now)).affected
    }

    func takingOver(except ids: [UUID], now: Date) -> Query {
        Query(
            "email.take_over",
            """
            UPDATE email SET status = 'queued', next_attempt_at = \(now), lease_until = NULL, lease_owner = NULL
            WHERE status = 'sending' AND lease_until < \(now) AND id <> ALL(\(ids))
            """)
    }

    /// Writes what became of messages. A message that the server took is `sent` whoever holds it now; everything else is
    /// written only under the lease. A message that is gone (its district was erased) is passed over.
    func record(_ results: [MailResult]) async throws { _ = try await run(recording(results)) }

    func recording(_ results: [MailResult]) -> Query {
        Query(
            "email.record",
            """
            WITH result AS (
                SELECT * FROM unnest(\(results.map(\.id)), \(results.map(\.status)), \(results.map(\.at)),
                    \(results.map(\.nextAttemptAt)), \(results.map(\.isAttempt)), \(results.map(\.code)),
                    \(results.map(\.reply)), \(results.map(\.attemptID)))
                    AS r (id, status, at, next_attempt_at, is_attempt, code, reply, attempt_id)
            ), written AS (
                UPDATE email e SET status = r.status,
                    sent_at = CASE WHEN r.status = 'sent' THEN r.at END,
                    next_attempt_at = CASE WHEN r.status = 'queued' THEN r.next_attempt_at END,
                    attempts = e.attempts + r.is_attempt::integer,
                    first_attempt_at = CASE WHEN r.is_attempt THEN coalesce(e.first_attempt_at, r.at)
                        ELSE e.first_attempt_at END,
                    lease_until = NULL, lease_owner = NULL
                FROM result r
                WHERE e.id = r.id AND (e.status = 'sending' AND e.lease_owner = \(owner)
                    OR r.status = 'sent' AND e.status <> 'sent')
                RETURNING e.id
            )
            INSERT INTO email_attempt (id, email_id, at, code, reply)
            SELECT r.attempt_id, r.id, r.at, nullif(r.code, 0), r.reply
            FROM result r JOIN written w ON w.id = r.id WHERE r.is_attempt
            """)
    }

    /// Runs a statement by way of the indexes made for it. A queue that has grown all at once is not in the planner's
    /// statistics yet, and a plan made while the table was small stays: believing that there are few messages, it would read
    /// all of them, and sort them, for every 64.
    func run(_ query: Query) async throws -> Rows {
        try await database.transaction(query.name) { transaction in
            transaction.execute(
                Query(
                    "email plan",
                    """
                    SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
                        set_config('enable_sort', 'off', true)
                    """))
            return try await transaction.commit(with: [query])[0]
        }
    }
}
