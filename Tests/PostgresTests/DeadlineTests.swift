import Foundation
import Postgres
import Sockets
import TestSupport
import Testing

@Suite("Deadlines and cancellation")
struct DeadlineTests {
    let own: TestDatabase

    init() async throws {
        own = try await TestDatabase.makeEmpty()
    }

    func withDatabase(
        _ change: (inout DatabaseConfiguration) -> Void = { _ in }, _ body: (Database) async throws -> Void
    ) async throws {
        try await own.use(change, body)
    }

    /// How many sleep on the server.
    func sleepers(_ database: Database) async throws -> Int {
        let rows = try await database.query(
            Query(
                "sleepers",
                """
                SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
                    AND wait_event = 'PgSleep'
                """))
        return try rows[0].get(0)
    }

    func waitForSleepers(_ count: Int, _ database: Database) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while try await sleepers(database) != count {
            try #require(ContinuousClock.now < end, "never \(count) sleeping on the server")
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    @Test("a read whose time is up is told so, and is cancelled on the server")
    func readDeadline() async throws {
        try await withDatabase { database in
            let began = ContinuousClock.now
            await #expect(throws: DatabaseError.deadlineExceeded) {
                try await database.query(Query("slow", "SELECT pg_sleep(30)"), deadline: .milliseconds(200))
            }
            #expect(ContinuousClock.now - began < .seconds(15))
            try await waitForSleepers(0, database)
        }
    }

    @Test("neighbours of a cancelled read are answered all the same")
    func neighbours() async throws {
        try await withDatabase {
            $0.readersPerLoop = 1
        } _: { database in
            try await withThrowingTaskGroup(of: Int?.self) { group in
                for number in 0..<20 {
                    group.addTask(executorPreference: TestLoops.shared.loops[0]) {
                        if number == 3 {
                            await #expect(throws: DatabaseError.deadlineExceeded) {
                                try await database.query(
                                    Query("slow", "SELECT pg_sleep(30)"), deadline: .milliseconds(100))
                            }
                            return nil
                        }
                        return try await database.query(Query("quick", "SELECT \(number)"))[0].get(0)
                    }
                }
                var answers: Set<Int> = []
                for try await answer in group { answer.map { _ = answers.insert($0) } }
                #expect(answers == Set(0..<20).subtracting([3]))
            }
        }
    }

    @Test("a cancelled task's read is cancelled on the server")
    func readCancelled() async throws {
        try await withDatabase { database in
            let task = Task { try await database.query(Query("slow", "SELECT pg_sleep(30)")) }
            try await waitForSleepers(1, database)
            task.cancel()
            await #expect(throws: DatabaseError.cancelled) { try await task.value }
            try await waitForSleepers(0, database)
        }
    }

    @Test("a slow read holds up no quick one")
    func slowNeighbour() async throws {
        try await withDatabase { database in
            let slow = Task(executorPreference: TestLoops.shared.loops[0]) {
                try await database.query(Query("slow", "SELECT pg_sleep(30)"))
            }
            try await waitForSleepers(1, database)
            // A statement counts as slow after a few milliseconds.
            try await Task.sleep(for: .milliseconds(50))
            let took = try await ContinuousClock().measure {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for _ in 0..<50 {
                        group.addTask(executorPreference: TestLoops.shared.loops[0]) {
                            _ = try await database.query(Query("quick", "SELECT 1"))
                        }
                    }
                    try await group.waitForAll()
                }
            }
            #expect(took < .seconds(15))
            slow.cancel()
        }
    }

    @Test("a transaction's statement whose time is up is cancelled, and its connection serves the next one unharmed")
    func transactionDeadline() async throws {
        try await withDatabase {
            $0.connectionsPerLoop = 1
        } _: { database in
            try await database.execute(Query("table", "CREATE TABLE t (id int)"))
            // Each loop has its connection before time is short.
            for loop in TestLoops.shared.loops {
                _ = try await loop.run { try await database.execute(Query("warm", "SELECT 1")) }
            }
            for round in 0..<3 {
                await #expect(throws: DatabaseError.deadlineExceeded) {
                    try await database.transaction("slow", deadline: .milliseconds(150)) { transaction in
                        transaction.execute(Query("insert", "INSERT INTO t VALUES (\(round))"))
                        _ = try await transaction.query(Query("sleep", "SELECT pg_sleep(30)"))
                    }
                }
                await #expect(throws: DatabaseError.deadlineExceeded) {
                    try await database.execute(Query("sleep", "SELECT pg_sleep(30)"), deadline: .milliseconds(150))
                }
                try await database.execute(Query("insert", "INSERT INTO t VALUES (\(round + 100))"))
            }
            let rows = try await database.query(Query("ids", "SELECT id FROM t ORDER BY id"))
            #expect(try rows.map { try $0.get(0, as: Int.self) } == [100, 101, 102])
            try await waitForSleepers(0, database)
            #expect(await database.metrics().cancels == 6)
        }
    }

    @Test("a cancelled task's transaction is rolled back and cancelled on the server")
    func transactionCancelled() async throws {
        try await withDatabase { database in
            try await database.execute(Query("table", "CREATE TABLE t (id int)"))
            let task = Task {
                try await database.transaction("slow") { transaction in
                    transaction.execute(Query("insert", "INSERT INTO t VALUES (1)"))
                    _ = try await transaction.query(Query("sleep", "SELECT pg_sleep(30)"))
                }
            }
            try await waitForSleepers(1, database)
            task.cancel()
            await #expect(throws: DatabaseError.cancelled) { try await task.value }
            try await waitForSleepers(0, database)
            #expect(try await database.query(Query("count", "SELECT id FROM t")).isEmpty)
        }
    }

    @Test("who waits too long for a connection, or finds too many waiting, is turned away")
    func overloaded() async throws {
        try await withDatabase {
            $0.connectionsPerLoop = 1
            $0.queueLimit = 2
            $0.queueDeadline = .seconds(3)
        } _: { database in
            let loop = TestLoops.shared.loops[0]
            let (held, release) = (AsyncStream<Void>.makeStream(), AsyncStream<Void>.makeStream())
            let holder = Task(executorPreference: loop) {
                try await database.transaction("holder") { transaction in
                    _ = try await transaction.query(Query("one", "SELECT 1"))
                    held.continuation.finish()
                    for await _ in release.stream {}
                }
            }
            for await _ in held.stream {}
            let outcomes = await withTaskGroup(of: (DatabaseError?, Duration).self) { group in
                for _ in 0..<5 {
                    group.addTask(executorPreference: loop) {
                        let began = ContinuousClock.now
                        do {
                            try await database.execute(Query("one", "SELECT 1"))
                            return (nil, .now - began)
                        } catch {
                            return (error as? DatabaseError, .now - began)
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(outcomes.allSatisfy { $0.0 == .overloaded })
            // Three at once, two after waiting.
            #expect(outcomes.filter { $0.1 < .seconds(2) }.count == 3)
            release.continuation.finish()
            try await holder.value
            try await database.execute(Query("one", "SELECT 1"))
            #expect(await database.metrics().turnedAway == 5)
        }
    }
}
