internal import CLibpq
internal import Sockets

// The connections that transactions take turns on. One is handed to whoever has waited longest; while fewer than the
// limit are open another one is opened for who waits. A connection comes back only when nothing of its last transaction
// is left: rolled back, its answers in, and any cancel taken by the server, since a late one would hit the next user.

final class Lanes {
    private let pool: LoopPool
    private let limit: Int
    private var idle: [Connection] = []
    private var open = 0
    private var opening: [ObjectIdentifier: Connector] = [:]
    private var waiters = Ring<LaneWaiter>()
    /// After a failure to connect, none is tried before this.
    private var pausedUntil: ContinuousClock.Instant?

    init(pool: LoopPool, limit: Int) {
        self.pool = pool
        self.limit = max(1, limit)
    }

    var waitingCount: Int { waiters.count }

    /// Takes a connection, waiting for one up to the deadline.
    func take(deadline: ContinuousClock.Instant) async -> Result<Connection, DatabaseError> {
        if pool.isClosed { return .failure(.closed) }
        if pool.board.isDown { return .failure(pool.board.error) }
        while let connection = idle.popLast() {
            if !connection.isLost { return .success(connection) }
        }
        guard waiters.count < pool.configuration.queueLimit else {
            pool.statistics.totals.turnedAway += 1
            return .failure(.overloaded)
        }
        let began = ContinuousClock.now
        let waiter = LaneWaiter(deadline: min(deadline, began + pool.configuration.queueDeadline))
        waiters.append(waiter)
        pool.startTicking()
        openIfNeeded()
        let loop = pool.loop
        let result = await withTaskCancellationHandler {
            await waiter.wait()
        } onCancel: {
            loop.execute { waiter.finish(.failure(.cancelled)) }
        }
        pool.statistics.totals.waits += 1
        pool.statistics.totals.waited += .now - began
        if case .failure(.overloaded) = result { pool.statistics.totals.turnedAway += 1 }
        return result
    }

    /// Gives a connection back that has nothing under way.
    func giveBack(_ connection: Connection) {
        guard !connection.isLost else { return }
        guard connection.isIdle else { return connection.close() }
        guard connection.transactionStatus == PQTRANS_IDLE else {
            return giveBack(connection, rollingBack: true, cancelling: false)
        }
        while let waiter = waiters.removeFirst() {
            if waiter.finish(.success(connection)) { return }
        }
        idle.append(connection)
    }

    /// Gives a connection back after a transaction that is to leave nothing: rolls back, and waits for a cancel.
    func giveBack(_ connection: Connection, rollingBack isInBlock: Bool, cancelling: Bool) {
        guard !connection.isLost else { return }
        let cleaning = Cleaning(lanes: self, connection: connection, waitsForCancel: cancelling)
        if cancelling {
            let loop = pool.loop
            pool.statistics.totals.cancels += 1
            let bound = LoopBound(cleaning)
            connection.canceller.cancel { _ in loop.execute { bound.value.cancelTaken() } }
        }
        pool.startTicking()
        cleaning.start(isInBlock: isInBlock)
    }

    // MARK: Opening

    private func openIfNeeded() {
        guard !pool.isClosed, open + opening.count < limit, opening.count < waiters.count else { return }
        if let pausedUntil, pausedUntil > .now { return }
        pausedUntil = nil
        var key: ObjectIdentifier?
        let connector = pool.connector(isReadOnly: false) { [unowned self] result in
            if let key { opening[key] = nil }
            opened(result)
        }
        key = ObjectIdentifier(connector)
        opening[ObjectIdentifier(connector)] = connector
        connector.start()
    }

    private func opened(_ result: Result<Connection, ConnectFailure>) {
        switch result {
        case .success(let connection):
            open += 1
            connection.onLost = { [unowned self, unowned connection] reason in lost(connection, reason) }
            pool.opened(connection)
            guard !connection.isLost else { return }
            // Its set-up still has a sync on its way; statements may follow it at once.
            hand(connection)
            openIfNeeded()
        case .failure(let failure):
            pool.connectFailed(failure)
            pausedUntil = .now + pool.configuration.probeInterval
            // While others work, who waits may still be served by them.
            if open == 0, opening.isEmpty { fail(.unavailable(reason: failure.reason)) }
        }
    }

