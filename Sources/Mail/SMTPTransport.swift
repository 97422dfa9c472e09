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
        await withLane { await $0.run { $0.send(message, from: sender, to: recipients) } }
    }

    /// Connects, negotiates TLS and logs in, without sending anything.
    /// - Parameter sender: an address that the server is asked whether it takes mail from; nil does not ask.
    public func verify(sender: String? = nil) async -> SMTPOutcome {
        await withLane { await $0.run { $0.verify(sender: sender) } }
    }

    private func withLane(_ body: (SMTPLane) async -> SMTPOutcome) async -> SMTPOutcome {
        let lane = await withCheckedContinuation { continuation in
            let free = state.withLock { state -> SMTPLane? in
                if let lane = state.idle.popLast() { return lane }
                state.waiting.append(continuation)
                return nil
            }
            if let free { continuation.resume(returning: free) }
        }
        let outcome = await body(lane)
        let next = state.withLock { state -> CheckedContinuation<SMTPLane, Never>? in
            if !state.waiting.isEmpty { return state.waiting.removeFirst() }
            state.idle.append(lane)
            return nil
        }
        next?.resume(returning: lane)
        return outcome
    }
}

/// One connection and the queue that its blocking work runs on.
private final class SMTPLane: @unchecked Sendable {
    // @unchecked: the session is touched on the lane's serial queue alone.
    private let queue: DispatchQueue
    private let configuration: SMTPConfiguration
    private let stop: StopFlag
    private var session: SMTPSession?

    init(_ number: Int, _ configuration: SMTPConfiguration, _ stop: StopFlag) {
        queue = DispatchQueue(label: "smtp-\(number)")
        self.configuration = configuration
        self.stop = stop
    }

    func run(_ body: @escaping @Sendable (SMTPSession) -> SMTPOutcome) async -> SMTPOutcome {
        await withCheckedContinuation { continuation in
            queue.async {
                let session = self.session ?? SMTPSession(self.configuration, stop: self.stop)
                self.session = session
                continuation.resume(returning: body(session))
            }
        }
    }
}
