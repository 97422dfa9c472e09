// Brings a database's schema up to date, forward only. Each migration runs in a transaction of its own, together with the
// row that says so, under an advisory lock that makes concurrent starts wait for one another and find the work done. Once
// applied, a migration's text may not change: its SHA-256 is kept and compared. A schema with migrations unknown to this
// program is newer than it and refused. A statement waits for a busy table's lock only `lock_timeout` long, since whatever
// queues behind it waits as well; the migration is then tried again a few times.

/// One migration: a file's name and contents.
public struct Migration: Sendable, Hashable {
    /// Its place in the order: the number its file's name begins with.
    public let version: Int
    /// The file's name, `0001_hallpass.sql`.
    public let name: String
    public let script: String

    /// - Throws: `.badName` when the name does not begin with a number, `.badName` too when it is not UTF-8.
    public init(name: String, bytes: [UInt8]) throws(MigrationError) {
        guard let version = Int(name.prefix { $0.isNumber }), version > 0,
            let script = String(validating: bytes, as: UTF8.self)
        else { throw .badName(name) }
        self.version = version
        self.name = name
        self.script = script
    }
}

/// Where a schema stands.
public struct MigrationStatus: Sendable, Hashable {
    public struct Entry: Sendable, Hashable {
        public let version: Int
        public let name: String
        /// RFC 3339 in UTC; nil: not applied yet.
        public let appliedAt: String?
    }

    public let entries: [Entry]
    public var pending: [Entry] { entries.filter { $0.appliedAt == nil } }
    public var isCurrent: Bool { pending.isEmpty }
}

public enum MigrationError: Error, Hashable, Sendable, CustomStringConvertible {
    case badName(String)
    case twice(version: Int)
    /// An applied migration's text is not the one that was applied.
    case changed(name: String)
    /// The schema has a migration this program does not know.
    case schemaIsNewer(name: String)
    /// One that is older than what is applied was never applied.
    case outOfOrder(name: String)
    case locked(name: String, attempts: Int)
    case failed(name: String, sqlState: String, message: String)

    public var description: String {
        switch self {
        case .badName(let name): "the migration \(name) has no number at its beginning, or is not UTF-8"
        case .twice(let version): "two migrations have the number \(version)"
        case .changed(let name):
            "the migration \(name) was changed after it was applied: put its old text back and write a new migration"
        case .schemaIsNewer(let name):
            "the database has the migration \(name), which this version does not know: start the newer version"
        case .outOfOrder(let name):
            "the migration \(name) was never applied, though newer ones were: give it a new number"
        case .locked(let name, let attempts):
            "the migration \(name) could not lock its tables in \(attempts) attempts: try again when less is going on"
        case .failed(let name, let sqlState, let message):
            "the migration \(name) failed with SQLSTATE \(sqlState): \(message)"
        }
    }
}

public struct Migrator: Sendable {
    private let database: Database
    private let migrations: [Migration]
    private let lockTimeout: Duration
    private let attempts: Int

    /// Any number that nobody else takes advisory locks by.
    private static let lock = 0x68616c6c70617373

    /// - Parameters:
    ///   - lockTimeout: how long a statement of a migration waits for a table's lock.
    ///   - attempts: how often a migration that could not get its locks is tried.
    public init(
        database: Database, migrations: [Migration], lockTimeout: Duration = .seconds(5), attempts: Int = 5
    ) throws(MigrationError) {
        self.database = database
        self.migrations = migrations.sorted { $0.version < $1.version }
        self.lockTimeout = lockTimeout
        self.attempts = max(1, attempts)
        for (one, next) in zip(self.migrations, self.migrations.dropFirst()) where one.version == next.version {
            throw .twice(version: one.version)
        }
    }

    /// Where the schema stands. Reads only. - Throws: as `run` would of a schema it refuses.
    public func status() async throws -> MigrationStatus {
        let exists = try await database.query(
            Query("migration table", "SELECT to_regclass('schema_migration') IS NOT NULL"))
        guard try exists[0].get(0, as: Bool.self) else { return status(applied: [:]) }
        let rows = try await database.query(Query("migrations applied", Self.appliedStatement))
        return status(applied: try await check(try Applied.read(rows)))
    }

    /// Applies what is pending, oldest first. Concurrent runs wait for one another.
    /// - Parameter dryRun: run everything, in one transaction, and take it back.
    /// - Returns: the names of what was applied.
    @discardableResult
    public func run(dryRun: Bool = false) async throws -> [String] {
        var done: [String] = []
        if dryRun {
            try await database.transaction("migrate, dry run") { transaction in
                transaction.rollbackOnly()
                for migration in try await pending(transaction) {
                    try await apply(migration, transaction)
                    done.append(migration.name)
                }
            }
            return done
        }
        while let name = try await applyNext() { done.append(name) }
        return done
    }

