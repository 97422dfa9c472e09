import Postgres
import Sockets
import TestSupport
import Testing

@Suite("Names of sessions")
struct SessionLabelTests {
    private static let name: SQL = "SELECT current_setting('application_name')"
    private let own: TestDatabase

    init() async throws {
        own = try await TestDatabase.makeEmpty()
    }

    /// All reads on one connection, so that what one leaves behind would meet the next.
    private func withOneReader(_ body: (Database) async throws -> Void) async throws {
        try await own.use({ $0.readersPerLoop = 1 }, body)
    }

    /// What a read finds as the name of its session.
    private func found(_ database: Database, _ label: String?, isPlanned: Bool = false) async throws -> String {
        try await database.query(Query("name", Self.name, isPlannedEachTime: isPlanned), sessionLabel: label)[0].get(0)
    }

    @Test("a read bears its own name among neighbours with others and none, and those that fail")
    func neighbours() async throws {
        try await withOneReader { database in
            let loop = TestLoops.shared.loops[0]
            let first = Task(executorPreference: loop) { try await found(database, nil) }
            let usual = try await first.value
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask(executorPreference: loop) {
                        let label = number % 3 == 0 ? "label \(number)" : nil
                        if number % 7 == 0 {
                            await #expect(throws: DatabaseError.server(sqlState: "22012", statement: "zero")) {
                                try await database.query(Query("zero", "SELECT 1 / \(0)"), sessionLabel: label)
                            }
                        } else {
                            let name = try await found(database, label, isPlanned: number % 5 == 0)
                            #expect(name == label ?? usual)
                        }
                    }
                }
                try await group.waitForAll()
            }
            let metrics = await database.metrics()
            #expect(metrics.statements.first { $0.name == "name" }?.errors == 0)
        }
    }

    @Test("several reads of one call bear its name, and a name with what no text may hold is cut off there")
    func several() async throws {
        try await withOneReader { database in
            let query = Query("name", Self.name)
            for rows in try await database.query(all: [query, query], sessionLabel: "both") {
                #expect(try rows[0].get(0, as: String.self) == "both")
            }
            #expect(try await found(database, "a\0b") == "a")
        }
    }

    @Test("a read that is given up leaves no name behind, and its cancel costs the next one nothing")
    func givenUp() async throws {
        try await withOneReader { database in
            let loop = TestLoops.shared.loops[0]
            try await Task(executorPreference: loop) {
                let usual = try await found(database, nil)
                for way in 0..<6 {
                    let slow = Query("slow", "SELECT pg_sleep(60)")
                    if way % 2 == 0 {
                        await #expect(throws: DatabaseError.deadlineExceeded) {
                            try await database.query(slow, deadline: .milliseconds(30), sessionLabel: "late")
                        }
                    } else {
                        let task = Task(executorPreference: loop) {
                            _ = try await database.query(slow, sessionLabel: "unwanted")
                        }
                        _ = try await found(database, nil)
                        task.cancel()
                        await #expect(throws: DatabaseError.cancelled) { try await task.value }
                    }
                    #expect(try await found(database, nil) == usual)
                    #expect(try await found(database, "other") == "other")
                }
            }.value
        }
    }

    @Test("a stream's session bears its name while it lasts")
    func stream() async throws {
        try await withOneReader { database in
            let query = Query("names", "SELECT current_setting('application_name') FROM generate_series(1, 5)")
            for _ in 0..<3 {
                for try await rows in database.rows(query, batch: 2, sessionLabel: "stream") {
                    #expect(try rows.map { try $0.get(0, as: String.self) }.allSatisfy { $0 == "stream" })
                }
                for try await rows in database.rows(query, batch: 2) {
                    #expect(try rows.map { try $0.get(0, as: String.self) }.allSatisfy { $0 != "stream" })
                }
            }
        }
    }
}
