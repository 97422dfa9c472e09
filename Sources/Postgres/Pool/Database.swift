public import Foundation
public import Logging
public import Sockets
internal import Synchronization

// The front door. Each loop has its own connections, and a task that runs on a loop uses those of its loop, so a request
// never leaves its thread. A call from elsewhere is moved to one of the loops for as long as it lasts.

/// A PostgreSQL database: reads that share connections, transactions that have one each, notifications, streams.
public final class Database: Sendable {
    let configuration: DatabaseConfiguration
    let pools: [LoopPool]
    let board: HealthBoard
    let monitor: Monitor
    private let turn = Atomic<Int>(0)

    /// Connections are opened as they are needed, except for one that watches the server's health.
    /// - Parameter loops: one or more. They must outlive the database; `close()` it before they stop.
    public init(configuration: DatabaseConfiguration, loops: [EventLoop], logger: Logger) {
        precondition(!loops.isEmpty)
        self.configuration = configuration
        let board = HealthBoard(logger: logger)
        self.board = board
        pools = loops.map { LoopPool(loop: $0, configuration: configuration, board: board, logger: logger) }
        monitor = Monitor(pools: pools, board: board, logger: logger)
        monitor.start()
    }

    /// Whether the server can be worked with, as last seen; at most 2 s old. Any thread, no waiting.
    public var health: DatabaseHealth { board.health }

    /// Waits until the server was reached. - Throws: `.unavailable` with why not, when it was not in time.
    public func waitUntilReachable(deadline: Duration = .seconds(5)) async throws(DatabaseError) {
        let end = ContinuousClock.now + deadline
        while !board.health.isReachable {
            guard ContinuousClock.now < end else { throw board.error }
            do {
                try await Task.sleep(for: .milliseconds(10))
            } catch {
                throw .cancelled
            }
        }
    }

    /// Runs one read on a connection shared with others. The server refuses a write that comes this way: use
    /// `execute` or `transaction`.
    /// - Parameters:
    ///   - deadline: the configuration's `statementDeadline` when nil.
    ///   - sessionLabel: the session's `application_name` while the read runs, as of a transaction. It costs no round trip
    ///     but a statement, and the read no longer shares its unit with others: for the reads that somebody looks for.
    public func query(
        _ query: Query, deadline: Duration? = nil, sessionLabel: String? = nil
    ) async throws(DatabaseError) -> Rows {
        guard let pool = currentPool else {
            return try await onLoop { pool throws(DatabaseError) in
                try await Self.read([query], deadline, sessionLabel, on: pool)[0]
            }
        }
        switch pool.submit(query, deadline: deadline, sessionLabel: sessionLabel) {
        case .failure(let error): throw error
        case .success(let step): return try await Self.value(of: step, on: pool)
        }
    }

    /// Reads the rows that belong to an id, in one statement with whatever else asks for such rows in this turn of the loop.
    /// - Parameter sessionLabel: as of any read; one that has it is a statement of its own.
    public func query(
        _ query: KeyedQuery, id: UUID, sessionLabel: String? = nil
    ) async throws(DatabaseError) -> [Row] {
        guard sessionLabel == nil, let pool = currentPool else {
            return Array(try await self.query(query.bound(to: id), sessionLabel: sessionLabel))
        }
        if let refusal = pool.refusal(query.one.sql, query.one.name) { throw refusal }
        let read = KeyedRead(query, id)
        pool.keyedReads.take(read)
        let loop = pool.loop
        return try await withTaskCancellationHandler {
            await read.value()
        } onCancel: {
            loop.execute { read.cancel() }
        }.get()
    }

    /// Runs several independent reads in one flush. Throws the first error, in their order.
    public func query(
        all queries: [Query], deadline: Duration? = nil, sessionLabel: String? = nil
    ) async throws(DatabaseError) -> [Rows] {
        try await onLoop { pool throws(DatabaseError) in
            try await Self.read(queries, deadline, sessionLabel, on: pool)
        }
    }

    /// Runs one statement that writes, as a transaction of its own, in one round trip.
    /// - Throws: `.outcomeUnknown` when its answer did not come.
    @discardableResult
    public func execute(_ query: Query, deadline: Duration? = nil) async throws(DatabaseError) -> Rows {
        do {
            return try await transaction(query.name, deadline: deadline) { transaction in
                try await transaction.commit(with: [query])[0]
            }
        } catch let error as DatabaseError {
            throw error
        } catch {
            throw .cancelled
        }
    }

    /// Runs the closure as a transaction: committed when it returns, rolled back when it throws, by the time that this
    /// throws. Its errors pass through; the commit's own are `DatabaseError`s.
    /// - Parameters:
    ///   - retry: whether the closure may run again when the transaction did not happen.
    ///   - lane: `.long` for a closure that waits for other transactions of this database.
    ///   - deadline: for the whole transaction; each wait in it also has the configuration's `statementDeadline`.
    ///   - sessionLabel: the session's `application_name` while the transaction lasts, for whoever looks at
    ///     `pg_stat_activity`, the server's log or its locks; 63 bytes are shown. It travels with the first statement.
    public func transaction<Result>(
        _ name: StaticString, retry: TransactionRetry = .never, isolation: TransactionIsolation = .readCommitted,
        lane: TransactionLane = .ordinary, deadline: Duration? = nil, sessionLabel: String? = nil,
        _ body: (Transaction) async throws -> Result
    ) async throws -> Result {
        let manner = TransactionManner(
            retry: retry, isolation: isolation, lane: lane, deadline: deadline, sessionLabel: sessionLabel)
        guard let pool = currentPool else {
            let pool = nextPool
            return try await pool.loop.run { try await self.transact(on: pool, name, manner, body) }
        }
        return try await transact(on: pool, name, manner, body)
    }

