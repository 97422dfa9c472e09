import Foundation
import Logging
import Postgres
import ServiceLifecycle
import Sockets

// The service from start to stop. Start: settings, database, schema, secrets, workers, then listen; whatever hinders is one
// line and exit 1. Stop (SIGTERM, SIGINT): accept no more, finish what is in flight, stop the workers, then the database.

public enum Serve {
    /// Runs until told to stop. - Throws: `StartError` and the database's errors, each a line that says what to do.
    public static func run(_ settings: Settings) async throws {
        let configuration = settings.configuration
        let logger = LogSetup.logger(configuration)
        let signals = StopSignals()
        Secrecy.forbidCoreDumps()
        let inherited = SystemdSockets.take(hasProbeListener: configuration.probeListen != nil)
        try Listening.check(configuration, inherited)
        try DataFolder.prepare(configuration.dataFolder)
        let backend = try await Backend.open(configuration, as: .owner, logger: logger)
        do {
            try await run(configuration, backend, inherited, signals, logger)
        } catch is StopSignals.Asked {
            // As wished: nothing has begun that would have to be finished.
        } catch {
            await backend.close()
            throw error
        }
        await backend.close()
    }

    private static func run(
        _ configuration: Configuration, _ backend: Backend, _ inherited: SystemdSockets, _ signals: StopSignals,
        _ logger: Logger
    ) async throws {
        try signals.check()
        let migrator = try Migrator(database: backend.database, migrations: Migration.embedded)
        // Looked at first: a role that may not change the schema can serve one that is current.
        if try await !migrator.status().isCurrent { try await migrator.run() }
        let secrets = try Bootstrap.webhookSecrets(configuration)
        let application = Application(
            configuration: configuration, loops: backend.loops, database: backend.database,
            outboxDatabase: backend.outbox, logger: logger, webhookSecrets: secrets,
            mailComposer: try MailComposer(configuration))
        try await Bootstrap.adminToken(application)
        try signals.check()
        let listening = try Listening(application, inherited)
        let addresses = try await listening.start()
        FirstScreen.show(configuration, addresses, cluster: backend.cluster, logger)
        SystemdNotice.send("READY=1")
        var beside = Workers.all(application)
        if let watchdog = Watchdog(loops: backend.loops.loops) { beside.append(watchdog) }
        if let cluster = backend.cluster { beside.append(ClusterKeeper(cluster: cluster, logger: logger)) }
        // Stopped from the last to the first.
        let services: [ServiceGroupConfiguration.ServiceConfiguration] =
            [.init(service: signals, successTerminationBehavior: .gracefullyShutdownGroup)]
            + beside.map { .init(service: $0, successTerminationBehavior: .ignore) }
            + [.init(service: ListeningService(listening: listening, events: application.events))]
        let group = ServiceGroup(
            configuration: .init(
                services: services, logger: Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() }))
        try await group.run()
    }
}

/// The HTTP server as a part of the service's life.
private struct ListeningService: Service {
    let listening: Listening
    let events: EventFeed

    func run() async throws {
        try await gracefulShutdown()
        SystemdNotice.send("STOPPING=1")
        events.stop()
        await listening.stop(deadline: .seconds(10))
    }
}