    private func hand(_ connection: Connection) {
        while let waiter = waiters.removeFirst() {
            if waiter.finish(.success(connection)) { return }
        }
        idle.append(connection)
    }

    private func lost(_ connection: Connection, _ reason: String) {
        open -= 1
        idle.removeAll { $0 === connection }
        pool.lost(connection, reason)
        openIfNeeded()
    }

    // MARK: The end

    func fail(_ error: DatabaseError) {
        while let waiter = waiters.removeFirst() { waiter.finish(.failure(error)) }
    }

    func expire(_ now: ContinuousClock.Instant) {
        waiters.filter { waiter in
            guard !waiter.isFinished else { return false }
            guard waiter.deadline <= now else { return true }
            waiter.finish(.failure(.overloaded))
            return false
        }
        openIfNeeded()
    }

    func close() {
        fail(.closed)
        for connector in opening.values { connector.abandon("the database was closed") }
        for connection in idle { connection.close() }
    }
}

/// Someone who waits for a connection.
final class LaneWaiter: @unchecked Sendable {
    // @unchecked: touched on its loop's thread only.
    let deadline: ContinuousClock.Instant
    private var continuation: UnsafeContinuation<Result<Connection, DatabaseError>, Never>?
    private var result: Result<Connection, DatabaseError>?

    init(deadline: ContinuousClock.Instant) {
        self.deadline = deadline
    }

    var isFinished: Bool { result != nil }

    func wait() async -> Result<Connection, DatabaseError> {
        if let result { return result }
        return await withUnsafeContinuation { continuation = $0 }
    }

    /// False when it does not wait any more.
    @discardableResult
    func finish(_ result: Result<Connection, DatabaseError>) -> Bool {
        guard self.result == nil else { return false }
        self.result = result
        if let continuation {
            self.continuation = nil
            continuation.resume(returning: result)
        }
        return true
    }
}

/// A connection on its way from an unfinished transaction back to the lanes.
private final class Cleaning {
    private let lanes: Lanes
    private let connection: Connection
    private var waitsForCancel: Bool
    private var isRolledBack = false

    init(lanes: Lanes, connection: Connection, waitsForCancel: Bool) {
        self.lanes = lanes
        self.connection = connection
        self.waitsForCancel = waitsForCancel
    }

    /// In a unit without BEGIN, a BEGIN makes a block of all that the unit did, so that ROLLBACK takes it back without
    /// the server's warning that there is no transaction. After an error both are skipped up to the sync.
    func start(isInBlock: Bool) {
        if !isInBlock { connection.send("BEGIN", as: Step(.execute, name: "begin")) }
        connection.send("ROLLBACK", as: Step(.execute, name: "rollback"))
        let step = CleaningStep(self)
        step.deadline = .now + .seconds(2)
        connection.sync(step)
    }

    func synced(_ outcome: StepOutcome) {
        switch outcome {
        case .failure: connection.close()
        case .success:
            if connection.transactionStatus == PQTRANS_IDLE {
                isRolledBack = true
                finish()
            } else {
                // An error made the server skip the ROLLBACK of a block.
                start(isInBlock: true)
            }
        }
    }

    func cancelTaken() {
        waitsForCancel = false
        finish()
    }

    private func finish() {
        guard isRolledBack, !waitsForCancel else { return }
        lanes.giveBack(connection)
    }
}

private final class CleaningStep: Step, @unchecked Sendable {
    // @unchecked: touched on its connection's loop only.
    private let cleaning: Cleaning

    init(_ cleaning: Cleaning) {
        self.cleaning = cleaning
        super.init(.sync, name: "rollback")
    }

    override func ended(_ outcome: StepOutcome) {
        cleaning.synced(outcome)
    }
}