    /// Runs the closure on one of the loops, and its child tasks: their statements cost no change of threads.
    public func runOnLoop<Result, Failure: Error>(
        _ body: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        try await (currentPool ?? nextPool).loop.run(body)
    }

    /// What was counted since the start, over all loops.
    public func metrics() async -> DatabaseMetrics {
        var sum = DatabaseMetrics()
        for pool in pools {
            sum.merge(await pool.loop.run { pool.snapshot })
        }
        return sum
    }

    /// Ends everything: what is under way throws `.closed` or `.unavailable`, and every connection is closed.
    public func close() async {
        await monitor.close()
        for pool in pools {
            await pool.loop.run { pool.close() }
        }
    }

    // MARK: Loops

    /// The pool of the loop whose thread this is.
    var currentPool: LoopPool? {
        guard let loop = EventLoop.current else { return nil }
        for pool in pools where pool.loop === loop { return pool }
        return nil
    }

    var nextPool: LoopPool {
        pools[Int(UInt(bitPattern: turn.wrappingAdd(1, ordering: .relaxed).oldValue) % UInt(pools.count))]
    }

    func onLoop<Result>(
        _ body: (LoopPool) async throws(DatabaseError) -> Result
    ) async throws(DatabaseError) -> Result {
        if let pool = currentPool { return try await body(pool) }
        let pool = nextPool
        return try await pool.loop.run { () async throws(DatabaseError) in try await body(pool) }
    }

    // MARK: Reads

    private static func read(
        _ queries: [Query], _ deadline: Duration?, _ sessionLabel: String?, on pool: LoopPool
    ) async throws(DatabaseError) -> [Rows] {
        var steps: [ReadStep] = []
        for query in queries {
            steps.append(try pool.submit(query, deadline: deadline, sessionLabel: sessionLabel).get())
        }
        var results: [Rows] = []
        results.reserveCapacity(steps.count)
        for step in steps { results.append(try await value(of: step, on: pool)) }
        return results
    }

    private static func value(of step: ReadStep, on pool: LoopPool) async throws(DatabaseError) -> Rows {
        let loop = pool.loop
        return try await withTaskCancellationHandler {
            await step.value()
        } onCancel: {
            loop.execute { step.complete(.failure(.cancelled)) }
        }.get()
    }

    // MARK: Transactions

    private func transact<Result>(
        on pool: LoopPool, _ name: StaticString, _ manner: TransactionManner,
        _ body: (Transaction) async throws -> Result
    ) async throws -> Result {
        let began = ContinuousClock.now
        let lanes = pool.lanes(manner.lane)
        let context = TransactionContext(
            name: name, pool: pool, isolation: manner.isolation, statementDeadline: configuration.statementDeadline,
            end: manner.deadline.map { began + $0 }, sessionLabel: manner.sessionLabel)
        var attempt = 1
        while true {
            let own: Connection
            switch await lanes.take(deadline: context.deadline) {
            case .success(let connection): own = connection
            case .failure(let error):
                pool.statistics.recordTransaction(name, took: .now - began, isError: true)
                throw error
            }
            let transaction = Transaction(connection: own, context: context)
            do {
                let result = try await body(transaction)
                if transaction.isRollbackOnly {
                    try await transaction.rehearse()
                    await transaction.takeBack()
                } else if !transaction.isDone {
                    try await transaction.finish()
                }
                transaction.release(to: lanes)
                pool.statistics.recordTransaction(name, took: .now - began, isError: false)
                return result
            } catch {
                await transaction.takeBack()
                transaction.release(to: lanes)
                guard attempt < manner.retry.attempts, await mayRepeat(transaction, attempt, pool) else {
                    pool.statistics.recordTransaction(name, took: .now - began, isError: true)
                    throw error
                }
                attempt += 1
            }
        }
    }

    /// Whether a transaction that threw is known not to have happened for a reason that may be gone by now.
    private func mayRepeat(_ transaction: Transaction, _ attempt: Int, _ pool: LoopPool) async -> Bool {
        guard let failure = transaction.failure, !Task.isCancelled else { return false }
        if failure == .serialization {
            pool.statistics.totals.retriesAfterCollision += 1
        } else if transaction.wasLost, failure != .outcomeUnknown, !board.isDown {
            pool.statistics.totals.retriesAfterLoss += 1
        } else {
            return false
        }
        // Spread out, so that two that collided do not meet again.
        let microseconds = Int.random(in: 500...2000) << min(attempt, 6)
        do {
            try await pool.loop.sleep(for: .microseconds(microseconds))
            return true
        } catch {
            return false
        }
    }
}
