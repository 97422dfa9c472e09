import Foundation
import Postgres
import Sockets
import TestSupport
import Testing

@Suite("Outages", .serialized, .timeLimit(.minutes(15)))
struct OutageTests {
    func withCluster(
        _ body: (Cluster, Database) async throws -> Void
    ) async throws {
        let cluster = try await TestCluster.onThread {
            try TestCluster.start(settings: ["synchronous_commit": "on"]).get()
        }
        let database = Database(
            configuration: try DatabaseConfiguration(cluster.connection), loops: TestLoops.shared.loops,
            logger: TestLoops.logger)
        try await database.waitUntilReachable()
        try await database.execute(Query("table", "CREATE TABLE t (id int PRIMARY KEY)"))
        do {
            try await body(cluster, database)
        } catch {
            await database.close()
            await cluster.stop()
            throw error
        }
        await database.close()
        await cluster.stop()
    }

    /// Waits for the health to change. - Returns: how long it took.
    func waitFor(reachable: Bool, _ database: Database, within limit: Duration) async throws -> Duration {
        let began = ContinuousClock.now
        while database.health.isReachable != reachable {
            try #require(.now - began < limit, "health still says \(!reachable): \(database.health)")
            try await Task.sleep(for: .milliseconds(5))
        }
        return .now - began
    }

