import Foundation
import Postgres
import Sockets
import TestSupport
import Testing

@Suite("Reads")
struct QueryTests {
    let own: TestDatabase

    init() async throws {
        own = try await TestDatabase.makeEmpty()
    }

    func withDatabase(
        _ change: (inout DatabaseConfiguration) -> Void = { _ in }, _ body: (Database) async throws -> Void
    ) async throws {
        try await own.use(change, body)
    }

    @Test("a value goes there and back")
    func roundTrip() async throws {
        let id = UUID()
        let now = Date(timeIntervalSinceReferenceDate: Double(817_000_000_123) / 1000)
        let day = try #require(SQLDate("2026-11-23"))
        try await withDatabase { database in
            let rows = try await database.query(
                Query(
                    "round trip",
                    """
                    SELECT \(42) AS a, \("it's\n$1 ü")::text AS b, \(id) AS c, \(now) AS d, \(day) AS e,
                        \([1, 2, 3] as [UInt8]) AS f, \(["x", "", "\"y,"]) AS g, \(nil as String?)::text AS h, \(true) AS i,
                        \(1.5) AS j, \(JSONText("{\"k\": [1, null]}")) AS k, sum(v) AS l, \([id]) AS m, \(Int32(7)) AS n,
                        \([Int]()) AS o, array['a', NULL] AS p, \("") AS q
                    FROM generate_series(1, 3) AS v
                    """))
            let row = rows[0]
            #expect(try row.get(0, as: Int.self) == 42)
            #expect(try row.get("b", as: String.self) == "it's\n$1 ü")
            #expect(try row.get("c", as: UUID.self) == id)
            #expect(try row.get("d", as: Date.self) == now)
            #expect(try row.get("e", as: SQLDate.self) == day)
            #expect(try row.get("f", as: [UInt8].self) == [1, 2, 3])
            #expect(try row.get("g", as: [String].self) == ["x", "", "\"y,"])
            #expect(try row.get("h", as: String?.self) == nil)
            #expect(try row.get("i", as: Bool.self))
            #expect(try row.get("j", as: Double.self) == 1.5)
            #expect(try row.get("k", as: JSONText.self).text == "{\"k\": [1, null]}")
            #expect(try row.get("l", as: Int.self) == 6)
            #expect(try row.get("m", as: [UUID].self) == [id])
            #expect(try row.get("n", as: Int32.self) == 7)
            #expect(try row.get("o", as: [Int].self) == [])
            #expect(try row.get("p", as: [String?].self) == ["a", nil])
            #expect(try row.get("q", as: String.self) == "")
            #expect(rows.columns.prefix(2) == ["a", "b"])
            #expect(rows.column("n") == 13)
        }
    }

    @Test(
        "numeric is read as a number and as its text",
        arguments: [
            ("0", 0), ("12345678", 12_345_678), ("-9223372036854775808", Int.min), ("9223372036854775807", Int.max),
            ("10000", 10_000), ("100000000", 100_000_000), ("9223372036854775808", nil), ("1.5", nil),
            ("-0.00012", nil),
            ("123456.70", nil),
        ])
    func numeric(text: String, integer: Int?) async throws {
        try await withDatabase { database in
            let rows = try await database.query(Query("numeric", "SELECT \(text)::numeric"))
            #expect(try rows[0].get(0, as: String.self) == text)
            #expect(try rows[0].get(0, as: Double.self) == Double(text))
            if let integer {
                #expect(try rows[0].get(0, as: Int.self) == integer)
            } else {
                #expect(throws: DatabaseError.self) { try rows[0].get(0, as: Int.self) }
            }
        }
    }

