import Foundation
import Logging
import Mail
import Postgres
import Synchronization

// Delivers the outbox. Any number of instances share it: rows are claimed with SKIP LOCKED under a lease that is renewed
// while the process lives, so what a dead one left in `sending` is taken up when its lease has run out. A message goes to the
// server outside any transaction; what became of it is written in one transaction, guarded by the lease. Between the server's
// 250 and that commit lies the one moment in which a crash sends a message again, with the same Message-ID.

final class OutboxWorker: Sendable {
    static let leaseSeconds: TimeInterval = 45
    private static let batch = 64

    private struct State {
        /// Set while the server cannot be used: nothing is claimed before.
        var pausedUntil: Date?
        var troubles = 0
    }

    private let application: Application
    private let delivery: any MailDelivery
    private let owner = UUID()
    private let state = Mutex(State())

    init(application: Application, delivery: any MailDelivery) {
        self.application = application
        self.delivery = delivery
    }

    private struct Claimed: Sendable {
        var id: UUID
        var recipient: String
        var messageID: String
        var source: [UInt8]
        var attempts: Int
        var createdAt: Date
    }

    /// Claims what is due and delivers it. True when there may be more at once.
    func turn() async throws -> Bool {
        let now = application.now()
        if let pausedUntil = state.withLock({ $0.pausedUntil }), pausedUntil > now { return false }
        try await takeOver(now)
        let claimed = try await claim(now)
        if claimed.isEmpty { return false }
        await withTaskGroup(of: Void.self) { group in
            var rest = claimed[...]
            for mail in rest.prefix(delivery.parallel) { group.addTask { await self.deliver(mail) } }
            rest = rest.dropFirst(delivery.parallel)
            while await group.next() != nil {
                if let mail = rest.popFirst() { group.addTask { await self.deliver(mail) } }
            }
        }
        return claimed.count == Self.batch && state.withLock { $0.pausedUntil == nil }
    }

    /// Renews the leases of what is under way. To be called well within `leaseSeconds`.
    func renewLeases() async throws {
        let now = application.now()
        _ = try await application.database.execute(
            Query(
                "email.renew",
                """
                UPDATE email SET lease_until = \(now.addingTimeInterval(Self.leaseSeconds))
                WHERE lease_owner = \(owner) AND status = 'sending'
                """))
    }

    /// What a dead process left behind is due again.
    private func takeOver(_ now: Date) async throws {
        let rows = try await application.database.execute(
            Query(
                "email.take_over",
                """
                UPDATE email SET status = 'queued', next_attempt_at = \(now), lease_until = NULL, lease_owner = NULL
                WHERE status = 'sending' AND lease_until < \(now)
                """))
        if rows.affected > 0 {
            application.logger.warning(
                "e-mails taken over from a dead process", metadata: ["count": "\(rows.affected)"])
        }
    }

    private func claim(_ now: Date) async throws -> [Claimed] {
        let rows = try await application.database.execute(
            Query(
                "email.claim",
                """
                UPDATE email SET status = 'sending', next_attempt_at = NULL, lease_owner = \(owner),
                    lease_until = \(now.addingTimeInterval(Self.leaseSeconds))
                WHERE id IN (SELECT id FROM email WHERE status = 'queued' AND next_attempt_at <= \(now)
                    ORDER BY next_attempt_at, id LIMIT \(Self.batch) FOR UPDATE SKIP LOCKED)
                RETURNING id, recipient, message_id, source, attempts, created_at
                """))
        return try rows.map { row in
            Claimed(
                id: try row.get(0), recipient: try row.get(1), messageID: try row.get(2),
                source: try row.get(3, as: [UInt8]?.self) ?? [], attempts: try row.get(4), createdAt: try row.get(5))
        }
    }

