import Foundation
import HTTPTypes
import Logging
import Sockets
import Synchronization

/// One loop's part of a server: it accepts, serves and times out its own connections.
final class ServerLoop: @unchecked Sendable {
    // @unchecked: touched by the loop's thread alone, but for the constants.
    private static let sweepSeconds = 0.25
    private static let acceptsPerTurn = 64
    /// Turned-away clients that are waited for at a time; their descriptors come out of the reserve.
    private static let farewells = 16

    let loop: EventLoop
    let state: ServerState
    var configuration: ServerConfiguration { state.configuration }
    /// Where recv puts bytes before a connection keeps them.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
    /// Where answers are put together; it keeps its memory from one to the next.
    @exclusivity(unchecked) private var output: [UInt8] = []
    private var connections: [ObjectIdentifier: Connection] = [:]
    private var listeners: [(descriptor: Int32, registration: Registration)] = []
    @exclusivity(unchecked) private var dateLine: [UInt8] = []
    @exclusivity(unchecked) private var dateLineUntil: ContinuousClock.Instant?
    /// Connections with something to take.
    @exclusivity(unchecked) private var offered: [Connection] = []
    private var isSweeping = false
    @exclusivity(unchecked) private var idGenerator = RequestIDGenerator()
    private var farewells: [ObjectIdentifier: Farewell] = [:]
    private lazy var deflater = Deflater(level: configuration.compressionLevel)

    init(loop: EventLoop, state: ServerState) {
        self.loop = loop
        self.state = state
    }

    deinit { scratch.deallocate() }

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

    /// Accepts a number of connections. True when more may wait.
    @discardableResult
    private func accept(on descriptor: Int32) -> Bool {
        for _ in 0..<Self.acceptsPerTurn {
            do throws(SocketError) {
                guard let (connection, peer) = try Listener.accept(on: descriptor) else { return false }
                welcome(connection, peer)
            } catch {
                // Out of descriptors: leave the queue to the kernel for a moment instead of spinning on it.
                state.logger.error("cannot accept connections", metadata: ["error": "\(error)"])
                pauseListeners()
                return false
            }
        }
        return true
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
            let isBroken = await Exchange(connection).serve()
            self.finished(connection, isBroken: isBroken)
        }
    }

    /// 503 in one write, to a client that is one too many.
    private func turnAway(_ descriptor: Int32) {
        let id = makeRequestID()
        let bytes = ResponseHead(self).whole(state.hooks.refusal(.tooManyConnections, id), requestID: id)
        _ = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, noSignal) }
        shutdown(descriptor, Int32(SHUT_WR))
        guard farewells.count < Self.farewells else {
            close(descriptor)
            return
        }
        do throws(SocketError) {
            let farewell = try Farewell(descriptor, on: loop) { [weak self] in
                self?.farewells[ObjectIdentifier($0)] = nil
            }
            farewells[ObjectIdentifier(farewell)] = farewell
        } catch {
            close(descriptor)
        }
    }

    private func finished(_ connection: Connection, isBroken: Bool) {
        connection.close(resets: isBroken)
        connections[ObjectIdentifier(connection)] = nil
        state.dismiss(connection.peer)
    }

    // MARK: Answering

    /// Once all that is ready in this turn has been received, the connection's taker is offered what has come.
    func offer(_ connection: Connection) {
        offered.append(connection)
        guard offered.count == 1 else { return }
        loop.execute { [self] in
            var connections: [Connection] = []
            swap(&connections, &offered)
            for connection in connections { connection.offer() }
            connections.removeAll(keepingCapacity: true)
            if offered.isEmpty { offered = connections }
        }
    }

    /// Lends out the buffer that answers are put together in, empty.
    func withOutput<Result, Failure: Error>(
        _ body: (inout [UInt8]) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        output.removeAll(keepingCapacity: true)
        return try body(&output)
    }

    // MARK: Compression

    /// A whole body as gzip. One compressor serves the loop: a whole body is done in one go.
    func compress(_ bytes: [UInt8]) -> [UInt8] {
        var compressed: [UInt8] = []
        compressed.reserveCapacity(bytes.count / 4)
        deflater.reset()
        deflater.deflate(bytes, .finish, into: &compressed)
        return compressed
    }

    /// A compressor for a stream.
    func takeDeflater() -> Deflater { Deflater(level: configuration.compressionLevel) }

    // MARK: Time

    private func sweep() {
        let now = loop.now
        for connection in connections.values { connection.expire(at: now) }
        _ = loop.schedule(after: .seconds(Self.sweepSeconds)) { [weak self] in self?.sweep() }
    }

    /// `Date: …` with its CRLF (RFC 9110 §6.6.1), made twice a second.
    func date() -> [UInt8] {
        if let dateLineUntil, loop.now < dateLineUntil { return dateLine }
        dateLine = DateLine.bytes(at: time(nil))
        dateLineUntil = loop.now + .milliseconds(500)
        return dateLine
    }

    /// A new `X-Request-Id`.
    func makeRequestID() -> String { RequestID.make(&idGenerator) }

    // MARK: Stopping

    /// Takes all that still wait to be accepted, then listens no more.
    func stopAccepting() {
        for listener in listeners {
            while accept(on: listener.descriptor) {}
            listener.registration.cancel()
            close(listener.descriptor)
        }
        listeners = []
        for connection in connections.values { connection.stop() }
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
