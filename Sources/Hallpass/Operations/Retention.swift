import Foundation
import Postgres

// What is kept no longer than it is needed, taken out a batch at a time so that nobody waits for it: stored answers of
// Idempotency-Keys after their 24 hours, bodies of done e-mails and callbacks (their rows and ids stay, a webhook-id for
// good), tokens that can no longer be used, and the shared data of requests that ended. One instance at a time holds the
// work, by a lease in the database that each turn renews; it passes to another when its holder has been silent a while.
// What a callback still waits for is never taken: a parked one keeps its body.

struct Retention: Sendable {
    static let leaseSeconds: TimeInterval = 120
    /// Unusable tokens are still listed for so long, so that "expired" can be told from "never was".
    static let tokenSeconds: TimeInterval = 30 * 86_400

    let application: Application
    let batch: Int
    private let holder = UUID()

    init(application: Application, batch: Int = 500) {
        self.application = application
        self.batch = batch
    }

    /// One batch of everything. True when there may be more at once.
    func turn() async throws -> Bool {
        let now = application.now()
        guard try await hold(now) else { return false }
        var mayBeMore = false
        for (what, query) in statements(now) {
            let rows = try await application.database.execute(query)
            if rows.affected > 0 { application.observe(.removed(what: what, count: rows.affected)) }
            mayBeMore = mayBeMore || rows.affected == batch
        }
        return try await retireSharedData(now) || mayBeMore
    }

    /// The lease: true when this instance has it.
    private func hold(_ now: Date) async throws -> Bool {
        let rows = try await application.database.execute(
            Query(
                "retention.hold",
                """
                INSERT INTO service_fact (name, value, updated_at)
                VALUES ('retention', jsonb_build_object('holder', \(holder)::uuid), \(now))
                ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
                WHERE service_fact.value = excluded.value
                    OR service_fact.updated_at < \(now.addingTimeInterval(-Self.leaseSeconds))
                """))
        return rows.affected == 1
    }

    private func statements(_ now: Date) -> [(String, Query)] {
        let bodies = now.addingTimeInterval(-Double(application.configuration.bodyRetentionDays) * 86_400)
        let keys = now.addingTimeInterval(-IdempotencyKey.lifetimeSeconds)
        let tokens = now.addingTimeInterval(-Self.tokenSeconds)
        return [
            (
                "idempotency_key",
                Query(
                    "retention.idempotency_keys",
                    """
                    DELETE FROM idempotency_key WHERE (token_id, key) IN (
                        SELECT token_id, key FROM idempotency_key WHERE created_at < \(keys)
                        ORDER BY created_at LIMIT \(batch) FOR UPDATE SKIP LOCKED)
                    """)
            ),
            (
                "email_body",
                Query(
                    "retention.email_bodies",
                    """
                    UPDATE email SET source = NULL WHERE id IN (
                        SELECT id FROM email WHERE source IS NOT NULL AND status NOT IN ('queued', 'sending')
                            AND created_at < \(bodies)
                        ORDER BY created_at LIMIT \(batch) FOR UPDATE SKIP LOCKED)
                    """)
            ),
            (
                "callback_body",
                Query(
                    "retention.callback_bodies",
                    """
                    UPDATE webhook_delivery SET body = NULL WHERE id IN (
                        SELECT id FROM webhook_delivery WHERE body IS NOT NULL AND status <> 'parked'
                            AND received_at < \(bodies)
                        ORDER BY received_at LIMIT \(batch) FOR UPDATE SKIP LOCKED)
                    """)
            ),
            (
                "token",
                // A revoked admin token stays: the hash is what keeps a configured HALLPASS_BOOTSTRAP_TOKEN revoked.
                Query(
                    "retention.tokens",
                    """
                    DELETE FROM token WHERE id IN (
                        SELECT id FROM token WHERE (revoked_at < \(tokens) OR expires_at < \(tokens))
                            AND NOT (role = 'admin' AND revoked_at IS NOT NULL)
                        ORDER BY id LIMIT \(batch) FOR UPDATE SKIP LOCKED)
                    """)
            ),
        ]
    }

    /// True when there may be more.
    private func retireSharedData(_ now: Date) async throws -> Bool {
        let ended = now.addingTimeInterval(-Double(application.configuration.sharedDataRetentionDays) * 86_400)
        let retired = try await SharedData.retire(application, endedBefore: ended)
        if retired > 0 { application.observe(.removed(what: "shared_data", count: retired)) }
        // Rows of what is obsolete, here and after a newer upload: some batches a turn, well within the lease.
        for _ in 0..<20 where try await !SharedData.deleteBatch(application) { return retired > 0 }
        return true
    }
}
