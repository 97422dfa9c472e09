internal import CLibpq
internal import Sockets

/// A refusal with everything the server said, for those who show it to an operator: a migration's author.
enum ScriptError: Error {
    case refused(ServerReply)
}

extension Transaction {
    /// Runs text of several statements, without values, inside this transaction.
    func script(_ name: StaticString, _ text: String, deadline: Duration = .seconds(10)) async throws {
        try await leavePipeline(deadline: deadline) { mode, handle in
            guard PQsendQuery(handle, text) == 1 else {
                throw DatabaseError.unavailable(reason: "the script was not sent")
            }
            if let failure = await mode.drain() { throw self.error(of: failure) }
            var refusal: ServerReply?
            while let result = try await self.next(mode) {
                let status = PQresultStatus(result)
                if status != PGRES_COMMAND_OK, status != PGRES_TUPLES_OK, status != PGRES_EMPTY_QUERY, refusal == nil {
                    refusal = ServerReply(result)
                }
                PQclear(result)
            }
            if let refusal {
                self.fail(refusal.error(statement: name))
                throw ScriptError.refused(refusal)
            }
        }
    }

    /// Leaves pipeline mode for what libpq cannot do in it, and comes back to it. The transaction becomes a block, so that
    /// nothing is committed in between.
    func leavePipeline<Result>(
        deadline: Duration, _ body: (PlainMode, OpaquePointer) async throws -> Result
    ) async throws -> Result {
        try check()
        beginBlock()
        try await syncInBlock()
        try check()
        let handle = connection.handle
        guard !connection.isLost, PQexitPipelineMode(handle) == 1 else {
            connection.close()
            throw DatabaseError.unavailable(reason: "the connection was lost")
        }
        let mode = connection.leavePipeline(deadline: .now + deadline)
        context.pool.startTicking()
        defer { returnToPipeline() }
        let loop = connection.loop
        return try await withTaskCancellationHandler {
            try await body(mode, handle)
        } onCancel: {
            loop.execute { mode.cancel() }
        }
    }

    /// The next result of plain mode; nil after the last.
    func next(_ mode: PlainMode) async throws(DatabaseError) -> OpaquePointer? {
        switch await mode.result() {
        case .success(let result): return result
        case .failure(let failure): throw error(of: failure)
        }
    }

    /// What a failure of plain mode means; the connection is of no more use after any of them.
    func error(of failure: StepFailure) -> DatabaseError {
        let error: DatabaseError
        switch failure {
        case .expired: error = .deadlineExceeded
        case .cancelled: error = .cancelled
        case .lost(let reason): error = .unavailable(reason: reason)
        case .refused(let reply): error = reply.error(statement: context.name)
        case .aborted: error = .unavailable(reason: "the connection was lost")
        }
        fail(error)
        // In the middle of something: its server process is told to stop, and the connection is given up.
        connection.canceller.cancel { _ in }
        connection.close()
        return error
    }

    private func returnToPipeline() {
        guard !connection.isLost else { return }
        connection.plain = nil
        guard PQenterPipelineMode(connection.handle) == 1 else { return connection.close() }
        connection.flush()
    }
}
