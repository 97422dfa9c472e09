import Foundation
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
    let connections = Atomic<Int>(0)
    let isStopping = Atomic<Bool>(false)
    private let perAddress = Mutex<[String: Int]>([:])

    init(configuration: ServerConfiguration, router: Router, hooks: ServerHooks, logger: Logger) {
        self.configuration = configuration
        self.router = router
        self.hooks = hooks
        self.logger = logger
    }

    /// Counts a connection in. False when it is one too many.
    func admit(_ peer: SocketAddress) -> Bool {
        guard connections.wrappingAdd(1, ordering: .relaxed).newValue <= configuration.connections else {
            connections.wrappingSubtract(1, ordering: .relaxed)
            return false
        }
        guard peer.port != nil, configuration.connectionsPerAddress < configuration.connections else { return true }
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
        guard peer.port != nil, configuration.connectionsPerAddress < configuration.connections else { return }
        perAddress.withLock { counts in
            counts[peer.host] = counts[peer.host].flatMap { $0 > 1 ? $0 - 1 : nil }
        }
    }
}

/// One loop's part of a server: it accepts, serves and times out its own connections.
final class ServerLoop: @unchecked Sendable {
    // @unchecked: touched by the loop's thread alone, but for the constants.
    private static let sweepSeconds = 0.25
    private static let acceptsPerTurn = 64

    let loop: EventLoop
    let state: ServerState
    var configuration: ServerConfiguration { state.configuration }
    /// Where recv puts bytes before a connection keeps them.
    var scratch = [UInt8](repeating: 0, count: 65_536)
    private var connections: [ObjectIdentifier: Connection] = [:]
    private var listeners: [(descriptor: Int32, registration: Registration)] = []
    private var dateLine: [UInt8] = []
    private var dateLineUntil: ContinuousClock.Instant?
    private var isSweeping = false

    init(loop: EventLoop, state: ServerState) {
        self.loop = loop
        self.state = state
    }

    // MARK: Accepting

    func listen(on descriptor: Int32) throws(SocketError) {
        let registration = try loop.register(descriptor, interest: .read) { [weak self] _ in
            self?.accept(on: descriptor)
        }
        listeners.append((descriptor, registration))
        if !isSweeping {
            isSweeping = true
            sweep()
        }
    }

    private func accept(on descriptor: Int32) {
        for _ in 0..<Self.acceptsPerTurn {
            do throws(SocketError) {
                guard let (connection, peer) = try Listener.accept(on: descriptor) else { return }
                welcome(connection, peer)
            } catch {
                // Out of descriptors: leave the queue to the kernel for a moment instead of spinning on it.
                state.logger.error("cannot accept connections", metadata: ["error": "\(error)"])
                pauseListeners()
                return
            }
        }
    }

    private func pauseListeners() {
        for listener in listeners { listener.registration.update([]) }
        _ = loop.schedule(after: .milliseconds(100)) { [weak self] in
            for listener in self?.listeners ?? [] { listener.registration.update(.read) }
        }
    }

    private func welcome(_ descriptor: Int32, _ peer: SocketAddress) {
        guard state.admit(peer) else {
            turnAway(descriptor)
            return
        }
        let connection = Connection(owner: self, descriptor: descriptor, peer: peer)
        do throws(SocketError) {
            try connection.start()
        } catch {
            connection.close()
            state.dismiss(peer)
            return
        }
        connections[ObjectIdentifier(connection)] = connection
        connection.task = Task(executorPreference: loop) {
            await Exchange(connection).serve()
            self.finished(connection)
        }
    }

    /// 503 in one write, to a client that is one too many.
    private func turnAway(_ descriptor: Int32) {
        var response = state.hooks.refusal(.tooManyConnections, "")
        response.headerFields[.connection] = "close"
        let head = ResponseHead(self).bytes(response, requestID: nil, framing: .length(response.body.count))
        guard case .bytes(let body) = response.body else { return }
        _ = (head + body).withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, noSignal) }
        shutdown(descriptor, Int32(SHUT_WR))
        close(descriptor)
    }

    private func finished(_ connection: Connection) {
        connection.close()
        connections[ObjectIdentifier(connection)] = nil
        state.dismiss(connection.peer)
    }

    // MARK: Time

    private func sweep() {
        let now = loop.now
        for connection in connections.values { connection.expire(at: now) }
        _ = loop.schedule(after: .seconds(Self.sweepSeconds)) { [weak self] in self?.sweep() }
    }

    /// `Date: …` with its CRLF (RFC 9110 §6.6.1), made once a second.
    func date() -> [UInt8] {
        if let dateLineUntil, loop.now < dateLineUntil { return dateLine }
        var seconds = time(nil)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let text =
            "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(1900 + parts.tm_year) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
        dateLine = Array("Date: \(text)\r\n".utf8)
        dateLineUntil = loop.now + .milliseconds(500)
        return dateLine
    }

    // MARK: Stopping

    /// Takes what still waits to be accepted, then listens no more; idle connections are over.
    func stopAccepting() {
        for listener in listeners {
            accept(on: listener.descriptor)
            listener.registration.cancel()
            close(listener.descriptor)
        }
        listeners = []
        for connection in connections.values { connection.stopIfIdle() }
    }

    func cancelAll() {
        for connection in connections.values {
            connection.task?.cancel()
            connection.setDeadline(after: 0)
        }
    }
}

extension ResponseBody {
    /// Bytes of a body that is whole.
    var count: Int {
        if case .bytes(let bytes) = self { return bytes.count }
        return 0
    }
}

extension ServerLoop {
    /// Begins to listen, on the loop's own thread.
    func start(on descriptor: Int32, isShared: Bool) async throws {
        let own = isShared ? dup(descriptor) : descriptor
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            loop.execute {
                do throws(SocketError) {
                    try self.listen(on: own)
                    continuation.resume()
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }
}
