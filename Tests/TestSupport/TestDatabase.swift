import Foundation
public import Logging
public import Postgres
public import Sockets

/// A database of one's own on the test cluster, cloned from a migrated template.
public struct TestDatabase: Sendable {
    public let name: String
    /// For libpq, and for `DATABASE_URL`.
    public let connection: String
    private let cluster: Cluster
    private let slot: DatabaseSlot

    /// A database with Hallpass's schema. Drop it at the end.
    public static func make() async throws -> TestDatabase {
        let template = try await Template.shared.value
        return try await create(template: template)
    }

    /// An empty database.
    public static func makeEmpty() async throws -> TestDatabase {
        try await create(template: nil)
    }

    /// Connects on loops that all tests of the process share, with few connections and much patience:
    /// there are many tests.
    public func open(
        loops: [EventLoop] = TestLoops.shared.loops, logger: Logger = TestLoops.logger,
        change: (inout DatabaseConfiguration) -> Void = { _ in }
    ) throws -> Database {
        var configuration = try DatabaseConfiguration(connection)
        configuration.connectionsPerLoop = 3
        configuration.connectDeadline = .seconds(20)
        configuration.statementDeadline = .seconds(60)
        change(&configuration)
        return Database(configuration: configuration, loops: loops, logger: logger)
    }

    /// Connects, runs the body, closes and drops the database, whatever the body throws.
    public func use(
        _ change: (inout DatabaseConfiguration) -> Void = { _ in }, _ body: (Database) async throws -> Void
    ) async throws {
        let database = try open(change: change)
        do {
            try await body(database)
        } catch {
            await database.close()
            drop()
            throw error
        }
        await database.close()
        drop()
    }

    /// Ends every connection to the database and removes it, in the background.
    public func drop() {
        Thread.detachNewThread {
            try? cluster.dropDatabase(name)
            slot.release()
        }
    }

    private static func create(template: String?) async throws -> TestDatabase {
        let slot = await DatabaseSlot.take()
        let cluster = try await TestCluster.get()
        let name = "test_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        try await TestCluster.onThread { try cluster.createDatabase(name, template: template) }
        return TestDatabase(name: name, connection: cluster.connection(database: name), cluster: cluster, slot: slot)
    }

    /// The repository's migrations, as files.
    public static var migrations: [Migration] {
        get throws {
            let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().appendingPathComponent("Migrations")
            return try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".sql") }
                .sorted().map { name in
                    try Migration(name: name, bytes: [UInt8](Data(contentsOf: folder.appendingPathComponent(name))))
                }
        }
    }

    private enum Template {
        static let shared = Task {
            let name = "hallpass_template"
            let cluster = try await TestCluster.get()
            try await TestCluster.onThread { try cluster.createDatabase(name, template: nil) }
            let database = Database(
                configuration: try DatabaseConfiguration(cluster.connection(database: name)),
                loops: TestLoops.shared.loops, logger: TestLoops.logger)
            do {
                try await Migrator(database: database, migrations: migrations).run()
            } catch {
                await database.close()
                throw error
            }
            await database.close()
            return name
        }
    }
}

/// Event loops that all tests of a process share.
public enum TestLoops {
    public static let shared = EventLoopGroup(count: 2, name: "test")

    /// Says only what a failing test should show.
    public static let logger: Logger = {
        var logger = Logger(label: "test") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel =
            ProcessInfo.processInfo.environment["TEST_LOG"].flatMap { Logger.Level(rawValue: $0) } ?? .critical
        return logger
    }()
}
