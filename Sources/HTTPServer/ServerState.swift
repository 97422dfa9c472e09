import Foundation
import HTTPCore
import HTTPTypes
import Logging
import Sockets
import Synchronization

/// What all loops of a server share.
final class ServerState: Sendable {
    let configuration: ServerConfiguration
    let router: Router
    let hooks: ServerHooks
    let logger: Logger
    /// The hooks' common fields with their lines as they go out, one by one and in one piece.
    let commonFields: [(name: HTTPField.Name, line: [UInt8])]
    let commonLines: [UInt8]
    let connections = Atomic<Int>(0)
    let compressedStreams = Atomic<Int>(0)
    let isStopping = Atomic<Bool>(false)
    private let perAddress = Mutex<[String: Int]>([:])

    init(configuration: ServerConfiguration, router: Router, hooks: ServerHooks, logger: Logger) {
        var configuration = configuration
        configuration.connections = Self.affordable(configuration, logger)
        self.configuration = configuration
        self.router = router
        self.hooks = hooks
        self.logger = logger
        commonFields = hooks.commonFields.map { field in
            var line: [UInt8] = []
            HeadSerializer.append(field.name.rawName, field.value, to: &line)
            return (field.name, line)
        }
        commonLines = commonFields.flatMap(\.line)
    }

    /// Raises the process's limit on open files as far as it may go, and takes no more connections than it then allows: at
    /// the limit clients are told so, instead of anything failing for want of a descriptor.
    private static func affordable(_ configuration: ServerConfiguration, _ logger: Logger) -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return configuration.connections
        }
        let wanted = rlim_t(configuration.connections + configuration.reservedDescriptors)
        if limit.rlim_cur < wanted {
            limit.rlim_cur = min(wanted, limit.rlim_max)
            if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 {
                getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            }
        }
        let affordable = max(1, Int(clamping: limit.rlim_cur) - configuration.reservedDescriptors)
        guard affordable < configuration.connections else { return configuration.connections }
        logger.warning(
            "fewer connections than configured, for want of open files; raise the limit (ulimit -n, LimitNOFILE=)",
            metadata: ["connections": "\(affordable)", "configured": "\(configuration.connections)"])
        return affordable
    }

    /// Counts a connection in. False when it is one too many.
    func admit(_ peer: SocketAddress) -> Bool {
        guard connections.wrappingAdd(1, ordering: .relaxed).newValue <= configuration.connections else {
            connections.wrappingSubtract(1, ordering: .relaxed)
            return false
        }
        guard countsAddress(peer) else { return true }
        let isAdmitted = perAddress.withLock { counts in
            let count = counts[peer.host, default: 0]
            guard count < configuration.connectionsPerAddress else { return false }
            counts[peer.host] = count + 1
            return true
        }
        if !isAdmitted { connections.wrappingSubtract(1, ordering: .relaxed) }
        return isAdmitted
    }

    func dismiss(_ peer: SocketAddress) {
        connections.wrappingSubtract(1, ordering: .relaxed)
        guard countsAddress(peer) else { return }
        perAddress.withLock { counts in
            counts[peer.host] = counts[peer.host].flatMap { $0 > 1 ? $0 - 1 : nil }
        }
    }

    private func countsAddress(_ peer: SocketAddress) -> Bool {
        peer.port != nil && configuration.connectionsPerAddress < configuration.connections
    }
}
