import Foundation
public import Logging
public import Sockets
import Synchronization

/// A small HTTP/1.1 server on event loops: every loop listens, accepts and serves by itself.
public final class Server: Sendable {
    private let state: ServerState
    private let group: EventLoopGroup
    private let parts: [ServerLoop]

    public init(
        configuration: ServerConfiguration, loops: EventLoopGroup, router: Router, hooks: ServerHooks = .init(),
        logger: Logger
    ) {
        let state = ServerState(configuration: configuration, router: router, hooks: hooks, logger: logger)
        self.state = state
        group = loops
        parts = loops.loops.map { ServerLoop(loop: $0, state: state) }
    }

    /// Connections that are open now.
    public var connectionCount: Int { state.connections.load(ordering: .relaxed) }

    /// Listens. - Returns: the bound addresses, with the ports that the system chose.
    /// - Throws: `SocketError.addressInUse`, or what else hinders.
    public func start() async throws -> [SocketAddress] {
        var listeners: [Listener] = []
        for address in state.configuration.addresses { listeners.append(try Listener(address, count: parts.count)) }
        for descriptor in state.configuration.inheritedDescriptors {
            listeners.append(try Listener(inherited: descriptor))
        }
        for listener in listeners {
            for (index, part) in parts.enumerated() {
                // A socket that is not shared by address is shared by duplicating its descriptor.
                let descriptor = listener.descriptors[index < listener.descriptors.count ? index : 0]
                try await part.start(on: descriptor, isShared: index >= listener.descriptors.count)
            }
        }
        return listeners.map(\.address)
    }

    /// Stops accepting, closes idle connections, finishes what is in flight; what is not finished by the deadline is cut
    /// off.
    public func stop(deadline: Duration) async {
        state.isStopping.store(true, ordering: .relaxed)
        for part in parts { part.loop.execute { part.stopAccepting() } }
        for case .unix(let path) in state.configuration.addresses.map(\.content) { unlink(path) }
        let end = ContinuousClock.now + deadline
        while connectionCount > 0, ContinuousClock.now < end { await pause() }
        guard connectionCount > 0 else { return }
        for part in parts { part.loop.execute { part.cancelAll() } }
        let hardEnd = ContinuousClock.now + .seconds(1)
        while connectionCount > 0, ContinuousClock.now < hardEnd { await pause() }
    }

    private func pause() async {
        do {
            try await parts[0].loop.sleep(for: .milliseconds(10))
        } catch {
            await Task.yield()
        }
    }
}
