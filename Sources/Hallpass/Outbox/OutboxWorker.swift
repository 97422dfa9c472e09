import Foundation
import Mail
import Postgres
import Synchronization

// Delivers the outbox. Any number of instances share it: rows are claimed with SKIP LOCKED under a lease that is renewed
// while the process lives, so what a dead one left in `sending` is taken up when its lease has run out. A message goes to the
// server outside any transaction; what became of it is written, together with what became of others meanwhile, in one
// statement guarded by the lease. Between the server's 250 and that commit lies the one moment in which a crash sends a
// message again, with the same Message-ID. A server that cannot be used pauses the whole queue and costs no message an
// attempt; after the pause one message goes first, and the others follow once it was taken.

final class OutboxWorker: Sendable {
    static let leaseSeconds: TimeInterval = 45
    /// After the database was away others renew their leases first, before any is believed to have run out.
    private static let graceSeconds: TimeInterval = 15

    private struct State {
        /// Claimed by this process, and what became of them not written yet.
        var held: Set<UUID> = []
        var takeOverFrom: Date?
    }

    let application: Application
    let delivery: any MailDelivery
    let statements: OutboxStatements
    let queue: OutboxQueue
    private let state = Mutex(State())

    init(application: Application, delivery: any MailDelivery) {
        self.application = application
        self.delivery = delivery
        statements = OutboxStatements(database: application.outboxDatabase, owner: UUID())
        queue = OutboxQueue(application: application, parallel: delivery.parallel)
    }

    /// Claims what is due and delivers it, until nothing is due and what became of each is written. False: there is no more.
    func turn() async throws -> Bool {
        do {
            // Where the answers of the database come in, so that taking them in changes no threads.
            try await application.outboxDatabase.runOnLoop { [self] in
                var run = OutboxRun(worker: self)
                try await run.deliverAll()
            }
            return false
        } catch {
            let from = application.now().addingTimeInterval(Self.graceSeconds)
            state.withLock { $0.takeOverFrom = from }
            throw error
        }
    }

    /// Renews the leases of what is under way. To be called well within `leaseSeconds`.
    func renewLeases() async throws {
        let held = state.withLock { Array($0.held) }
        if !held.isEmpty { try await statements.renew(held, now: application.now()) }
    }

    /// What a dead process left behind is due again.
    func takeOver() async throws {
        let now = application.now()
        let held = state.withLock { state -> [UUID]? in
            if let from = state.takeOverFrom, from > now { return nil }
            return Array(state.held)
        }
        guard let held else { return }
        let count = try await statements.takeOver(except: held, now: now)
        if count > 0 { application.observe(.emailsTakenOver(count: count)) }
    }

    func claim(_ limit: Int) async throws -> [QueuedMail] {
        let mails = try await statements.claim(limit, now: application.now())
        state.withLock { $0.held.formUnion(mails.map(\.id)) }
        return mails
    }

    func release(_ ids: [UUID]) { state.withLock { $0.held.subtract(ids) } }
}
