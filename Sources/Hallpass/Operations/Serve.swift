import Foundation
import HTTPServer
import HTTPTypes
import Logging
import Postgres
import ServiceLifecycle
import Sockets
import UnixSignals

// The service from start to stop. Start: settings, database, schema, secrets, workers, then listen; whatever hinders is one
// line and exit 1. Stop (SIGTERM, SIGINT): accept no more, finish what is in flight, stop the workers, then the database.

public enum Serve {
    /// Runs until told to stop. - Throws: `StartError` and the database's errors, each a line that says what to do.
    public static func run(_ settings: Settings) async throws {
        let configuration = settings.configuration
        let logger = LogSetup.logger(configuration)
        try DataFolder.prepare(configuration.dataFolder)
        let backend = try await Backend.open(configuration, as: .owner, logger: logger)
        do {
            try await run(configuration, backend, logger)
        } catch {
            await backend.close()
            throw error
        }
        await backend.close()
    }

    private static func run(_ configuration: Configuration, _ backend: Backend, _ logger: Logger) async throws {
        try await Migrator(database: backend.database, migrations: Migration.embedded).run()
        let secrets = try Bootstrap.webhookSecrets(configuration)
        let application = Application(
            configuration: configuration, loops: backend.loops, database: backend.database, logger: logger,
            webhookSecrets: secrets, mailComposer: try MailComposer(configuration))
        try await Bootstrap.adminToken(application)
        let server = try Listening.server(application)
        let addresses = try await server.start()
        FirstScreen.show(configuration, addresses: addresses, cluster: backend.cluster)
        SystemdNotice.send("READY=1")
        let group = ServiceGroup(
            configuration: .init(
                services: Workers.all(application).map { .init(service: $0, successTerminationBehavior: .ignore) } + [
                    .init(service: ServerService(server: server, events: application.events))
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() }))
        try await group.run()
    }
}

/// The HTTP server as a part of the service's life.
private struct ServerService: Service {
    let server: Server
    let events: EventFeed

    func run() async throws {
        try await gracefulShutdown()
        SystemdNotice.send("STOPPING=1")
        events.stop()
        await server.stop(deadline: .seconds(10))
    }
}

/// Everything that the service listens on.
enum Listening {
    static func server(_ application: Application) throws -> Server {
        var configuration = ServerConfiguration()
        configuration.addresses = [try SocketAddress(parsing: application.configuration.listen)]
        if let probes = application.configuration.probeListen {
            configuration.addresses.append(try SocketAddress(parsing: probes))
        }
        configuration.trustedProxies = Set(application.configuration.trustedProxies)
        return Server(
            configuration: configuration, loops: application.loops,
            router: Routes.router(Routes.all, application: application), hooks: hooks(application),
            logger: application.logger)
    }

    static func hooks(_ application: Application) -> ServerHooks {
        var hooks = ServerHooks(
            refusal: { refusal, requestID in
                ProblemResponse.response(ProblemResponse.problem(for: refusal), requestID: requestID)
            },
            failure: { error, request in ProblemResponse.make(error, request: request, application: application) },
            completed: { application.observation.completed($0) })
        hooks.commonFields = [
            .init("X-Content-Type-Options")!: "nosniff", .cacheControl: "private, no-cache",
            .init("Referrer-Policy")!: "no-referrer",
            .contentSecurityPolicy: "default-src 'none'; frame-ancestors 'none'",
        ]
        return hooks
    }
}

/// Tells systemd how the service is (sd_notify(3)); nothing without `NOTIFY_SOCKET`.
enum SystemdNotice {
    static func send(_ state: String) {
        guard let path = ProcessInfo.processInfo.environment["NOTIFY_SOCKET"], !path.isEmpty else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // A leading @ stands for the abstract namespace: a NUL byte.
        var bytes = Array(path.utf8)
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes.prefix($0.count - 1)) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let message = Array(state.utf8)
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = sendto(descriptor, message, message.count, 0, pointer, length)
            }
        }
    }
}
