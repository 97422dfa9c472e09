import Foundation
import HTTPCore
import HTTPTypes
import Sockets

// The socket of one client: bytes in, bytes out, and a deadline for whatever is waited for. Bytes are received as soon as
// they come, up to a read-ahead, so that a readiness is answered by one recv and the kernel is seldom asked to change what
// it watches; past that the client is not read until something was consumed (back-pressure). A half-closed client is still
// answered; a reset cancels the task that serves it. Deadlines are checked by one sweep a loop, not by a timer each.
//
// Everything here happens on the loop's thread.

/// A send to a client that has gone is an error, never a signal.
let noSignal = Int32(MSG_NOSIGNAL)

final class Connection: @unchecked Sendable {
    // @unchecked: touched by the loop's thread alone; the task that serves it prefers that loop.
    let owner: ServerLoop
    let peer: SocketAddress
    private let descriptor: Int32
    private var registration: Registration?
    private var inbound: [UInt8] = []
    private var consumed = 0
    private var isPaused = false
    private(set) var isAtEnd = false
    private(set) var isBroken = false
    private(set) var isExpired = false
    private var reader: UnsafeContinuation<Void, Never>?
    private var writer: UnsafeContinuation<Void, Never>?
    private var deadline: ContinuousClock.Instant?
    /// Between requests: the connection may be closed without anybody missing an answer.
    var isIdle = true
    var task: Task<Void, Never>?

    init(owner: ServerLoop, descriptor: Int32, peer: SocketAddress) {
        self.owner = owner
        self.descriptor = descriptor
        self.peer = peer
    }

    func start() throws(SocketError) {
        if peer.family != AF_UNIX {
            var one: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        }
        registration = try owner.loop.register(descriptor, interest: .read) { [unowned self] in ready($0) }
    }

    func close() {
        registration?.cancel()
        registration = nil
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
            inbound.removeAll(keepingCapacity: inbound.capacity <= 65_536)
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

    private func ready(_ readiness: Readiness) {
        if readiness.contains(.error) || readiness.contains(.hangup), !readiness.contains(.read) { return breakOff() }
        if readiness.contains(.read) || readiness.contains(.halfClosed) { receive() }
        if readiness.contains(.write), let writer {
            self.writer = nil
            watch()
            writer.resume()
        }
    }

    /// Takes what the kernel has, once. Also called before an idle connection is closed by a stop.
    func receive() {
        guard !isAtEnd, !isBroken, !isPaused else { return }
        let count = owner.scratch.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        if count > 0 {
            owner.scratch.withUnsafeBufferPointer { inbound.append(contentsOf: $0[..<count]) }
            if unreadCount >= owner.configuration.readAheadBytes {
                isPaused = true
                watch()
            }
        } else if count == 0 {
            isAtEnd = true
            watch()
        } else if errno != EAGAIN, errno != EINTR {
            return breakOff()
        } else {
            return
        }
        resumeReader()
    }

    private func resumeReader() {
        let waiting = reader
        reader = nil
        waiting?.resume()
    }

    private func breakOff() {
        isBroken = true
        registration?.cancel()
        registration = nil
        task?.cancel()
        resumeReader()
        let waiting = writer
        writer = nil
        waiting?.resume()
    }

    private func watch() {
        var interest: Interest = []
        if !isPaused, !isAtEnd { interest.insert(.read) }
        if writer != nil { interest.insert(.write) }
        registration?.update(interest)
    }

    // MARK: Writing

    /// Sends all of `bytes`, at the pace of the client.
    func send(_ bytes: [UInt8]) async throws(ClientGone) {
        var sent = 0
        while sent < bytes.count {
            if isBroken { throw ClientGone() }
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.send(
                    descriptor, buffer.baseAddress! + sent, buffer.count - sent, noSignal)
            }
            if count >= 0 {
                sent += count
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                try await waitForRoom()
            default:
                breakOff()
                throw ClientGone()
            }
        }
    }

    private func waitForRoom() async throws(ClientGone) {
        let before = deadline
        setDeadline(after: owner.configuration.writeStallSeconds)
        await withUnsafeContinuation { continuation in
            writer = continuation
            watch()
        }
        if isBroken || isExpired { throw ClientGone() }
        deadline = before
    }

    /// Tells the client that nothing more comes, so that it reads the last answer before a reset could overtake it.
    func shutdownWriting() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    // MARK: Deadlines

    func setDeadline(after seconds: Double) { deadline = owner.loop.now + .seconds(seconds) }

    func clearDeadline() { deadline = nil }

    /// Called by the loop's sweep.
    func expire(at now: ContinuousClock.Instant) {
        guard let deadline, deadline <= now else { return }
        self.deadline = nil
        isExpired = true
        resumeReader()
        let waiting = writer
        writer = nil
        waiting?.resume()
    }

    /// A stop: an idle connection with nothing unread is over.
    func stopIfIdle() {
        receive()
        guard isIdle, unreadCount == 0 else { return }
        isExpired = true
        resumeReader()
    }
}
