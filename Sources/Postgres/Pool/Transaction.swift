internal import CLibpq
internal import Sockets

// A transaction on a connection of its own, in as few round trips as there are awaits. Statements go into the pipeline at
// once; an awaited one ends with a flush request, which brings the answers and leaves the unit open; the last flush ends
// with a sync, at which the server commits. So there is no BEGIN and no COMMIT unless something needs a real block
// (another isolation level, savepoints, COPY, scripts); a BEGIN in mid-unit takes what came before into its block.
//
//   open ──error seen──▶ failed: every further use throws that error again; only a rollback can follow
//     │ └─savepoint: the error is undone with ROLLBACK TO, and the transaction is open again
//     └──commit──▶ sync sent ──answered──▶ done; not answered ──▶ .outcomeUnknown, never to be repeated blindly
//
// A wait that is given up (deadline, cancelled task) leaves steps in the pipeline: the connection is then cleaned in the
// background, and the server is asked to cancel what it is at.

/// What the closure of `Database.transaction` works with. Not to be kept beyond it.
public final class Transaction {
    let connection: Connection
    let context: TransactionContext
    /// Sent, and its answer not yet looked at.
    var unexamined: [Step] = []
    private(set) var isOpen = false
    private(set) var isInBlock = false
    var failure: DatabaseError?
    /// Why, when the connection was lost before a commit was sent: nothing happened, so it may be tried again.
    var wasLost = false
    var isDone = false
    /// A step was given up: the server is still at it.
    var mustCancel = false
    /// A cancel was sent while the commit was under way.
    var cancelledInCommit = false
    private(set) var isRollbackOnly = false
    private var savepoints = 0

    init(connection: Connection, context: TransactionContext) {
        self.connection = connection
        self.context = context
    }

    /// Adds a statement. It travels with the next one that is awaited, or with the commit; its error surfaces there.
    public func execute(_ query: Query) {
        guard failure == nil, !isDone else { return }
        _ = send(query)
    }

    /// Runs a statement and waits for its rows.
    /// - Throws: its own error, or that of one added before it; the transaction can only be rolled back then.
    public func query(_ query: Query) async throws(DatabaseError) -> Rows {
        try await self.query(all: [query])[0]
    }

    /// Runs several statements in one round trip.
    public func query(all queries: [Query]) async throws(DatabaseError) -> [Rows] {
        try check()
        let steps = queries.map { send($0) }
        try check()
        connection.requestAnswers()
        try await settle()
        return rows(of: steps)
    }

    /// Runs the last statements together with the commit, in one round trip, and ends the transaction.
    public func commit(with queries: [Query] = []) async throws(DatabaseError) -> [Rows] {
        try check()
        let steps = queries.map { send($0) }
        if isRollbackOnly {
            try await rehearse()
        } else {
            try await finish()
        }
        return rows(of: steps)
    }

    /// The closure runs to its end and its result is returned, but nothing is stored.
    public func rollbackOnly() {
        isRollbackOnly = true
    }

    /// Runs a part that can fail by itself: what it did is undone when it throws, and the transaction goes on.
    public func savepoint<Result>(_ body: (Transaction) async throws -> Result) async throws -> Result {
        try check()
        beginBlock()
        savepoints += 1
        let name = "savepoint_\(savepoints)"
        _ = send(Query("savepoint", SQL(raw: "SAVEPOINT \(name)")))
        do {
            let result = try await body(self)
            try check()
            _ = send(Query("release savepoint", SQL(raw: "RELEASE SAVEPOINT \(name)")))
            // Errors of what was only added belong to this part, so they are looked at here.
            connection.requestAnswers()
            try await settle()
            return result
        } catch {
            try await rollBack(to: name, after: error)
            throw error
        }
    }

    // MARK: Sending

    func send(_ query: Query) -> Step {
        if !isOpen {
            isOpen = true
            if context.isolation != .readCommitted { startBlock(context.isolation.begin) }
            labelSession()
        }
        let step = Step(.execute, name: query.name)
        if query.sql.holdsNUL {
            // As the server says of text that holds a NUL; libpq would cut the text off there.
            fail(.server(sqlState: "22021", statement: "\(query.name)"))
            return step
        }
        unexamined.append(step)
        connection.send(query.sql, as: step)
        return step
    }

    /// Makes a real block of the transaction, with what it did so far inside.
    func beginBlock(with begin: SQL = "BEGIN") {
        guard !isInBlock else { return }
        let isFirst = !isOpen
        isOpen = true
        startBlock(isFirst && context.isolation != .readCommitted ? context.isolation.begin : begin)
        if isFirst { labelSession() }
    }

    private func startBlock(_ begin: SQL) {
        isInBlock = true
        let step = Step(.execute, name: "begin")
        unexamined.append(step)
        connection.send(begin, as: step)
    }

    private func labelSession() {
        guard let label = context.sessionLabel else { return }
        let step = Step(.execute, name: "session label")
        unexamined.append(step)
        connection.send(.labellingSession(label), as: step)
    }

    private func rows(of steps: [Step]) -> [Rows] {
        steps.compactMap { step in
            if case .success(let rows?) = step.outcome { rows } else { nil }
        }
    }

    // MARK: Waiting

    func check() throws(DatabaseError) {
        if let failure { throw failure }
        precondition(!isDone, "a transaction was used after its end")
    }

    func fail(_ error: DatabaseError) {
        if failure == nil { failure = error }
    }

    /// Waits until everything sent is answered, and throws the first error.
    func settle() async throws(DatabaseError) {
        if let last = unexamined.last { _ = await waiting(for: last) }
        examine(unexamined)
        unexamined = []
        try check()
    }

    func waiting(for step: Step) async -> StepOutcome {
        if let outcome = step.outcome { return outcome }
        // Only what is waited for has a deadline: a closure may take its time between two statements.
        step.deadline = context.deadline
        context.pool.startTicking()
        let loop = connection.loop
        return await withTaskCancellationHandler {
            await step.wait()
        } onCancel: {
            loop.execute { step.complete(.failure(.cancelled)) }
        }
    }

    func examine(_ steps: [Step]) {
        for step in steps {
            switch step.outcome {
            case .success, .failure(.aborted): continue
            case .failure(.refused(let reply)):
                context.pool.report(reply, statement: step.name)
                if reply.isFatal { wasLost = true }
                if reply.asksForPreparation { fail(.serialization) }
                fail(reply.error(statement: step.name))
            case .failure(.lost(let reason)):
                wasLost = true
                fail(.unavailable(reason: reason))
            case .failure(.expired):
                mustCancel = true
                fail(.deadlineExceeded)
            case .failure(.cancelled):
                mustCancel = true
                fail(.cancelled)
            case nil: continue
            }
        }
    }
}

/// How a transaction was asked for.
struct TransactionManner {
    let retry: TransactionRetry
    let isolation: TransactionIsolation
    let lane: TransactionLane
    let deadline: Duration?
    let sessionLabel: String?
}

/// What a transaction is run with.
struct TransactionContext {
    let name: StaticString
    let pool: LoopPool
    let isolation: TransactionIsolation
    let statementDeadline: Duration
    /// For the whole transaction, where there is one.
    let end: ContinuousClock.Instant?
    /// For `application_name`, where there is one.
    var sessionLabel: String?

    /// For what is sent now.
    var deadline: ContinuousClock.Instant {
        let statement = ContinuousClock.now + statementDeadline
        return end.map { min($0, statement) } ?? statement
    }
}
