import Foundation
import Logging
import Postgres
import Sockets

/// The database that the service or a command works with: `DATABASE_URL`, or the managed cluster, which a command starts
/// for the while when it is not running.
public struct Backend: Sendable {
    let database: Database
    let loops: EventLoopGroup
    /// The same database for the outbox alone: megabytes of messages are taken in on a thread apart, which lets everybody who
    /// answers a request go first. Nil for a command.
    let outbox: Database?
    private let outboxLoops: EventLoopGroup?
    /// Nil with `DATABASE_URL`.
    let cluster: Cluster?

    private init(
        database: Database, loops: EventLoopGroup, outbox: Database?, outboxLoops: EventLoopGroup?, cluster: Cluster?
    ) {
        (self.database, self.loops, self.outbox, self.outboxLoops) = (database, loops, outbox, outboxLoops)
        self.cluster = cluster
    }

    /// - Parameter role: `.owner` for `serve`.
    static func open(
        _ configuration: Configuration, as role: Cluster.Role, logger: Logger
    ) async throws -> Backend {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let count = role == .owner ? (configuration.loops > 0 ? configuration.loops : cores) : 1
        var cluster: Cluster?
        var connection = configuration.databaseURL ?? ""
        if configuration.databaseURL == nil {
            let own = try Cluster(folder: configuration.dataFolder + "/postgresql")
            try await own.start(as: role)
            connection = own.connection
            cluster = own
        }
        do {
            var settings = try DatabaseConfiguration(connection)
            settings.connectionsPerLoop = configuration.databaseConnections
            let loops = EventLoopGroup(count: count, name: "hallpass")
            let database = Database(configuration: settings, loops: loops.loops, logger: logger)
            let outboxLoops = role == .owner ? EventLoopGroup(count: 1, name: "outbox", niceness: 10) : nil
            // One connection claims while another writes what became of messages.
            settings.connectionsPerLoop = 2
            settings.readersPerLoop = 1
            let outbox = outboxLoops.map { Database(configuration: settings, loops: $0.loops, logger: logger) }
            let backend = Backend(
                database: database, loops: loops, outbox: outbox, outboxLoops: outboxLoops, cluster: cluster)
            do {
                try await database.waitUntilReachable()
            } catch {
                await backend.close()
                throw StartError(unreachable(error, database, hasURL: configuration.databaseURL != nil))
            }
            return backend
        } catch let error as DatabaseError {
            await cluster?.stop()
            throw StartError("DATABASE_URL cannot be used: \(error)")
        }
    }

    func close() async {
        await outbox?.close()
        await outboxLoops?.stop()
        await database.close()
        await loops.stop()
        await cluster?.stop()
    }

    private static func unreachable(_ error: DatabaseError, _ database: Database, hasURL: Bool) -> String {
        let reason = database.health.reason ?? "\(error)"
        return hasURL
            ? "the database in DATABASE_URL cannot be reached: \(reason); check the URL, and that the server runs and lets this user in"
            : "the managed PostgreSQL cannot be reached: \(reason)"
    }
}

extension Migration {
    /// The migrations embedded in this binary, in order.
    static var embedded: [Migration] {
        get throws(MigrationError) {
            [try Migration(name: "0001_hallpass.sql", bytes: PackageResources._001_hallpass_sql)]
        }
    }
}
