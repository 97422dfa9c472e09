import Foundation
import Postgres
import TestSupport
import Testing

@Suite("Migrations")
struct MigratorTests {
    let own: TestDatabase

    init() async throws {
        own = try await TestDatabase.makeEmpty()
    }

    func withDatabase(_ body: (Database) async throws -> Void) async throws {
        try await own.use({ $0.connectionsPerLoop = 8 }, body)
    }

    func migration(_ name: String, _ script: String) throws -> Migration {
        try Migration(name: name, bytes: Array(script.utf8))
    }

    func three() throws -> [Migration] {
        [
            try migration("0002_second.sql", "ALTER TABLE a ADD COLUMN c text DEFAULT 'x;y'; INSERT INTO a VALUES (2)"),
            try migration("0001_first.sql", "CREATE TABLE a (b int);\nINSERT INTO a VALUES (1);\n-- the end"),
            try migration("0003_third.sql", "DO $$ BEGIN INSERT INTO a VALUES (3); END $$;"),
        ]
    }

    func rows(_ database: Database) async throws -> [Int] {
        try await database.query(Query("rows", "SELECT b FROM a ORDER BY b")).map { try $0.get(0) }
    }

    @Test("pending migrations are applied in order, once, and the status says so")
    func run() async throws {
        try await withDatabase { database in
            let migrator = try Migrator(database: database, migrations: three())
            #expect(
                try await migrator.status().pending.map(\.name) == [
                    "0001_first.sql", "0002_second.sql", "0003_third.sql",
                ])
            #expect(try await migrator.run() == ["0001_first.sql", "0002_second.sql", "0003_third.sql"])
            #expect(try await rows(database) == [1, 2, 3])
            #expect(try await migrator.run() == [])
            let status = try await migrator.status()
            #expect(status.isCurrent)
            #expect(status.entries.allSatisfy { $0.appliedAt?.hasSuffix("Z") == true })
        }
    }

    @Test("a dry run runs everything and leaves nothing")
    func dryRun() async throws {
        try await withDatabase { database in
            let migrator = try Migrator(database: database, migrations: three())
            #expect(try await migrator.run(dryRun: true).count == 3)
            #expect(try await migrator.status().pending.count == 3)
            let tables = try await database.query(Query("a", "SELECT to_regclass('a') IS NULL"))
            #expect(try tables[0].get(0, as: Bool.self))
        }
    }

    @Test("a changed file is named and refused")
    func changed() async throws {
        try await withDatabase { database in
            try await Migrator(database: database, migrations: three()).run()
            var others = try three()
            others[0] = try migration("0002_second.sql", others[0].script + " ")
            let migrator = try Migrator(database: database, migrations: others)
            await #expect(throws: MigrationError.changed(name: "0002_second.sql")) { try await migrator.run() }
            await #expect(throws: MigrationError.changed(name: "0002_second.sql")) { try await migrator.status() }
        }
    }

    @Test("a schema newer than this program, and a migration that comes too late, are refused")
    func newer() async throws {
        try await withDatabase { database in
            try await Migrator(database: database, migrations: three()).run()
            let older = try Migrator(database: database, migrations: Array(three().prefix(2)))
            await #expect(throws: MigrationError.schemaIsNewer(name: "0003_third.sql")) { try await older.run() }
        }
        try await withOther { database in
            try await Migrator(database: database, migrations: [three()[1], three()[2]]).run()
            let late = try Migrator(database: database, migrations: three())
            await #expect(throws: MigrationError.outOfOrder(name: "0002_second.sql")) { try await late.run() }
        }
    }

    private func withOther(_ body: (Database) async throws -> Void) async throws {
        let other = try await TestDatabase.makeEmpty()
        let database = try other.open()
        try await body(database)
        await database.close()
        other.drop()
    }

    @Test("a failing migration leaves the ones before it, nothing of its own, and says what was wrong")
    func failing() async throws {
        try await withDatabase { database in
            let broken = try migration("0002_broken.sql", "INSERT INTO a VALUES (7); ALTER TABLE nowhere ADD x int")
            let migrator = try Migrator(database: database, migrations: [three()[1], broken])
            await #expect(
                throws: MigrationError.failed(
                    name: "0002_broken.sql", sqlState: "42P01", message: "relation \"nowhere\" does not exist")
            ) {
                try await migrator.run()
            }
            #expect(try await rows(database) == [1])
            #expect(try await migrator.status().pending.map(\.name) == ["0002_broken.sql"])
        }
    }

    @Test("ten starts at once wait for one another, and each migration is applied once")
    func concurrent() async throws {
        try await withDatabase { database in
            let done = try await withThrowingTaskGroup(of: [String].self) { group in
                for _ in 0..<10 {
                    group.addTask { try await Migrator(database: database, migrations: three()).run() }
                }
                return try await group.reduce([], +)
            }
            #expect(done.sorted() == ["0001_first.sql", "0002_second.sql", "0003_third.sql"])
            #expect(try await rows(database) == [1, 2, 3])
        }
    }

    @Test("a migration gives up on a locked table after its attempts, and queues up no one meanwhile")
    func locked() async throws {
        try await withDatabase { database in
            try await Migrator(database: database, migrations: [three()[1]]).run()
            try await database.transaction("holder") { holder in
                _ = try await holder.query(Query("lock", "SELECT * FROM a FOR UPDATE"))
                let migrator = try Migrator(
                    database: database, migrations: three(), lockTimeout: .milliseconds(50), attempts: 2)
                await #expect(throws: MigrationError.locked(name: "0002_second.sql", attempts: 2)) {
                    try await migrator.run()
                }
            }
            #expect(try await Migrator(database: database, migrations: three()).run().count == 2)
        }
    }

    @Test("the repository's own migrations apply to an empty database")
    func own() async throws {
        try await withDatabase { database in
            let migrator = try Migrator(database: database, migrations: TestDatabase.migrations)
            try await migrator.run()
            #expect(try await migrator.status().isCurrent)
        }
    }

    @Test("a file without a number, and two with the same one, are refused")
    func names() throws {
        #expect(throws: MigrationError.badName("first.sql")) { try migration("first.sql", "") }
        #expect(throws: MigrationError.badName("0001_x.sql")) { try Migration(name: "0001_x.sql", bytes: [0xFF]) }
    }
}