    // MARK: One at a time

    private func applyNext() async throws -> String? {
        for attempt in 1... {
            var name = ""
            do {
                return try await database.transaction("migrate") { transaction in
                    guard let next = try await pending(transaction).first else { return nil }
                    name = next.name
                    try await apply(next, transaction)
                    return next.name
                }
            } catch DatabaseError.lockTimeout where !name.isEmpty {
                guard attempt < attempts else { throw MigrationError.locked(name: name, attempts: attempts) }
                try await Task.sleep(for: .milliseconds(200 * attempt))
            } catch DatabaseError.serialization where !name.isEmpty && attempt < attempts {
                try await Task.sleep(for: .milliseconds(200 * attempt))
            }
        }
        return nil
    }

    /// Takes the lock, and tells what is still to be done now that it is held.
    private func pending(_ transaction: Transaction) async throws -> [Migration] {
        // Another start may be at a long migration: waiting for it is right, however long it takes.
        try await transaction.script(
            "migration lock", "SELECT pg_advisory_xact_lock(\(Self.lock))", deadline: .seconds(3600))
        try await transaction.script(
            "migration table",
            """
            SET LOCAL client_min_messages = warning;
            CREATE TABLE IF NOT EXISTS schema_migration (
                version integer PRIMARY KEY, name text NOT NULL, checksum bytea NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT clock_timestamp())
            """)
        let rows = try await transaction.query(Query("migrations applied", Self.appliedStatement))
        let applied = try await check(try Applied.read(rows))
        return migrations.filter { applied[$0.version] == nil }
    }

    private func apply(_ migration: Migration, _ transaction: Transaction) async throws {
        let milliseconds = Int(lockTimeout / .milliseconds(1))
        do {
            try await transaction.script(
                "migration", "SET LOCAL lock_timeout = '\(milliseconds)ms';\n" + migration.script,
                deadline: .seconds(3600))
        } catch ScriptError.refused(let reply)
            where reply.sqlState != "55P03" && reply.error(statement: "") != .serialization
        {
            throw MigrationError.failed(name: migration.name, sqlState: reply.sqlState, message: reply.message)
        } catch ScriptError.refused(let reply) {
            throw reply.error(statement: "migration")
        }
        _ = try await transaction.query(
            Query(
                "migration applied",
                """
                INSERT INTO schema_migration (version, name, checksum)
                VALUES (\(Int32(migration.version)), \(migration.name), sha256(convert_to(\(migration.script)::text, 'UTF8')))
                """))
    }

    // MARK: Checking

    private struct Applied {
        let version: Int
        let name: String
        let checksum: String
        let appliedAt: String

        static func read(_ rows: Rows) throws(DatabaseError) -> [Int: Applied] {
            var applied: [Int: Applied] = [:]
            for row in rows {
                let version = try row.get(0, as: Int.self)
                applied[version] = Applied(
                    version: version, name: try row.get(1), checksum: try row.get(2), appliedAt: try row.get(3))
            }
            return applied
        }
    }

    private static let appliedStatement: SQL = """
        SELECT version, name, encode(checksum, 'hex'),
            to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
        FROM schema_migration ORDER BY version
        """

    /// Refuses a schema that is newer, has gaps, or was made by other texts.
    private func check(_ applied: [Int: Applied]) async throws -> [Int: Applied] {
        guard !applied.isEmpty else { return applied }
        let known = Set(migrations.map(\.version))
        if let newer = applied.values.filter({ !known.contains($0.version) }).max(by: { $0.version < $1.version }) {
            throw MigrationError.schemaIsNewer(name: newer.name)
        }
        let newest = applied.keys.max() ?? 0
        let sums = try await database.query(
            Query(
                "migration checksums",
                """
                SELECT encode(sha256(convert_to(script, 'UTF8')), 'hex')
                FROM unnest(\(migrations.map(\.script))) WITH ORDINALITY AS t (script, place) ORDER BY place
                """))
        for (migration, row) in zip(migrations, sums) {
            if let entry = applied[migration.version] {
                guard try row.get(0, as: String.self) == entry.checksum else {
                    throw MigrationError.changed(name: migration.name)
                }
            } else if migration.version < newest {
                throw MigrationError.outOfOrder(name: migration.name)
            }
        }
        return applied
    }

    private func status(applied: [Int: Applied]) -> MigrationStatus {
        MigrationStatus(
            entries: migrations.map { migration in
                MigrationStatus.Entry(
                    version: migration.version, name: migration.name, appliedAt: applied[migration.version]?.appliedAt)
            })
    }
}
