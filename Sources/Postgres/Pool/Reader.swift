internal import CLibpq
internal import Sockets

// A connection that many reads share. Reads asked for in one turn of the loop leave together, as one unit with one sync;
// each caller goes on as soon as its own answer is there. The session is read-only: a write that came this way could be
// taken back by a neighbour's error after its caller was told of it, so the server refuses it.
// Because they only read, steps may be sent again: when a neighbour's error took them along (then alone in their unit),
// when the prepared statement was gone, when a cancel meant for a neighbour hit them, or when the connection was
// lost and the server is not known to be away.

final class Reader {
    private enum State {
        case closed
        case opening(Connector)
        case open(Connection)
    }

    private let pool: LoopPool
    private var state = State.closed
    private var waiting = Ring<ReadStep>()
    private var isFlushScheduled = false
    private(set) var inFlight = 0
    /// Reads not yet answered that may take long.
    private(set) var slowLoad = 0
    /// When something was last answered, or sent after a pause.
    private var lastProgress = ContinuousClock.now
    /// A cancel is on its way to the server and may hit any statement.
    private var cancels = 0

    /// So many are sent before answers are waited for: enough to keep the server busy, few enough to choose another
    /// connection while a slow one is at the head.
    private static let inFlightLimit = 128
    private static let unitLimit = 32
    private static let planEachTime: SQL = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"
    /// How often a read is sent in all.
    private static let attemptLimit = 4

    init(pool: LoopPool) {
        self.pool = pool
    }

    var load: Int { inFlight + waiting.count }

    /// True while a slow statement stands in the way of the others.
    func isStalled(_ now: ContinuousClock.Instant) -> Bool {
        inFlight > 0 && now - lastProgress > .milliseconds(3)
    }

    var isOpen: Bool { if case .open = state { true } else { false } }

    /// Takes in a new read.
    func take(_ step: ReadStep) {
        if !step.query.isQuick { slowLoad += 1 }
        submit(step)
    }

    private func submit(_ step: ReadStep) {
        waiting.append(step)
        switch state {
        case .open: scheduleFlush()
        case .opening: break
        case .closed: open()
        }
    }

