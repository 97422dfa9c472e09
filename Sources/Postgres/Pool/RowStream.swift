internal import Sockets

extension Database {
    /// Streams a read of any length in batches, over a connection of its own: the server is asked for the next batch while
    /// the last one is worked on, and for no more. All rows are of one moment.
    /// - Parameters:
    ///   - batch: rows in a batch, 1 or more.
    ///   - sessionLabel: the session's `application_name` while the stream lasts.
    public func rows(_ query: Query, batch: Int = 500, sessionLabel: String? = nil) -> RowStream {
        precondition(batch >= 1)
        return RowStream(database: self, query: query, batch: batch, sessionLabel: sessionLabel)
    }

    /// Streams `COPY … TO STDOUT`, over a connection of its own, in pieces of whole rows. - Returns: the number of rows.
    @discardableResult
    public func copyOut(_ query: Query, _ body: (ArraySlice<UInt8>) async throws -> Void) async throws -> Int {
        let pool = currentPool ?? nextPool
        return try await pool.loop.run {
            let transaction = try await Self.openStream(query, on: pool)
            defer { transaction.release(to: pool.streams) }
            return try await transaction.copyOut(query, body)
        }
    }

    fileprivate static func openStream(
        _ query: Query, sessionLabel: String? = nil, on pool: LoopPool
    ) async throws(DatabaseError) -> Transaction {
        if let refusal = pool.refusal(query.sql, query.name) { throw refusal }
        let context = TransactionContext(
            name: query.name, pool: pool, isolation: .readCommitted,
            statementDeadline: pool.configuration.statementDeadline, end: nil, sessionLabel: sessionLabel)
        let connection = try await pool.streams.take(deadline: context.deadline).get()
        return Transaction(connection: connection, context: context)
    }
}

/// The batches of a streamed read. Each iteration runs the statement anew.
public struct RowStream: AsyncSequence, Sendable {
    public typealias Element = Rows

    let database: Database
    let query: Query
    let batch: Int
    let sessionLabel: String?

    public func makeAsyncIterator() -> Iterator {
        let pool = database.currentPool ?? database.nextPool
        return Iterator(cursor: RowCursor(pool: pool, query: query, batch: batch, sessionLabel: sessionLabel))
    }

    public struct Iterator: AsyncIteratorProtocol {
        let cursor: RowCursor

        /// - Throws: `DatabaseError`; the stream is over then.
        public mutating func next() async throws -> Rows? {
            if cursor.pool.loop.isCurrent { return try await cursor.next() }
            let cursor = cursor
            return try await cursor.pool.loop.run { try await cursor.next() }
        }
    }
}

/// A server-side cursor in a read-only transaction, one batch ahead of who reads it.
final class RowCursor: @unchecked Sendable {
    // @unchecked: `next` runs on the pool's loop only, one at a time; `deinit` hands what is left over to the loop.
    let pool: LoopPool
    private let query: Query
    private let batch: Int
    private let sessionLabel: String?
    private var transaction: Transaction?
    private var ahead: Step?
    private var isOver = false

    init(pool: LoopPool, query: Query, batch: Int, sessionLabel: String?) {
        self.sessionLabel = sessionLabel
        self.pool = pool
        self.query = query
        self.batch = batch
    }

    deinit {
        guard let transaction else { return }
        let left = LoopBound(transaction)
        let pool = pool
        pool.loop.execute { left.value.release(to: pool.streams) }
    }

    func next() async throws(DatabaseError) -> Rows? {
        guard !isOver else { return nil }
        do throws(DatabaseError) {
            if transaction == nil { try await open() }
            guard let transaction, let step = ahead else { return nil }
            try await transaction.settle()
            guard case .success(let rows?) = step.outcome, !rows.isEmpty else {
                close()
                return nil
            }
            if rows.count < batch {
                close()
            } else {
                fetch(transaction)
            }
            return rows
        } catch {
            close()
            throw error
        }
    }

    private func open() async throws(DatabaseError) {
        let transaction = try await Database.openStream(query, sessionLabel: sessionLabel, on: pool)
        self.transaction = transaction
        transaction.beginBlock(with: "BEGIN READ ONLY")
        let declare: SQL = "DECLARE stream NO SCROLL CURSOR FOR \(query.sql)"
        _ = transaction.send(Query(query.name, declare))
        fetch(transaction)
    }

    private func fetch(_ transaction: Transaction) {
        ahead = transaction.send(Query(query.name, SQL(raw: "FETCH FORWARD \(batch) FROM stream")))
        transaction.connection.requestAnswers()
    }

    private func close() {
        isOver = true
        ahead = nil
        transaction?.release(to: pool.streams)
        transaction = nil
    }
}
