import Foundation
import Postgres
import TestSupport
import Testing

@Suite("Transactions")
struct TransactionTests {
    let own: TestDatabase

    init() async throws {
        own = try await TestDatabase.makeEmpty()
    }

    func withDatabase(_ body: (Database) async throws -> Void) async throws {
        try await own.use { database in
            try await database.execute(
                Query(
                    "table",
                    "CREATE TABLE t (id int CONSTRAINT t_once PRIMARY KEY DEFERRABLE INITIALLY IMMEDIATE, v int NOT NULL)"
                ))
            try await body(database)
        }
    }

    func insert(_ id: Int, _ value: Int? = 0) -> Query {
        Query("insert", "INSERT INTO t VALUES (\(id), \(value as Int?))")
    }

    func ids(_ database: Database) async throws -> [Int] {
        try await database.query(Query("ids", "SELECT id FROM t ORDER BY id")).map { try $0.get(0) }
    }

    @Test("statements of one flush and of several are stored together")
    func commit() async throws {
        try await withDatabase { database in
            try await database.transaction("one flush") { $0.execute(insert(1)) }
            try await database.transaction("two flushes") { transaction in
                transaction.execute(insert(2))
                let rows = try await transaction.query(Query("read", "SELECT count(*) FROM t"))
                #expect(try rows[0].get(0, as: Int.self) == 2)
                transaction.execute(insert(3))
            }
            let rows = try await database.transaction("with the commit") { transaction in
                transaction.execute(insert(4))
                return try await transaction.commit(with: [Query("last", "INSERT INTO t VALUES (5, 0) RETURNING id")])
            }
            #expect(try rows[0][0].get(0, as: Int.self) == 5)
            #expect(try await ids(database) == [1, 2, 3, 4, 5])
        }
    }

    @Test("a session bears its transaction's label while that lasts, and its own name again afterwards")
    func sessionLabel() async throws {
        try await withDatabase { database in
            let name = Query("name", "SELECT current_setting('application_name')")
            let own = try await database.execute(name)[0].get(0, as: String.self)
            for isolation in [TransactionIsolation.readCommitted, .serializable] {
                let labelled = try await database.transaction("labelled", isolation: isolation, sessionLabel: "a b") {
                    try await $0.query(name)[0].get(0, as: String.self)
                }
                #expect(labelled == "a b")
                for _ in 0..<20 {
                    let after = try await database.transaction("plain") {
                        try await $0.query(name)[0].get(0, as: String.self)
                    }
                    #expect(after == own)
                }
            }
            // Taken back as well when nothing is stored.
            _ = try? await database.transaction("failed", sessionLabel: "c") { transaction in
                transaction.execute(insert(1, nil))
            }
            #expect(try await database.execute(name)[0].get(0, as: String.self) == own)
        }
    }

