/// A statement prepared on one connection.
final class PreparedStatement {
    let name: String
    let text: String
    let types: [SQLType]
    /// Set once the server was asked to prepare it; reset when it turns out that it was not.
    var isPrepared = false
    var columns: Columns?
    /// Why the server would not prepare it.
    var refusal: ServerReply?
    fileprivate(set) var lastUse: UInt64 = 0
    /// The same text with parameters of other types.
    fileprivate var sibling: PreparedStatement?

    init(name: String, text: String, types: [SQLType]) {
        self.name = name
        self.text = text
        self.types = types
    }

    func fits(_ parameters: [SQLParameter]) -> Bool {
        guard parameters.count == types.count else { return false }
        for index in types.indices where types[index] != parameters[index].type { return false }
        return true
    }
}

/// A connection's prepared statements by text and parameter types, the least recently used given up beyond a limit.
struct StatementCache {
    private var statements: [String: PreparedStatement] = [:]
    /// What a query of that name used last: nearly always what it uses next, and found without hashing its text.
    private var latest: [StatementName: PreparedStatement] = [:]
    private var uses: UInt64 = 0
    private var serial = 0
    private var count = 0
    let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    /// The statement for a query, made when there is none yet.
    mutating func statement(for sql: SQL, name: StaticString) -> PreparedStatement {
        let name = StatementName(name)
        if let statement = latest[name], statement.text == sql.text, statement.fits(sql.parameters) {
            uses += 1
            statement.lastUse = uses
            return statement
        }
        let statement = statement(for: sql)
        latest[name] = statement
        return statement
    }

    private mutating func statement(for sql: SQL) -> PreparedStatement {
        uses += 1
        var candidate = statements[sql.text]
        while let statement = candidate {
            if statement.fits(sql.parameters) {
                statement.lastUse = uses
                return statement
            }
            candidate = statement.sibling
        }
        serial += 1
        count += 1
        let statement = PreparedStatement(name: "s\(serial)", text: sql.text, types: sql.parameters.map(\.type))
        statement.lastUse = uses
        statement.sibling = statements[sql.text]
        statements[sql.text] = statement
        return statement
    }

    /// The statements to give up so that the limit holds; the newest use is never among them.
    mutating func evict() -> [PreparedStatement] {
        guard count > limit else { return [] }
        let all = statements.values.flatMap { first in
            sequence(first: first) { $0.sibling }
        }
        let given = all.sorted { $0.lastUse < $1.lastUse }.prefix(count - limit + limit / 8)
            .filter { $0.lastUse != uses }
        for statement in given { forget(statement) }
        return Array(given)
    }

    /// Forgets a statement: used again, it is prepared under a new name.
    mutating func forget(_ statement: PreparedStatement) {
        for (name, other) in latest where other === statement { latest[name] = nil }
        guard let first = statements[statement.text] else { return }
        if first === statement {
            statements[statement.text] = first.sibling
            count -= 1
            return
        }
        var other = first
        while let next = other.sibling {
            if next === statement {
                other.sibling = next.sibling
                count -= 1
                return
            }
            other = next
        }
    }
}