    @Test("an enum of strings is bound and read like a string, an unknown one is a decoding error")
    func enums() async throws {
        try await withDatabase { database in
            let rows = try await database.query(Query("enum", "SELECT \(Kind.sso)::text, 'other'"))
            #expect(try rows[0].get(0, as: Kind.self) == .sso)
            #expect(throws: DatabaseError.decoding(statement: "enum", column: "?column?", expected: "Kind")) {
                try rows[0].get(1, as: Kind.self)
            }
        }
    }

    @Test("NULL where a value was asked for names statement, column and type, and no data")
    func null() async throws {
        try await withDatabase { database in
            let rows = try await database.query(Query("a name", "SELECT NULL::text AS gap"))
            #expect(throws: DatabaseError.decoding(statement: "a name", column: "gap", expected: "String")) {
                try rows[0].get("gap", as: String.self)
            }
            #expect(throws: DatabaseError.self) { try rows[0].get("no such column", as: String.self) }
        }
    }

    @Test("a failing read fails alone, its neighbours in the same unit are answered")
    func neighbours() async throws {
        try await withDatabase { database in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<60 {
                    group.addTask(executorPreference: TestLoops.shared.loops[0]) {
                        do {
                            let rows = try await database.query(
                                Query("divide", "SELECT 60 / \(number % 3 == 0 ? 0 : number)"))
                            return try rows[0].get(0, as: Int.self) == 60 / number
                        } catch let error as DatabaseError {
                            return error == .server(sqlState: "22012", statement: "divide") && number % 3 == 0
                        }
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }

    @Test("a statement the server cannot prepare is refused, each time, and its neighbours are not")
    func notPrepared() async throws {
        try await withDatabase { database in
            for _ in 0..<3 {
                async let fine = database.query(Query("fine", "SELECT 1"))
                await #expect(throws: DatabaseError.server(sqlState: "42P01", statement: "nowhere")) {
                    try await database.query(Query("nowhere", "SELECT * FROM nowhere"))
                }
                await #expect(throws: DatabaseError.server(sqlState: "42P01", statement: "nowhere")) {
                    try await database.execute(Query("nowhere", "UPDATE nowhere SET a = 1"))
                }
                let count = try await fine.count
                #expect(count == 1)
            }
        }
    }

    @Test("a write by way of a read is refused by the server")
    func readOnly() async throws {
        try await withDatabase { database in
            try await database.execute(Query("table", "CREATE TABLE t (a int)"))
            await #expect(throws: DatabaseError.server(sqlState: "25006", statement: "sneaky")) {
                try await database.query(Query("sneaky", "INSERT INTO t VALUES (1)"))
            }
        }
    }

    @Test("a string with a NUL is refused as the server would")
    func nul() async throws {
        try await withDatabase { database in
            await #expect(throws: DatabaseError.server(sqlState: "22021", statement: "nul")) {
                try await database.query(Query("nul", "SELECT \("a\u{0}b")::text"))
            }
            await #expect(throws: DatabaseError.server(sqlState: "22021", statement: "nul")) {
                try await database.execute(Query("nul", "SELECT \("a\u{0}b")::text"))
            }
        }
    }

    @Test("several reads come back in their order")
    func all() async throws {
        try await withDatabase { database in
            let results = try await database.query(all: (0..<50).map { Query("number", "SELECT \($0)") })
            #expect(try results.map { try $0[0].get(0, as: Int.self) } == Array(0..<50))
        }
    }

    @Test("more statements than the cache holds are prepared again when they come back")
    func eviction() async throws {
        try await withDatabase {
            $0.statementLimit = 8
        } _: { database in
            for round in 0..<3 {
                for number in 0..<30 {
                    let rows = try await database.query(Query("many", SQL(raw: "SELECT \(number) + \(round * 0)")))
                    #expect(try rows[0].get(0, as: Int.self) == number)
                }
            }
            // What was given up is given up on the server too.
            let rows = try await database.query(Query("count", "SELECT count(*) FROM pg_prepared_statements"))
            #expect(try rows[0].get(0, as: Int.self) <= 12)
        }
    }

    @Test("a statement whose result a migration changed is prepared anew")
    func stalePlan() async throws {
        try await withDatabase {
            $0.readersPerLoop = 1
        } _: { database in
            try await database.execute(Query("table", "CREATE TABLE t AS SELECT 1 AS a"))
            let query = Query("star", "SELECT * FROM t")
            #expect(try await database.query(all: [query, query])[0].columns == ["a"])
            try await database.execute(Query("alter", "ALTER TABLE t ADD COLUMN b text DEFAULT 'x'"))
            for _ in 0..<4 {
                let rows = try await database.query(query)
                #expect(rows.columns == ["a", "b"])
                #expect(try rows[0].get("b", as: String.self) == "x")
            }
        }
    }

    @Test("a thousand reads at once from everywhere are all answered")
    func many() async throws {
        try await withDatabase { database in
            let sum = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<1000 {
                    group.addTask {
                        try await database.query(Query("n", "SELECT \(number)"))[0].get(0)
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(sum == 499_500)
            let metrics = await database.metrics()
            let statement = try #require(metrics.statements.first { $0.name == "n" })
            #expect(statement.count == 1000)
            #expect(statement.errors == 0)
            #expect(statement.histogram.reduce(0, +) == 1000)
        }
    }

    @Test("a read that is planned each time is planned for its values, and its neighbours are not")
    func plannedEachTime() async throws {
        try await withDatabase { database in
            let setting: SQL = "SELECT current_setting('plan_cache_mode')"
            let loop = TestLoops.shared.loops[0]
            let modes = try await withThrowingTaskGroup(of: (Bool, String).self) { group in
                for number in 0..<40 {
                    group.addTask(executorPreference: loop) {
                        let isPlanned = number % 3 == 0
                        let query = Query("mode", setting, isPlannedEachTime: isPlanned)
                        return (isPlanned, try await database.query(query)[0].get(0))
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(modes.allSatisfy { $0.1 == ($0.0 ? "force_custom_plan" : "auto") })
        }
    }
}

private enum Kind: String, SQLValue, SQLDecodable {
    case sso
    case rostering
}
