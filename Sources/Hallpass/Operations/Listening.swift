import HTTPServer
import HTTPTypes
import Sockets

/// Everything that the service listens on: the API, and the probes beside it or on a listener of their own.
struct Listening: Sendable {
    let main: Server
    /// Nil while the probes are on the main one.
    let probes: Server?

    /// What is bound, with the ports that the system chose.
    struct Addresses: Sendable {
        var main: [SocketAddress]
        var probes: [SocketAddress]
    }

    init(_ application: Application, _ inherited: SystemdSockets = .init()) throws {
        main = try Self.server(application, inherited: inherited.main)
        probes = try Self.probeServer(application, inherited: inherited.probes)
    }

    /// - Throws: `StartError` when an address cannot be listened on.
    func start() async throws -> Addresses {
        var addresses = Addresses(main: [], probes: [])
        addresses.main = try await Self.start(main, "HALLPASS_LISTEN")
        if let probes { addresses.probes = try await Self.start(probes, "HALLPASS_PROBE_LISTEN") }
        return addresses
    }

    /// The API goes first: whoever probes learns until the end that it is going.
    func stop(deadline: Duration) async {
        await main.stop(deadline: deadline)
        await probes?.stop(deadline: .seconds(1))
    }

    /// The server of the API; with a probe listener of their own, without the probes.
    static func server(_ application: Application, inherited: [Int32] = []) throws -> Server {
        let configuration = application.configuration
        let routes = configuration.probeListen == nil ? Routes.all : Routes.api
        return try server(application, listen: configuration.listen, inherited, routes: routes)
    }

    /// The server of the probes alone, where they have a listener of their own.
    static func probeServer(_ application: Application, inherited: [Int32] = []) throws -> Server? {
        guard let address = application.configuration.probeListen else { return nil }
        return try server(application, listen: address, inherited, routes: Routes.probes)
    }

    /// Fails early, and without a trace, where another process listens.
    static func check(_ configuration: Configuration, _ inherited: SystemdSockets = .init()) throws {
        let wanted: [(String, String?)] = [
            ("HALLPASS_LISTEN", inherited.main.isEmpty ? configuration.listen : nil),
            ("HALLPASS_PROBE_LISTEN", inherited.probes.isEmpty ? configuration.probeListen : nil),
        ]
        for (name, text) in wanted {
            guard let text else { continue }
            do throws(SocketError) {
                try Listener.check(try SocketAddress(parsing: text))
            } catch {
                throw refusal(error, name)
            }
        }
    }

    private static func start(_ server: Server, _ name: String) async throws -> [SocketAddress] {
        do {
            return try await server.start()
        } catch let error as SocketError {
            throw refusal(error, name)
        }
    }

    private static func refusal(_ error: SocketError, _ name: String) -> StartError {
        switch error {
        case .addressInUse(let address):
            StartError("\(name): another process listens on \(address); stop it, or set \(name) to another address")
        default: StartError("\(name): \(error); set \(name) to an address that this user may listen on")
        }
    }

    private static func server(
        _ application: Application, listen: String, _ inherited: [Int32], routes: [Endpoint]
    ) throws -> Server {
        var configuration = ServerConfiguration()
        configuration.inheritedDescriptors = inherited
        if inherited.isEmpty { configuration.addresses = [try SocketAddress(parsing: listen)] }
        configuration.trustedProxies = try application.configuration.trustedProxies.map {
            try AddressRange(parsing: $0)
        }
        let server = Server(
            configuration: configuration, loops: application.loops,
            router: Routes.router(routes, application: application), hooks: hooks(application),
            logger: application.logger)
        application.metrics.watch(server)
        return server
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