    @Test("a thrown error rolls everything back and passes through, before and after a flush")
    func thrown() async throws {
        struct Own: Error {}
        try await withDatabase { database in
            for flushes in [false, true] {
                await #expect(throws: Own.self) {
                    try await database.transaction("thrown") { transaction in
                        transaction.execute(insert(1))
                        if flushes { _ = try await transaction.query(insert(2)) }
                        throw Own()
                    }
                }
            }
            #expect(try await ids(database) == [])
            // The same connections go on being used.
            try await database.transaction("after") { $0.execute(insert(3)) }
            #expect(try await ids(database) == [3])
        }
    }

    @Test("constraints are told by their kind and name, wherever the error surfaces")
    func constraints() async throws {
        try await withDatabase { database in
            try await database.execute(insert(1))
            await #expect(throws: DatabaseError.constraint(kind: .unique, name: "t_once")) {
                try await database.execute(insert(1))
            }
            await #expect(throws: DatabaseError.constraint(kind: .notNull, name: "v")) {
                try await database.transaction("at the commit") { $0.execute(insert(2, nil)) }
            }
            await #expect(throws: DatabaseError.constraint(kind: .unique, name: "t_once")) {
                try await database.transaction("at the next await") { transaction in
                    transaction.execute(insert(1))
                    _ = try await transaction.query(Query("read", "SELECT 1"))
                }
            }
            await #expect(throws: DatabaseError.constraint(kind: .unique, name: "t_once")) {
                try await database.transaction("swallowed") { transaction in
                    _ = try? await transaction.query(insert(1))
                    transaction.execute(insert(9))
                }
            }
            #expect(try await ids(database) == [1])
        }
    }

    @Test("a deferred constraint speaks at the commit, in a plain unit, in a block, and in a dry run")
    func deferred() async throws {
        try await withDatabase { database in
            try await database.execute(insert(1))
            for isolation in [TransactionIsolation.readCommitted, .repeatableRead] {
                await #expect(throws: DatabaseError.constraint(kind: .unique, name: "t_once")) {
                    try await database.transaction("deferred", isolation: isolation) { transaction in
                        if isolation == .readCommitted { try await transaction.savepoint { _ in } }
                        transaction.execute(Query("defer", "SET CONSTRAINTS ALL DEFERRED"))
                        _ = try await transaction.query(insert(1))
                    }
                }
            }
            await #expect(throws: DatabaseError.constraint(kind: .unique, name: "t_once")) {
                try await database.transaction("dry") { transaction in
                    transaction.rollbackOnly()
                    try await transaction.savepoint { _ in }
                    transaction.execute(Query("defer", "SET CONSTRAINTS ALL DEFERRED"))
                    transaction.execute(insert(1))
                }
            }
            try await database.execute(
                Query("deferrable", "ALTER TABLE t ADD CONSTRAINT v_once UNIQUE (v) DEFERRABLE INITIALLY DEFERRED"))
            await #expect(throws: DatabaseError.constraint(kind: .unique, name: "v_once")) {
                try await database.execute(insert(2))
            }
            #expect(try await ids(database) == [1])
        }
    }

    @Test("a dry run answers what it would answer, reports what would fail, and stores nothing")
    func rollbackOnly() async throws {
        try await withDatabase { database in
            let count = try await database.transaction("dry") { transaction in
                transaction.execute(insert(1))
                let rows = try await transaction.query(Query("count", "SELECT count(*) FROM t"))
                transaction.rollbackOnly()
                transaction.execute(insert(2))
                return try rows[0].get(0, as: Int.self)
            }
            #expect(count == 1)
            await #expect(throws: DatabaseError.constraint(kind: .notNull, name: "v")) {
                try await database.transaction("dry, failing") { transaction in
                    transaction.rollbackOnly()
                    transaction.execute(insert(3, nil))
                }
            }
            let rows = try await database.transaction("dry, with commit") { transaction in
                transaction.rollbackOnly()
                return try await transaction.commit(with: [Query("r", "INSERT INTO t VALUES (7, 7) RETURNING v")])
            }
            #expect(try rows[0][0].get(0, as: Int.self) == 7)
            #expect(try await ids(database) == [])
        }
    }

    @Test("what a savepoint did is undone alone, and the transaction goes on")
    func savepoint() async throws {
        try await withDatabase { database in
            try await database.transaction("savepoint") { transaction in
                // Before there is a block: it must be taken into it.
                _ = try await transaction.query(insert(1))
                transaction.execute(insert(2))
                await #expect(throws: DatabaseError.constraint(kind: .unique, name: "t_once")) {
                    try await transaction.savepoint { inner in
                        _ = try await inner.query(insert(3))
                        _ = try await inner.query(insert(1))
                    }
                }
                await #expect(throws: DatabaseError.constraint(kind: .notNull, name: "v")) {
                    // Its error is this part's, though nobody awaited it inside.
                    try await transaction.savepoint { $0.execute(insert(4, nil)) }
                }
                let value = try await transaction.savepoint { inner in
                    _ = try await inner.query(insert(5))
                    try? await inner.savepoint { deepest in
                        deepest.execute(insert(6))
                        throw CancellationError()
                    }
                    return 5
                }
                #expect(value == 5)
                transaction.execute(insert(7))
            }
            #expect(try await ids(database) == [1, 2, 5, 7])
        }
    }

    @Test("a rollback takes back what came before a block began in mid-unit")
    func midUnitBlock() async throws {
        try await withDatabase { database in
            await #expect(throws: CancellationError.self) {
                try await database.transaction("savepoint, then thrown") { transaction in
                    _ = try await transaction.query(insert(1))
                    try await transaction.savepoint { _ = try await $0.query(insert(2)) }
                    throw CancellationError()
                }
            }
            let left = try await ids(database)
            #expect(left == [])
        }
    }

    @Test("write skew is noticed at serializable and the transaction is run again until both are right")
    func serializable() async throws {
        try await withDatabase { database in
            try await database.execute(insert(1, 1))
            try await database.execute(insert(2, 1))
            // Each takes one off duty as long as another one is on; both look before either acts.
            let looked = Locked(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in 1...2 {
                    group.addTask {
                        try await database.transaction("off duty", retry: .upTo(attempts: 20), isolation: .serializable)
                        { transaction in
                            let on = try await transaction.query(Query("on", "SELECT sum(v) FROM t"))[0].get(
                                0, as: Int.self)
                            looked.withLock { $0 += 1 }
                            while looked.withLock({ $0 < 2 }) { try await Task.sleep(for: .milliseconds(1)) }
                            if on > 1 { transaction.execute(Query("off", "UPDATE t SET v = 0 WHERE id = \(id)")) }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let rows = try await database.query(Query("sum", "SELECT sum(v) FROM t"))
            #expect(try rows[0].get(0, as: Int.self) == 1)
            #expect(await database.metrics().retriesAfterCollision >= 1)
        }
    }

    @Test("a deadlock's victim is told, and with retry both are stored")
    func deadlock() async throws {
        try await withDatabase { database in
            try await database.execute(insert(1))
            try await database.execute(insert(2))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for order in [[1, 2], [2, 1]] {
                    group.addTask {
                        try await database.transaction("cross", retry: .safe) { transaction in
                            for id in order {
                                _ = try await transaction.query(Query("add", "UPDATE t SET v = v + 1 WHERE id = \(id)"))
                                try await Task.sleep(for: .milliseconds(40))
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let rows = try await database.query(Query("sum", "SELECT sum(v) FROM t"))
            #expect(try rows[0].get(0, as: Int.self) == 4)
            #expect(await database.metrics().retriesAfterCollision >= 1)
        }
    }

    @Test("a transaction that collides every time is run so often and no oftener, and each time is counted")
    func bounded() async throws {
        try await withDatabase { database in
            try await database.execute(insert(1, 0))
            let runs = Locked(0)
            await #expect(throws: DatabaseError.serialization) {
                try await database.transaction("unlucky", retry: .safe, isolation: .repeatableRead) { transaction in
                    runs.withLock { $0 += 1 }
                    _ = try await transaction.query(Query("look", "SELECT v FROM t"))
                    // Another one is always quicker.
                    try await database.execute(Query("other", "UPDATE t SET v = v + 1"))
                    _ = try await transaction.query(Query("late", "UPDATE t SET v = v + 100"))
                }
            }
            #expect(runs.withLock { $0 } == 3)
            #expect(await database.metrics().retriesAfterCollision == 2)
            #expect(try await database.query(Query("v", "SELECT v FROM t"))[0].get(0, as: Int.self) == 3)
        }
    }

    @Test("a lock that is not to be had in time is told as such")
    func lockTimeout() async throws {
        try await withDatabase { database in
            try await database.execute(insert(1))
            try await database.transaction("holder") { holder in
                _ = try await holder.query(Query("lock", "SELECT * FROM t WHERE id = 1 FOR UPDATE"))
                await #expect(throws: DatabaseError.lockTimeout) {
                    try await database.transaction("nowait") { other in
                        _ = try await other.query(Query("lock", "SELECT * FROM t WHERE id = 1 FOR UPDATE NOWAIT"))
                    }
                }
            }
        }
    }

    @Test("hundreds of transactions take turns on a few connections, and each is stored")
    func turns() async throws {
        try await withDatabase { database in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for id in 0..<400 {
                    group.addTask {
                        try await database.transaction("turn") { transaction in
                            if id % 4 == 0 { _ = try await transaction.query(Query("read", "SELECT 1")) }
                            transaction.execute(insert(id))
                        }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await ids(database).count == 400)
            let metrics = await database.metrics()
            #expect(metrics.connectionsOpen <= 2 * (8 + 2) + 1)
            #expect(metrics.connectionsLost == 0)
        }
    }
}
