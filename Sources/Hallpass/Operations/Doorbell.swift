import Synchronization

/// Wakes the one task that waits for it. Rung while nobody waits it is remembered, and many rings are one: so it costs next to
/// nothing to ring it for every change while its task is busy.
final class Doorbell: Sendable {
    private struct State {
        var isRung = false
        var isClosed = false
        var waiting: CheckedContinuation<Bool, Never>?
    }

    private let state = Mutex(State())

    /// Any thread, no waiting.
    func ring() {
        let waiting = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard let waiting = state.waiting.take() else {
                state.isRung = true
                return nil
            }
            return waiting
        }
        waiting?.resume(returning: true)
    }

    /// Waits until it is rung, or was since the last time. False: it is closed.
    func wait() async -> Bool {
        await withCheckedContinuation { continuation in
            let answer = state.withLock { state -> Bool? in
                precondition(state.waiting == nil, "one task waits at a doorbell")
                if state.isClosed { return false }
                if state.isRung {
                    state.isRung = false
                    return true
                }
                state.waiting = continuation
                return nil
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    /// Whoever waits is told that there is nothing more to wait for. Any thread.
    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            return state.waiting.take()
        }
        waiting?.resume(returning: false)
    }
}
