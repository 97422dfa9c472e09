import Logging
import Postgres
import TestSupport
import Testing

/// Every SQLSTATE that means something to this program, sent by a real server.
@Suite("The server's refusals")
struct RefusalTests {
    struct Case: Sendable {
        var sqlState: String
        /// Of a transaction.
        var change: DatabaseError
        /// Of a read; nil is the same.
        var read: DatabaseError?
        /// Whether operators see it without asking for more.
        var isLogged = true
    }

    static let cases: [Case] = [
        Case(sqlState: "23505", change: .constraint(kind: .unique, name: "the_rule"), isLogged: false),
        Case(sqlState: "23503", change: .constraint(kind: .foreignKey, name: "the_rule"), isLogged: false),
        Case(sqlState: "23514", change: .constraint(kind: .check, name: "the_rule"), isLogged: false),
        Case(sqlState: "23502", change: .constraint(kind: .notNull, name: "the_column"), isLogged: false),
        Case(sqlState: "23P01", change: .constraint(kind: .exclusion, name: "the_rule"), isLogged: false),
        Case(sqlState: "40001", change: .serialization, isLogged: false),
        Case(sqlState: "40P01", change: .serialization, isLogged: false),
        Case(sqlState: "55P03", change: .lockTimeout),
        Case(
            sqlState: "25006", change: .readOnly, read: .server(sqlState: "25006", statement: "refuse"),
            isLogged: false),
        Case(sqlState: "57014", change: .cancelled, isLogged: false),
        Case(sqlState: "53100", change: .unavailable(reason: "the server is out of disk space")),
        Case(sqlState: "53200", change: .unavailable(reason: "the server is out of memory")),
        Case(sqlState: "53300", change: .unavailable(reason: "the server has no connection left")),
        Case(sqlState: "53400", change: .unavailable(reason: "the server answered with SQLSTATE 53400")),
        Case(sqlState: "57P01", change: .unavailable(reason: "the server is stopping or starting")),
        Case(sqlState: "57P03", change: .unavailable(reason: "the server is stopping or starting")),
        Case(sqlState: "58030", change: .unavailable(reason: "the server cannot read or write its files")),
        Case(sqlState: "08006", change: .unavailable(reason: "the server answered with SQLSTATE 08006")),
        Case(sqlState: "42P01", change: .server(sqlState: "42P01", statement: "refuse")),
        Case(sqlState: "42501", change: .server(sqlState: "42501", statement: "refuse")),
        Case(sqlState: "22012", change: .server(sqlState: "22012", statement: "refuse")),
        Case(sqlState: "XX000", change: .server(sqlState: "XX000", statement: "refuse")),
        Case(sqlState: "P0001", change: .server(sqlState: "P0001", statement: "refuse"), isLogged: false),
    ]

    @Test(
        "each SQLSTATE is one typed error, logged with it and the statement's name, and without a word of data or SQL")
    func table() async throws {
        let own = try await TestDatabase.makeEmpty()
        for one in Self.cases {
            // One each: some of them are about the server, and remembered.
            let log = RecordedLog()
            let database = try own.open(logger: log.logger)
            try await database.waitUntilReachable(deadline: .seconds(20))
            let refuse = Query(
                "refuse",
                SQL(
                    raw: """
                        DO $$ BEGIN RAISE EXCEPTION 'lee@secret.example is the data' USING
                            ERRCODE = '\(one.sqlState)', DETAIL = 'Key (email)=(lee@secret.example)',
                            HINT = 'lee@secret.example', CONSTRAINT = 'the_rule', COLUMN = 'the_column'; END $$
                        """))
            for (isRead, expected) in [(false, one.change), (true, one.read ?? one.change)] {
                var thrown: DatabaseError?
                do {
                    if isRead { _ = try await database.query(refuse) } else { try await database.execute(refuse) }
                } catch {
                    thrown = error
                }
                #expect(thrown == expected, "\(one.sqlState), \(isRead ? "read" : "change")")
                let words = "\(thrown.map { "\($0) \(String(reflecting: $0))" } ?? "")"
                #expect(!words.contains("secret") && !words.contains("RAISE"), "\(words)")
            }
            await database.close()
            let refusals = log.entries.filter { $0.message == "statement refused" }
            #expect(!refusals.isEmpty, "\(one.sqlState)")
            for entry in refusals {
                #expect(entry.metadata["sqlstate"] == one.sqlState && entry.metadata["statement"] == "refuse")
                #expect((entry.level >= .notice) == one.isLogged, "\(one.sqlState): \(entry.level)")
            }
            let holdsMessage = ["42", "57", "53", "08", "25"].contains(String(one.sqlState.prefix(2)))
            for entry in log.entries where !holdsMessage {
                #expect(!"\(entry)".contains("secret"), "\(entry)")
            }
            for entry in log.entries { #expect(!"\(entry)".contains("RAISE") && !"\(entry)".contains("Key (")) }
        }
        own.drop()
    }
}
