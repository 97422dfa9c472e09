import Foundation
import Synchronization

/// Sends messages over a bounded number of connections, each kept from message to message on a thread of its own.
public final class SMTPTransport: Sendable {
    private struct State {
        var idle: [SMTPLane]
        var waiting: [CheckedContinuation<SMTPLane, Never>] = []
    }

    private let state: Mutex<State>
    private let stop: StopFlag

    public init(_ configuration: SMTPConfiguration) {
        let stop = StopFlag()
        self.stop = stop
        let lanes = (0..<max(1, configuration.connections)).map { SMTPLane($0, configuration, stop) }
        state = Mutex(State(idle: lanes))
    }

    /// Breaks off what is under way within about a second: those messages come back as `connectionLost`, or as
    /// `serverTrouble` when nothing of them was said yet. Nothing can be sent afterwards.
    public func breakOff() { stop.set() }

    /// Sends one message, waiting for a connection if all are busy.
    /// - Parameters:
    ///   - message: as `Message.rfc5322` makes it; dots are stuffed on the way.
    ///   - sender: the envelope's, where failures are reported to.
    ///   - recipients: addresses without angle brackets; one that is none is refused here with 553.
    public func send(_ message: [UInt8], from sender: String, to recipients: [String]) async -> SMTPOutcome {
        await withSession { $0.send(message, from: sender, to: recipients) }
    }

    /// Connects, negotiates TLS and logs in, without sending anything.
    /// - Parameter sender: an address that the server is asked whether it takes mail from; nil does not ask.
    public func verify(sender: String? = nil) async -> SMTPOutcome {
        await withSession { $0.verify(sender: sender) }
    }

    /// Works with one connection on its thread, waiting for one if all are busy. Many messages sent within cost no change of
    /// threads between them.
    public func withSession<Result: Sendable>(
        _ body: @escaping @Sendable (SMTPSession) -> Result
    ) async -> Result {
        let lane = await withCheckedContinuation { continuation in
            let free = state.withLock { state -> SMTPLane? in
                if let lane = state.idle.popLast() { return lane }
                state.waiting.append(continuation)
                return nil
            }
            if let free { continuation.resume(returning: free) }
        }
        let result = await lane.run(body)
        let next = state.withLock { state -> CheckedContinuation<SMTPLane, Never>? in
            if !state.waiting.isEmpty { return state.waiting.removeFirst() }
            state.idle.append(lane)
            return nil
        }
        next?.resume(returning: lane)
        return result
    }
}

/// One connection and the thread that its blocking work runs on, which ends with it.
private final class SMTPLane: Sendable {
    private let thread: WorkThread

    init(_ number: Int, _ configuration: SMTPConfiguration, _ stop: StopFlag) {
        thread = WorkThread(name: "smtp-\(number)", niceness: configuration.niceness) {
            SMTPSession(configuration, stop: stop)
        }
    }

    deinit { thread.end() }

    func run<Result: Sendable>(_ body: @escaping @Sendable (SMTPSession) -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            thread.add { continuation.resume(returning: body($0)) }
        }
    }
}

/// A thread that starts with its first work, does one thing after another with its session, and may be nicer than others.
private final class WorkThread: @unchecked Sendable {
    // @unchecked: the members that change are touched under the condition's lock alone; the session never leaves the thread.
    private let condition = NSCondition()
    private var work: [@Sendable (SMTPSession) -> Void] = []
    private var isStarted = false
    private var isOver = false
    private let name: String
    private let niceness: Int
    private let makeSession: @Sendable () -> SMTPSession

    init(name: String, niceness: Int, makeSession: @escaping @Sendable () -> SMTPSession) {
        self.name = name
        self.niceness = niceness
        self.makeSession = makeSession
    }

    func add(_ body: @escaping @Sendable (SMTPSession) -> Void) {
        condition.withLock {
            work.append(body)
            condition.signal()
            guard !isStarted else { return }
            isStarted = true
            let thread = Thread { [self] in run() }
            thread.name = name
            thread.start()
        }
    }

    func end() {
        condition.withLock {
            isOver = true
            condition.signal()
        }
    }

    private func run() {
        // On Linux it is the calling thread's (setpriority(2)); refused, it works as fast as others.
        if niceness > 0 { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Int32(niceness)) }
        let session = makeSession()
        while let body = next() { body(session) }
    }

    private func next() -> (@Sendable (SMTPSession) -> Void)? {
        condition.withLock {
            while work.isEmpty, !isOver { condition.wait() }
            return work.isEmpty ? nil : work.removeFirst()
        }
    }
}
