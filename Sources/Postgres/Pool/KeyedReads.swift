internal import Foundation
internal import Sockets

// Look-ups by id that are asked for in one turn of the loop go to the server as one statement with all the ids. To start a
// statement, describe its columns and end it costs the server and libpq more than the rows of one id do. One that is asked
// for alone has the plain form, so nothing is lost while there is little to do.

/// A quick read of the rows that belong to an id, which is put together with others of its kind.
public struct KeyedQuery: Sendable {
    let one: Query
    let many: Query
    /// The column that says whose a row is.
    let keyColumn: Int

    /// - Parameters:
    ///   - name: of the form for one id; `manyName` is that of the form for many.
    ///   - keyColumn: where the id stands among the columns, as in every row.
    ///   - rows: a SELECT of the rows of the id that it is given as an expression.
    public init(_ name: StaticString, many manyName: StaticString, keyColumn: Int, rows: (_ id: SQL) -> SQL) {
        one = Query(name, rows("\(UUID())"), isQuick: true)
        many = Query(
            manyName,
            """
            SELECT found.* FROM unnest(\([UUID]())) asked (id) CROSS JOIN LATERAL (\(rows("asked.id"))) found
            """, isQuick: true)
        self.keyColumn = keyColumn
    }

    /// The statement for one id.
    func bound(to id: UUID) -> Query {
        var query = one
        query.sql = one.sql.rebinding([UUID](repeating: id, count: one.sql.parameters.count))
        return query
    }

    /// The statement for all of the ids.
    func bound(to ids: [UUID]) -> Query {
        var query = many
        query.sql = many.sql.rebinding(array: ids)
        return query
    }
}

/// The look-ups of one loop that wait for the end of its turn.
final class KeyedReads {
    private let pool: LoopPool
    private var waiting: [KeyedRead] = []

    /// As many as there is an answer for soon; what comes beyond shares the next statement.
    private static let limit = 32

    init(pool: LoopPool) {
        self.pool = pool
    }

    func take(_ read: KeyedRead) {
        waiting.append(read)
        guard waiting.count == 1 else { return }
        let reads = LoopBound(self)
        pool.loop.execute { reads.value.send() }
    }

    private func send() {
        let reads = waiting
        waiting = []
        var start = 0
        while start < reads.count {
            // Those of one kind that stand together, which nearly always is all of them.
            let name = StatementName(reads[start].query.one.name)
            var end = start + 1
            while end < reads.count, end - start < Self.limit, StatementName(reads[end].query.one.name) == name {
                end += 1
            }
            send(Array(reads[start..<end]))
            start = end
        }
    }

    private func send(_ reads: [KeyedRead]) {
        let reads = reads.filter { !$0.isFinished }
        guard let first = reads.first else { return }
        let query = reads.count == 1 ? first.query.bound(to: first.id) : first.query.bound(to: reads.map(\.id))
        switch pool.submit(query, deadline: nil, sessionLabel: nil) {
        case .failure(let error):
            for read in reads { read.finish(.failure(error)) }
        case .success(let step):
            let group = KeyedGroup(reads, step: step, sendAlone: { [unowned self] in send([$0]) })
            for read in reads { read.group = group }
            step.follow = { group.deal($0) }
        }
    }
}

/// Look-ups that share a statement.
final class KeyedGroup {
    private let reads: [KeyedRead]
    private var awaited: Int
    private weak var step: ReadStep?
    private let sendAlone: (KeyedRead) -> Void

    init(_ reads: [KeyedRead], step: ReadStep, sendAlone: @escaping (KeyedRead) -> Void) {
        self.reads = reads
        awaited = reads.count
        self.step = step
        self.sendAlone = sendAlone
    }

    /// Gives everyone their rows, or the error.
    func deal(_ result: Result<Rows, DatabaseError>) {
        switch result {
        case .failure(.server) where reads.count > 1:
            // What the server refuses for one id it may grant for the others.
            for read in reads { sendAlone(read) }
        case .failure(let error):
            for read in reads { read.finish(.failure(error)) }
        case .success(let rows):
            do throws(DatabaseError) {
                try deal(rows)
            } catch {
                for read in reads { read.finish(.failure(error)) }
            }
        }
    }

    private func deal(_ rows: Rows) throws(DatabaseError) {
        guard reads.count > 1 else { return reads[0].finish(.success(Array(rows))) }
        var found: [UUID: [Row]] = [:]
        found.reserveCapacity(reads.count)
        for row in rows { found[try row.get(reads[0].query.keyColumn), default: []].append(row) }
        for read in reads { read.finish(.success(found[read.id] ?? [])) }
    }

    /// One of them is awaited no longer; the statement is cancelled when none is.
    func leave() {
        awaited -= 1
        if awaited == 0 { step?.complete(.failure(.cancelled)) }
    }
}

/// One look-up and who waits for it. Touched on its loop's thread only.
final class KeyedRead: @unchecked Sendable {
    // @unchecked: touched on its loop's thread only.
    let query: KeyedQuery
    let id: UUID
    var group: KeyedGroup?
    private var caller: UnsafeContinuation<Result<[Row], DatabaseError>, Never>?
    private var result: Result<[Row], DatabaseError>?

    init(_ query: KeyedQuery, _ id: UUID) {
        self.query = query
        self.id = id
    }

    var isFinished: Bool { result != nil }

    func finish(_ result: Result<[Row], DatabaseError>) {
        guard self.result == nil else { return }
        self.result = result
        group = nil
        if let caller {
            self.caller = nil
            caller.resume(returning: result)
        }
    }

    /// Nobody waits for it any more.
    func cancel() {
        guard result == nil else { return }
        let group = group
        finish(.failure(.cancelled))
        group?.leave()
    }

    func value() async -> Result<[Row], DatabaseError> {
        if let result { return result }
        return await withUnsafeContinuation { caller = $0 }
    }
}