    @Test("a server killed with -9: requests fail fast, the health says so, and after the restart all goes on")
    func killed() async throws {
        try await withCluster { cluster, database in
            try await database.execute(Query("one", "INSERT INTO t VALUES (1)"))
            for how in [SIGKILL, SIGINT] {
                let process = try #require(cluster.process)
                let held = try await holdOpen(database)
                kill(process, how)
                await #expect(throws: DatabaseError.self) { try await held.value }
                _ = try await waitFor(reachable: false, database, within: .seconds(6))
                // Fast: no statement waits for its deadline of ten seconds, on however busy a machine.
                let took = await ContinuousClock().measure {
                    for _ in 0..<20 {
                        await #expect(throws: DatabaseError.self) { try await database.query(Query("one", "SELECT 1")) }
                        await #expect(throws: DatabaseError.self) {
                            try await database.execute(Query("one", "SELECT 1"))
                        }
                    }
                }
                #expect(took < .seconds(20))
                // A server that is stopping in order takes its time.
                while try await !TestCluster.onThread({ try cluster.reviveBlocking() }) {
                    try await Task.sleep(for: .milliseconds(10))
                }
                let began = ContinuousClock.now
                while true {
                    do {
                        let rows = try await database.query(Query("read", "SELECT id FROM t"))
                        #expect(rows.count == 1)
                        break
                    } catch DatabaseError.unavailable {
                        try #require(.now - began < .seconds(5), "not back soon")
                        try await Task.sleep(for: .milliseconds(10))
                    }
                }
                try await database.execute(Query("write", "UPDATE t SET id = id"))
            }
        }
    }

    /// A transaction that waits, holding a connection.
    private func holdOpen(_ database: Database) async throws -> Task<Void, any Error> {
        let (began, continuation) = AsyncStream<Void>.makeStream()
        let task = Task {
            try await database.transaction("held") { transaction in
                _ = try await transaction.query(Query("one", "SELECT 1"))
                continuation.finish()
                _ = try await transaction.query(Query("sleep", "SELECT pg_sleep(20)"))
            }
        }
        for await _ in began {}
        return task
    }

    @Test(
        "connections ended one by one under load: reads never notice, transactions fail or are run again, none is lost")
    func terminated() async throws {
        try await withCluster { _, database in
            let stored = Locked<Set<Int>>([])
            let unknown = Locked(0)
            try await withThrowingTaskGroup(of: Void.self) { group in
                let end = ContinuousClock.now + .seconds(4)
                for worker in 0..<8 {
                    group.addTask {
                        var number = worker * 1_000_000
                        while ContinuousClock.now < end {
                            number += 1
                            let id = number
                            _ = try await database.query(Query("read", "SELECT count(*) FROM t"))
                            do {
                                try await database.transaction("insert", retry: .safe) { transaction in
                                    _ = try await transaction.query(Query("look", "SELECT 1"))
                                    transaction.execute(Query("insert", "INSERT INTO t VALUES (\(id))"))
                                }
                                stored.withLock { _ = $0.insert(id) }
                            } catch DatabaseError.outcomeUnknown {
                                unknown.withLock { $0 += 1 }
                            } catch DatabaseError.unavailable {
                            }
                        }
                    }
                }
                group.addTask {
                    while ContinuousClock.now < end {
                        // Slower than a busy machine connects: a read is sent four times at most.
                        try await Task.sleep(for: .milliseconds(250))
                        do {
                            try await database.execute(
                                Query(
                                    "cut",
                                    """
                                    SELECT pg_terminate_backend(pid) FROM (
                                        SELECT pid FROM pg_stat_activity WHERE datname = current_database()
                                            AND usename = current_user AND pid <> pg_backend_pid() ORDER BY random() LIMIT 2) AS chosen
                                    """))
                        } catch DatabaseError.unavailable {
                        } catch DatabaseError.outcomeUnknown {
                        }
                    }
                }
                try await group.waitForAll()
            }
            let rows = try await database.query(Query("ids", "SELECT id FROM t"))
            let there = Set(try rows.map { try $0.get(0, as: Int.self) })
            let told = stored.withLock { $0 }
            #expect(told.subtracting(there).isEmpty, "acknowledged and not there")
            #expect(there.subtracting(told).count <= unknown.withLock { $0 })
            let metrics = await database.metrics()
            #expect(told.count > 100)
            #expect(metrics.connectionsLost > 10, "\(metrics)")
        }
    }

    @Test("dropped packets are noticed within two seconds, what waits is told, and recovery is quick")
    func dropped() async throws {
        let cluster = try await TestCluster.get()
        let own = try await TestDatabase.makeEmpty()
        defer { own.drop() }
        let proxy = try LossyProxy(socketFolder: cluster.socketFolder)
        defer { proxy.stop() }
        let database = Database(
            configuration: try DatabaseConfiguration(proxy.connection(database: own.name)),
            loops: TestLoops.shared.loops, logger: TestLoops.logger)
        try await database.waitUntilReachable()
        _ = try await database.query(Query("one", "SELECT 1"))
        // Idle for longer than a ping: it stays up.
        try await Task.sleep(for: .milliseconds(1200))
        #expect(database.health.isReachable)

        proxy.set(.dropping)
        let began = ContinuousClock.now
        let waiting = Task { try await database.query(Query("one", "SELECT 1")) }
        let changing = Task { try await database.execute(Query("one", "SELECT 1")) }
        await #expect(throws: DatabaseError.self) { try await waiting.value }
        do {
            _ = try await changing.value
            Issue.record("a change was acknowledged by a server out of reach")
        } catch let error as DatabaseError {
            // Sent with its commit, or not sent at all where a connection had to be opened first.
            var isUnavailable = false
            if case .unavailable = error { isUnavailable = true }
            #expect(error == .outcomeUnknown || isUnavailable)
        }
        #expect(ContinuousClock.now - began < .seconds(8))
        _ = try await waitFor(reachable: false, database, within: .seconds(6))
        let took = await ContinuousClock().measure {
            for _ in 0..<100 {
                await #expect(throws: DatabaseError.self) { try await database.query(Query("one", "SELECT 1")) }
            }
        }
        // A hundred, in far less than any of them would wait for the network.
        #expect(took < .seconds(20))

        proxy.set(.refusing)
        proxy.set(.forwarding)
        _ = try await waitFor(reachable: true, database, within: .milliseconds(1500))
        _ = try await database.query(Query("one", "SELECT 1"))
        try await database.execute(Query("one", "SELECT 1"))
        await database.close()
    }

    @Test("a commit whose answer never came is of unknown outcome, and is not run again")
    func unknownOutcome() async throws {
        let cluster = try await TestCluster.get()
        let own = try await TestDatabase.makeEmpty()
        defer { own.drop() }
        let direct = try own.open()
        try await direct.execute(Query("table", "CREATE TABLE t (id int)"))
        let proxy = try LossyProxy(socketFolder: cluster.socketFolder)
        defer { proxy.stop() }
        let database = Database(
            configuration: try DatabaseConfiguration(proxy.connection(database: own.name)),
            loops: TestLoops.shared.loops, logger: TestLoops.logger)
        await #expect(throws: DatabaseError.outcomeUnknown) {
            try await database.transaction("unknown", retry: .safe) { transaction in
                _ = try await transaction.query(Query("one", "SELECT 1"))
                transaction.execute(Query("insert", "INSERT INTO t VALUES (1)"))
                // The commit gets there, its answer does not come back.
                proxy.set(.droppingAnswers)
            }
        }
        proxy.set(.refusing)
        // It happened, as it may: once.
        #expect(try await direct.query(Query("count", "SELECT id FROM t")).count == 1)
        #expect(await database.metrics().unknownOutcomes == 1)
        await database.close()
        await direct.close()
    }

    @Test("a server that takes no writes is said to be unfit, and a write is told so")
    func readOnly() async throws {
        try await withCluster { cluster, database in
            let admin = Database(
                configuration: try DatabaseConfiguration(cluster.connection(database: "hallpass", role: "postgres")),
                loops: TestLoops.shared.loops, logger: TestLoops.logger)
            try await alter(admin, "SET default_transaction_read_only = on")
            await #expect(throws: DatabaseError.readOnly) {
                try await database.transaction("write") { $0.execute(Query("write", "INSERT INTO t VALUES (5)")) }
            }
            _ = try await waitFor(reachable: false, database, within: .seconds(6))
            // Reads are still served.
            _ = try await database.query(Query("read", "SELECT id FROM t"))
            try await alter(admin, "RESET default_transaction_read_only")
            _ = try await waitFor(reachable: true, database, within: .seconds(6))
            try await database.execute(Query("write", "INSERT INTO t VALUES (5)"))
            await admin.close()
        }
    }

    private func alter(_ admin: Database, _ change: String) async throws {
        try await admin.execute(Query("alter", SQL(raw: "ALTER SYSTEM \(change)")))
        try await admin.execute(Query("reload", "SELECT pg_reload_conf()"))
        try await Task.sleep(for: .milliseconds(100))
    }

    @Test("a full disk: unfit for as long as it is full, also while nobody writes, and fit again soon after")
    func fullDisk() async throws {
        try await withCluster { cluster, database in
            // The probe's own function, refused as a file is on a full disk; the monitor's session looks here first.
            for text: SQL in [
                "CREATE SCHEMA disk", "CREATE TABLE disk.ballast ()",
                """
                CREATE FUNCTION disk.array_fill(text, integer[]) RETURNS text[] LANGUAGE plpgsql AS $$ BEGIN
                    IF EXISTS (SELECT FROM disk.ballast) THEN RAISE EXCEPTION 'full' USING ERRCODE = 'disk_full'; END IF;
                    RETURN pg_catalog.array_fill($1, $2);
                END $$
                """, "ALTER ROLE CURRENT_USER SET search_path = disk, public, pg_catalog",
            ] { try await database.execute(Query("disk", text)) }
            let watched = Database(
                configuration: try DatabaseConfiguration(cluster.connection), loops: TestLoops.shared.loops,
                logger: TestLoops.logger)
            do {
                try await watched.waitUntilReachable()
                try await database.execute(Query("fill", "INSERT INTO disk.ballast DEFAULT VALUES"))
                await refuseForWantOfRoom(watched)
                // Longer than any trouble lasts that is not looked for.
                let end = ContinuousClock.now + .seconds(4)
                while ContinuousClock.now < end {
                    try #require(!watched.health.isReachable, "said to be well while the disk was full")
                    try await Task.sleep(for: .milliseconds(20))
                }
                #expect(watched.health.reason?.contains("disk space") == true, "\(watched.health)")
                try await database.execute(Query("empty", "DELETE FROM disk.ballast"))
                _ = try await waitFor(reachable: true, watched, within: .milliseconds(1500))
                // Room where the probe looks, and none where it is needed: the probe is not believed again so soon.
                await refuseForWantOfRoom(watched)
                let quiet = try await waitFor(reachable: true, watched, within: .seconds(8))
                #expect(quiet > .seconds(2))
            } catch {
                await watched.close()
                throw error
            }
            await watched.close()
        }
    }

    private func refuseForWantOfRoom(_ database: Database) async {
        await #expect(throws: DatabaseError.unavailable(reason: "the server is out of disk space")) {
            try await database.execute(
                Query("write", "DO $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = 'disk_full'; END $$"))
        }
    }

    @Test("out of connections: who has one goes on, who needs a new one is told at once")
    func outOfConnections() async throws {
        let cluster = try await TestCluster.onThread {
            try TestCluster.start(settings: ["max_connections": "8", "superuser_reserved_connections": "1"]).get()
        }
        let database = Database(
            configuration: try DatabaseConfiguration(cluster.connection), loops: [TestLoops.shared.loops[0]],
            logger: TestLoops.logger)
        try await database.waitUntilReachable()
        let hog = Database(
            configuration: try DatabaseConfiguration(cluster.connection), loops: [TestLoops.shared.loops[1]],
            logger: TestLoops.logger)
        var held: [Task<Void, any Error>] = []
        for _ in 0..<5 { held.append(try await holdOpen(hog)) }
        try await Task.sleep(for: .milliseconds(50))
        let began = ContinuousClock.now
        await #expect(throws: DatabaseError.self) { try await database.query(Query("one", "SELECT 1")) }
        #expect(ContinuousClock.now - began < .seconds(8))
        #expect(!database.health.isReachable)
        for task in held { task.cancel() }
        await hog.close()
        _ = try await waitFor(reachable: true, database, within: .seconds(3))
        _ = try await database.query(Query("one", "SELECT 1"))
        await database.close()
        await cluster.stop()
    }
}
