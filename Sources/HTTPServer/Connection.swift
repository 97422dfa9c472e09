import Foundation
import HTTPCore
import HTTPTypes
import Sockets

// The socket of one client: bytes in, bytes out, and a deadline for whatever is waited for. Bytes are received as soon as
// they come, up to a read-ahead, so that a readiness is answered by one recv and the kernel is seldom asked to change what
// it watches; past that the client is not read until something was consumed (back-pressure). A half-closed client is still
// answered, unless its answer has no end of its own; a reset cancels the task that serves it. Deadlines are checked by one
// sweep a loop, not by a timer each.
//
// Everything here happens on the loop's thread.

/// A send to a client that has gone is an error, never a signal.
let noSignal = Int32(MSG_NOSIGNAL)

final class Connection: @unchecked Sendable {
    // @unchecked: touched by the loop's thread alone; the task that serves it prefers that loop. No access lasts over a
    // call that could make another, so exclusivity is not checked as the program runs: that cost a twentieth of a request.
    let owner: ServerLoop
    let peer: SocketAddress
    private let descriptor: Int32
    @exclusivity(unchecked) private var registration: Registration?
    @exclusivity(unchecked) private var inbound: [UInt8] = []
    @exclusivity(unchecked) private var consumed = 0
    @exclusivity(unchecked) private var isPaused = false
    @exclusivity(unchecked) private(set) var isAtEnd = false
    @exclusivity(unchecked) private(set) var isBroken = false
    @exclusivity(unchecked) private(set) var isExpired = false
    @exclusivity(unchecked) private(set) var isEndless = false
    @exclusivity(unchecked) private var reader: UnsafeContinuation<Void, Never>?
    /// Takes what comes while the task waits for a request.
    @exclusivity(unchecked) private var taker: Exchange?
    @exclusivity(unchecked) private var writer: UnsafeContinuation<Void, Never>?
    @exclusivity(unchecked) private var deadline: ContinuousClock.Instant?
    @exclusivity(unchecked) var phase = Phase.fresh
    var task: Task<Void, Never>?

    /// What a stop means for the connection.
    enum Phase {
        /// Nothing has come yet: a first request may be on its way.
        case fresh
        /// Between requests: it may be closed without anybody missing an answer.
        case idle
        case busy
    }

    init(owner: ServerLoop, descriptor: Int32, peer: SocketAddress) {
        self.owner = owner
        self.descriptor = descriptor
        self.peer = peer
    }

    func start() throws(SocketError) {
        // The registration is cancelled before the connection goes, and no handler is called after that.
        registration = try owner.loop.register(descriptor, interest: .read) { [unowned(unsafe) self] in ready($0) }
    }

