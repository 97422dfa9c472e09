import Foundation
import HTTPServer
import Logging
import Postgres
import Sockets

/// The one composition root: what every action, worker and command works with. Made once by `serve`, by a command that
/// needs the database, and by each test suite (with a clock of its own).
final class Application: Sendable {
    let configuration: Configuration
    let loops: EventLoopGroup
    let database: Database
    /// The same, on connections of the outbox's own.
    let outboxDatabase: Database
    let logger: Logger
    let observation: Observation
    let metrics: Metrics
    let tokens: TokenCache
    /// The instant now, in whole milliseconds. Tests turn it.
    let now: @Sendable () -> Date
    let signals = WakeSignals()
    /// Clients of `GET /v1/events`.
    let events = EventFeed()
    /// Uploads of shared data that run at once.
    let uploads: UploadSlots
    let webhookSecrets: WebhookSecrets
    let mailComposer: MailComposer
    /// Requests as they were last shown, one by one and in lists.
    let renderedRequests = RenderedRequests(capacity: 24_576)

    init(
        configuration: Configuration, loops: EventLoopGroup, database: Database, outboxDatabase: Database? = nil,
        logger: Logger,
        webhookSecrets: WebhookSecrets, mailComposer: MailComposer,
        now: @escaping @Sendable () -> Date = { Instant.truncated(Date()) }
    ) {
        self.configuration = configuration
        self.loops = loops
        self.database = database
        self.outboxDatabase = outboxDatabase ?? database
        self.logger = logger
        metrics = Metrics(loops: loops.loops)
        observation = Observation(logger: logger, metrics: metrics)
        self.tokens = TokenCache(
            database: database, refused: RefusedAttempts(perMinute: configuration.refusedAttemptsPerMinute))
        self.webhookSecrets = webhookSecrets
        self.mailComposer = mailComposer
        self.now = now
        uploads = UploadSlots(max(1, min(4, configuration.databaseConnections / 2)))
    }

    func observe(_ event: Observation.Event) { observation.observe(event) }

    /// Runs one change in one transaction, and wakes the workers it has given something to do once it is committed.
    /// Serialisation failures and deadlocks are repeated a bounded number of times: the body runs again from the start.
    /// - Parameters:
    ///   - dryRun: everything is run and nothing is stored.
    ///   - lane: `.long` when the body performs other changes.
    func perform<Result: Sendable>(
        author: Author, now: Date, trace: RequestTrace? = nil, dryRun: Bool = false,
        lane: TransactionLane = .ordinary, _ body: (Work) async throws -> Result
    ) async throws -> Result {
        var wakes: Set<Wake> = []
        let result = try await database.transaction(
            "change", retry: .safe, lane: lane, sessionLabel: trace?.sessionLabel
        ) { transaction in
            let work = Work(application: self, transaction: transaction, author: author, now: now, trace: trace)
            if dryRun { transaction.rollbackOnly() }
            let result = try await body(work)
            wakes = dryRun ? [] : work.wakes
            return result
        }
        if wakes.contains(.tokens) { tokens.forget() }
        announce(wakes)
        return result
    }

    /// Wakes this instance's workers and tells the other instances, after a commit: outside the transaction and gathered,
    /// since a NOTIFY inside would make commits wait for one another.
    func announce(_ wakes: Set<Wake>) {
        signals.wake(wakes)
        for wake in wakes { database.notify(WakeRelay.channel, wake.rawValue) }
    }
}