    private func deliver(_ mail: Claimed) async {
        if state.withLock({ $0.pausedUntil != nil && $0.troubles > 0 }), await requeueWhilePaused(mail) { return }
        let outcome = await delivery.deliver(mail.source, messageID: mail.messageID, to: mail.recipient)
        let now = application.now()
        note(outcome, now)
        var delay = 0.1
        while true {
            do {
                try await record(outcome, of: mail, now)
                return
            } catch {
                // The database is away: the lease is renewed meanwhile, and what we know is not forgotten.
                application.logger.warning(
                    "an e-mail's outcome is not written yet",
                    metadata: ["email": "\(Identifier.format(mail.id))", "error": "\(error)"])
                do { try await Task.sleep(for: .seconds(delay)) } catch { return }
                delay = min(5, delay * 2)
            }
        }
    }

    /// The server was found unusable while this one waited for its turn: it goes back untried.
    private func requeueWhilePaused(_ mail: Claimed) async -> Bool {
        do {
            try await record(.serverTrouble(.unreachable, text: ""), of: mail, application.now())
            return true
        } catch {
            return false
        }
    }

    private func note(_ outcome: SMTPOutcome, _ now: Date) {
        guard case .serverTrouble(let trouble, let text) = outcome else {
            state.withLock { state in
                state.troubles = 0
                state.pausedUntil = nil
            }
            return
        }
        let seconds = state.withLock { state in
            state.troubles += 1
            let seconds = RetrySchedule.pauseSeconds(after: state.troubles)
            state.pausedUntil = now.addingTimeInterval(seconds)
            return seconds
        }
        application.logger.warning(
            "mail server unusable, the outbox waits",
            metadata: ["trouble": "\(trouble.rawValue)", "reply": "\(text)", "seconds": "\(Int(seconds))"])
    }

    private func record(_ outcome: SMTPOutcome, of mail: Claimed, _ now: Date) async throws {
        let (id, owner) = (mail.id, owner)
        let attempt: (code: Int?, reply: String)?
        let change: SQL
        switch outcome {
        case .accepted(let code, let reply):
            attempt = (code, reply)
            change = "status = 'sent', sent_at = \(now), attempts = attempts + 1"
        case .permanentRefusal(let code, let reply):
            attempt = (code, reply)
            change = "status = 'failed', attempts = attempts + 1"
        case .temporaryRefusal(let code, let reply):
            attempt = (code, reply)
            change = retry(mail, now)
        case .connectionLost(let text):
            attempt = (nil, text)
            change = retry(mail, now)
        case .serverTrouble:
            attempt = nil
            change = "status = 'queued', next_attempt_at = \(now)"
        }
        try await application.database.transaction("email outcome", retry: .safe) { transaction in
            let rows = try await transaction.query(
                Query(
                    "email.outcome",
                    """
                    UPDATE email SET \(change), lease_until = NULL, lease_owner = NULL
                    WHERE id = \(id) AND lease_owner = \(owner) AND status = 'sending'
                    """))
            guard rows.affected == 1, let attempt else { return }
            transaction.execute(
                Query(
                    "email.attempt",
                    """
                    INSERT INTO email_attempt (id, email_id, at, code, reply)
                    VALUES (\(Identifier.make(at: now)), \(id), \(now), \(attempt.code), \(attempt.reply))
                    """))
        }
        if let attempt {
            application.logger.info(
                "e-mail attempted", metadata: ["email": "\(Identifier.format(id))", "code": "\(attempt.code ?? 0)"])
        }
    }

    private func retry(_ mail: Claimed, _ now: Date) -> SQL {
        if now.timeIntervalSince(mail.createdAt) >= RetrySchedule.lifetimeSeconds {
            return "status = 'failed', attempts = attempts + 1"
        }
        let seconds = RetrySchedule.delaySeconds(after: mail.attempts + 1, jitter: .random(in: 0...1))
        return "status = 'queued', next_attempt_at = \(now.addingTimeInterval(seconds)), attempts = attempts + 1"
    }
}