    /// - Parameter resets: the client is to see that the answer is not whole, also where only the end of the connection
    ///   ends it.
    func close(resets: Bool = false) {
        registration?.cancel()
        registration = nil
        if resets {
            var reset = Glibc.linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<Glibc.linger>.size))
        }
        Foundation.close(descriptor)
    }

    // MARK: Reading

    /// What has come and is not consumed.
    func withUnread<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let consumed = consumed
        return try inbound.withUnsafeBufferPointer { (buffer) throws(Failure) in
            try body(UnsafeBufferPointer(rebasing: buffer[consumed...]))
        }
    }

    var unreadCount: Int { inbound.count - consumed }

    func consume(_ count: Int) {
        consumed += count
        if consumed == inbound.count {
            // An idle connection is many: only a small buffer is worth keeping.
            inbound.removeAll(keepingCapacity: inbound.capacity <= 2048)
            consumed = 0
        } else if consumed > 65_536 {
            inbound.removeFirst(consumed)
            consumed = 0
        }
        if isPaused, unreadCount < owner.configuration.readAheadBytes / 2 {
            isPaused = false
            watch()
        }
    }

    /// Waits until more has come than `unreadCount` now. False when nothing more will come: the end, a reset, the
    /// deadline.
    func waitForBytes() async -> Bool {
        let before = unreadCount
        while unreadCount == before, !isAtEnd, !isBroken, !isExpired {
            await withUnsafeContinuation { reader = $0 }
        }
        return unreadCount > before
    }

    /// Waits until `taker` has something left for its task, or nothing more will come.
    func waitForRequest(_ taker: Exchange) async {
        self.taker = taker
        await withUnsafeContinuation { reader = $0 }
    }

    /// Comes back in the loop's next turn, when its other connections have had theirs.
    func waitForTurn() async {
        await withUnsafeContinuation { continuation in
            _ = owner.loop.schedule(after: .zero) { continuation.resume() }
        }
    }

    private func ready(_ readiness: Readiness) {
        if readiness.contains(.error) || readiness.contains(.hangup), !readiness.contains(.read) { return breakOff() }
        if readiness.contains(.read) || readiness.contains(.halfClosed) { receive() }
        if readiness.contains(.write) { resumeWriter() }
    }

    /// Takes what the kernel has, once. Also called to see what has come when the server stops.
    func receive() {
        guard !isAtEnd, !isBroken, !isPaused else { return }
        let room = owner.configuration.readAheadBytes - unreadCount
        let scratch = owner.scratch
        let count = recv(descriptor, scratch.baseAddress, min(scratch.count, room), 0)
        if count > 0 {
            inbound.append(contentsOf: UnsafeRawBufferPointer(rebasing: scratch[..<count]))
            if count == room {
                isPaused = true
                watch()
            }
        } else if count == 0 {
            isAtEnd = true
            if isEndless { return breakOff() }
            watch()
        } else if errno != EAGAIN, errno != EINTR {
            return breakOff()
        } else {
            return
        }
        if taker == nil || isAtEnd { resumeReader() } else { owner.offer(self) }
    }

    /// Has the taker take what has come, if it has not been told otherwise since.
    func offer() {
        guard let taker else { return }
        // What it takes may make it look for more: that is only kept then.
        self.taker = nil
        if taker.take() {
            resumeReader()
        } else if reader != nil {
            self.taker = taker
        }
    }

    private func resumeReader() {
        taker = nil
        let waiting = reader
        reader = nil
        waiting?.resume()
    }

    private func resumeWriter() {
        guard let waiting = writer else { return }
        writer = nil
        watch()
        waiting.resume()
    }

    private func breakOff() {
        isBroken = true
        registration?.cancel()
        registration = nil
        task?.cancel()
        resumeReader()
        resumeWriter()
    }

    private func watch() {
        var interest: Interest = []
        if !isPaused, !isAtEnd { interest.insert(.read) }
        if writer != nil { interest.insert(.write) }
        registration?.update(interest)
    }

    // MARK: Writing

    /// From here on the answer has no end of its own, so it is over when the client sends no more: who closes a connection
    /// and who closes only its sending side look the same until something is sent.
    func becomeEndless() throws(ClientGone) {
        isEndless = true
        guard isAtEnd else { return }
        breakOff()
        throw ClientGone()
    }

    /// Sends all of `bytes`, at the pace of the client. - Parameter hasMore: the kernel may wait for the next ones.
    func send(_ bytes: [UInt8], hasMore: Bool = false) async throws(ClientGone) {
        let flags = hasMore ? noSignal | Int32(MSG_MORE) : noSignal
        var sent = 0
        while sent < bytes.count {
            if isBroken { throw ClientGone() }
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(descriptor, buffer.baseAddress! + sent, buffer.count - sent, flags)
            }
            if count >= 0 {
                sent += count
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: try await waitForRoom()
            default:
                breakOff()
                throw ClientGone()
            }
        }
    }

    /// Sends what the kernel takes at once. - Returns: the rest, nearly always nothing.
    func sendNow(_ bytes: [UInt8]) throws(ClientGone) -> [UInt8] {
        if isBroken { throw ClientGone() }
        let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, noSignal) }
        if count == bytes.count { return [] }
        guard count >= 0 || errno == EAGAIN || errno == EINTR else {
            breakOff()
            throw ClientGone()
        }
        return Array(bytes[max(0, count)...])
    }

    private func waitForRoom() async throws(ClientGone) {
        let before = deadline
        setDeadline(after: owner.configuration.writeStallSeconds)
        await withUnsafeContinuation { continuation in
            writer = continuation
            watch()
        }
        if isBroken || isExpired {
            // Whoever still waits for something on behalf of this client need not.
            breakOff()
            throw ClientGone()
        }
        deadline = before
    }

    /// Tells the client that nothing more comes and reads past what it still sends, for a moment, so that it sees the last
    /// answer before a reset could overtake it.
    func linger(bytes limit: Int) async {
        shutdown(descriptor, Int32(SHUT_WR))
        clearExpiry()
        setDeadline(after: owner.configuration.lingerSeconds)
        var left = limit
        repeat {
            left -= unreadCount
            consume(unreadCount)
            guard left > 0 else { return }
        } while await waitForBytes()
    }

    // MARK: Deadlines

    /// - Parameter seconds: whole nanoseconds are reckoned with; a Duration made of a Double costs a division of 128 bits.
    func setDeadline(after seconds: Double) {
        deadline = owner.loop.now + .nanoseconds(Int64(min(seconds, 1e9) * 1e9))
    }

    func clearDeadline() { deadline = nil }

    /// What was waited for in vain has been dealt with: other waits may follow.
    func clearExpiry() { isExpired = false }

    /// Called by the loop's sweep.
    func expire(at now: ContinuousClock.Instant) {
        guard let deadline, deadline <= now else { return }
        self.deadline = nil
        isExpired = true
        resumeReader()
        resumeWriter()
    }

    /// The server stops: an idle connection with nothing unread is over, an endless answer too, and one that has sent
    /// nothing yet has a moment for its first request.
    func stop() {
        if isEndless { task?.cancel() }
        receive()
        guard unreadCount == 0 else { return }
        switch phase {
        case .busy: break
        case .fresh: setDeadline(after: owner.configuration.stopGraceSeconds)
        case .idle:
            isExpired = true
            resumeReader()
        }
    }
}
