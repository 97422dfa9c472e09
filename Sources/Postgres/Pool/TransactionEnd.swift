internal import CLibpq
internal import Sockets

// How a transaction ends. What is known and what is not: an error answered to a statement before the sync means that
// nothing was stored; the sync answered without one means that all of it was; a connection lost in between means that
// nobody can tell.

extension Transaction {
    /// Commits. - Throws: `.outcomeUnknown` when the answer did not come.
    func finish() async throws(DatabaseError) {
        try check()
        guard isOpen else {
            isDone = true
            return
        }
        // Lost before anything of the commit was sent: known not to have happened.
        if connection.isLost {
            try await settle()
            wasLost = true
            fail(.unavailable(reason: "the connection was lost"))
            try check()
        }
        let warnings = connection.warnings
        var commit: Step?
        if isInBlock {
            let step = Step(.execute, name: "commit")
            connection.send("COMMIT", as: step)
            commit = step
        }
        let sync = Step(.sync, name: context.name)
        connection.sync(sync)
        let outcome = await outcomeOfCommit(sync, commit)
        try judge(outcome, commit: commit, warned: connection.warnings > warnings)
    }

    /// Waits for the sync. Given up, it is waited for a little longer: the answer may still say what happened.
    private func outcomeOfCommit(_ sync: Step, _ commit: Step?) async -> StepOutcome {
        let outcome = await waiting(for: sync)
        guard case .failure(let failure) = outcome else { return outcome }
        switch failure {
        case .expired, .cancelled:
            // A statement is cancelled, a commit is not. The answers to statements may be held back until the sync, so
            // this is a guess; `judge` looks for the warning that tells of a wrong one.
            let first = connection.pending.first
            let isAtStatement = first !== sync && first !== commit
            if isAtStatement {
                context.pool.statistics.totals.cancels += 1
                cancelledInCommit = true
                connection.canceller.cancel { _ in }
            }
            if case .expired = failure { fail(.deadlineExceeded) } else { fail(.cancelled) }
            sync.reopen(until: max(.now + .seconds(2), isAtStatement ? .now : context.deadline))
            context.pool.startTicking()
            return await sync.wait()
        default: return outcome
        }
    }

    private func judge(_ outcome: StepOutcome, commit: Step?, warned: Bool) throws(DatabaseError) {
        isDone = true
        let givenUp = failure
        failure = nil
        // Steps answered before the connection went are known; the unit's fate is only known from its end or an error.
        let refused = unexamined.filter { if case .failure(.refused) = $0.outcome { true } else { false } }
        examine(refused)
        let commitAnswer = commit?.outcome
        let isWhole = unexamined.allSatisfy { if case .success = $0.outcome { true } else { false } }
        unexamined = []
        if let failure {
            if case .failure = outcome { connection.close() }
            throw failure == .cancelled ? (givenUp ?? failure) : failure
        }
        switch outcome {
        case .success:
            if case .success(let rows?) = commitAnswer, rows.result.tag != "COMMIT" {
                throw lose(.serialization)
            }
            if case .failure(.refused(let reply)) = commitAnswer { throw lose(refusal(reply)) }
            // Committed here, but a cancel ended its wait for the standby: it may yet be lost with this server.
            if (warned && cancelledInCommit) || !isWhole { throw unknown() }
        case .failure(.refused(let reply)): throw lose(refusal(reply))
        case .failure: throw unknown()
        }
    }

    private func refusal(_ reply: ServerReply) -> DatabaseError {
        context.pool.report(reply, statement: context.name)
        return reply.error(statement: context.name)
    }

    private func lose(_ error: DatabaseError) -> DatabaseError {
        failure = error
        return error
    }

    private func unknown() -> DatabaseError {
        context.pool.statistics.totals.unknownOutcomes += 1
        connection.close()
        return lose(.outcomeUnknown)
    }

    /// For a dry run: everything is answered and every deferred constraint checked, then taken back.
    func rehearse() async throws(DatabaseError) {
        try check()
        guard isOpen else { return }
        beginBlock()
        _ = send(Query("check constraints", "SET CONSTRAINTS ALL IMMEDIATE"))
        connection.requestAnswers()
        try await settle()
    }

    /// Rolls back and waits until that is done, so that no lock outlives what is answered. After a failure of the database or
    /// of the wait for it there is nothing to wait for: `release` sees to it then.
    func takeBack() async {
        guard isOpen, !isDone, failure == nil, !mustCancel, !connection.isLost else { return }
        // Makes a block of all that the unit did, so that ROLLBACK takes it back without a warning.
        beginBlock()
        connection.send("ROLLBACK", as: Step(.execute, name: "rollback"))
        let sync = Step(.sync, name: "rollback")
        connection.sync(sync)
        guard case .success = await waiting(for: sync) else { return }
        isDone = connection.transactionStatus == PQTRANS_IDLE
    }

    /// Gives the connection back; what is not committed is rolled back, in the background.
    func release(to lanes: Lanes) {
        guard !connection.isLost else { return }
        // The cancel may still be on its way, and would hit whoever is next.
        guard !cancelledInCommit else { return connection.close() }
        if isDone || !isOpen {
            isDone = true
            return lanes.giveBack(connection)
        }
        isDone = true
        lanes.giveBack(connection, rollingBack: isInBlock, cancelling: mustCancel)
    }

    func rollBack(to savepoint: String, after error: any Error) async throws {
        // What was added and not looked at may have failed as well.
        if failure == nil, !unexamined.isEmpty {
            connection.requestAnswers()
            do { try await settle() } catch {}
        }
        guard !wasLost, !mustCancel, !connection.isLost else { throw error }
        if failure != nil {
            // The server skips everything up to a sync; in a block that ends nothing.
            try await syncInBlock()
            failure = nil
        }
        _ = send(Query("rollback to savepoint", SQL(raw: "ROLLBACK TO SAVEPOINT \(savepoint)")))
        _ = send(Query("release savepoint", SQL(raw: "RELEASE SAVEPOINT \(savepoint)")))
    }

    /// Ends the unit, not the block. - Throws: `.unavailable` and the like; the server's refusals are in the steps.
    func syncInBlock() async throws(DatabaseError) {
        let sync = Step(.sync, name: context.name)
        connection.sync(sync)
        if case .failure(let problem) = await waiting(for: sync) {
            switch problem {
            case .expired: mustCancel = true
            case .cancelled: mustCancel = true
            default: wasLost = true
            }
            let error: DatabaseError
            switch problem {
            case .expired: error = .deadlineExceeded
            case .cancelled: error = .cancelled
            case .lost(let reason): error = .unavailable(reason: reason)
            default: error = .unavailable(reason: "the unit could not be ended")
            }
            failure = error
            throw error
        }
        examine(unexamined)
        unexamined = []
    }
}