    private func scheduleFlush() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        let reader = LoopBound(self)
        pool.loop.execute { reader.value.flush() }
    }

    private func flush() {
        isFlushScheduled = false
        guard case .open(let connection) = state else { return }
        var inUnit = 0
        while inFlight < Self.inFlightLimit, let step = waiting.removeFirst() {
            guard step.result == nil else { continue }
            if step.isAlone, inUnit > 0 {
                connection.sync(Step(.sync, name: "reads"))
                inUnit = 0
            }
            if inFlight == 0 { lastProgress = pool.loop.now }
            inFlight += 1
            step.attempts += 1
            step.isSent = true
            send(step, on: connection)
            inUnit += 1
            if step.isAlone || inUnit == Self.unitLimit {
                connection.sync(Step(.sync, name: "reads"))
                inUnit = 0
            }
            guard !connection.isLost else { return }
        }
        if inUnit > 0 { connection.sync(Step(.sync, name: "reads")) }
    }

    /// With its settings, which end with its unit: no neighbour ever sees them, however the read ends.
    private func send(_ step: ReadStep, on connection: Connection) {
        if let label = step.sessionLabel {
            connection.send(.labellingSession(label), as: Step(.execute, name: "session label"))
        }
        if step.query.isPlannedEachTime {
            connection.send(Self.planEachTime, as: Step(.execute, name: "plan each time"))
        }
        connection.send(step.query.sql, as: step)
    }

    // MARK: Answers

    func answered(_ step: ReadStep, _ outcome: StepOutcome) {
        switch outcome {
        case .success(let rows):
            leave(step)
            if let rows { resolve(step, .success(rows)) }
        case .failure(.refused(let reply)):
            leave(step)
            refused(step, reply)
        case .failure(.aborted):
            leave(step)
            step.isAlone = true
            guard step.attempts < 10 else {
                return resolve(step, .failure(.server(sqlState: "25P02", statement: "\(step.name)")))
            }
            again(step)
        case .failure(.lost(let reason)):
            leave(step)
            if step.attempts < Self.attemptLimit, !pool.board.isDown {
                again(step)
            } else {
                resolve(step, .failure(.unavailable(reason: reason)))
            }
        case .failure(.expired): giveUp(step, .deadlineExceeded)
        case .failure(.cancelled): giveUp(step, .cancelled)
        }
    }

    private func refused(_ step: ReadStep, _ reply: ServerReply) {
        let mayRepeat = step.attempts < Self.attemptLimit
        if mayRepeat, reply.asksForPreparation || (reply.isCancellation && cancels > 0) {
            step.isAlone = true
            return again(step)
        }
        if reply.isFatal, step.attempts < Self.attemptLimit, !pool.board.isDown { return again(step) }
        pool.report(reply, statement: step.name)
        // Refused as a write: not the server's state, but a statement that went the wrong way.
        let error =
            reply.sqlState == "25006"
            ? DatabaseError.server(sqlState: reply.sqlState, statement: "\(step.name)")
            : reply.error(statement: step.name)
        resolve(step, .failure(error))
    }

    private func leave(_ step: ReadStep) {
        inFlight -= 1
        lastProgress = pool.loop.now
        step.isSent = false
        if !waiting.isEmpty { scheduleFlush() }
    }

    private func again(_ step: ReadStep) {
        guard step.result == nil else { return }
        step.reset()
        submit(step)
    }

    private func resolve(_ step: ReadStep, _ result: Result<Rows, DatabaseError>) {
        guard step.result == nil else { return }
        if !step.query.isQuick { slowLoad -= 1 }
        pool.statistics.record(step.name, since: step.started, now: pool.loop.now, result)
        step.resolve(result)
    }

    /// The caller goes on without an answer. What runs on the server for nobody is cancelled there.
    private func giveUp(_ step: ReadStep, _ error: DatabaseError) {
        let isSent = step.isSent
        if isSent { leave(step) }
        resolve(step, .failure(error))
        guard isSent, case .open(let connection) = state, connection.isInCurrentUnit(step) else { return }
        cancel(on: connection)
    }

    private func cancel(on connection: Connection) {
        cancels += 1
        pool.statistics.totals.cancels += 1
        let reader = LoopBound(self)
        let loop = pool.loop
        connection.canceller.cancel { _ in
            // The error it causes may come a little after it was taken.
            loop.execute {
                _ = loop.schedule(after: .milliseconds(200)) { reader.value.cancels -= 1 }
            }
        }
    }

    // MARK: The connection

    private func open() {
        let connector = pool.connector(isReadOnly: true) { [unowned self] result in opened(result) }
        state = .opening(connector)
        connector.start()
    }

    private func opened(_ result: Result<Connection, ConnectFailure>) {
        switch result {
        case .success(let connection):
            state = .open(connection)
            connection.onLost = { [unowned self] reason in lost(reason) }
            pool.opened(connection)
            scheduleFlush()
        case .failure(let failure):
            state = .closed
            pool.connectFailed(failure)
            fail(.unavailable(reason: failure.reason))
        }
    }

    private func lost(_ reason: String) {
        guard case .open(let connection) = state else { return }
        state = .closed
        pool.lost(connection, reason)
        if !waiting.isEmpty { open() }
    }

    /// Ends everything that waits.
    func fail(_ error: DatabaseError) {
        while let step = waiting.removeFirst() { resolve(step, .failure(error)) }
    }

    func expire(_ now: ContinuousClock.Instant) {
        waiting.filter { step in
            guard let deadline = step.deadline, deadline <= now else { return step.result == nil }
            resolve(step, .failure(.deadlineExceeded))
            return false
        }
    }

    /// Lets go of the connection; what is under way ends as lost.
    func close(_ error: DatabaseError) {
        fail(error)
        switch state {
        case .open(let connection): connection.lose("\(error)")
        case .opening(let connector): connector.abandon("\(error)")
        case .closed: break
        }
    }
}

/// Carries an object of one loop into a closure that runs on that loop.
struct LoopBound<Object>: @unchecked Sendable {
    // @unchecked: only the loop that owns the object runs the closure.
    let value: Object

    init(_ value: Object) {
        self.value = value
    }
}
