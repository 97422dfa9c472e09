// Swift Testing starts every test of the process at once. A few hundred databases and their connections on a few cores
// would make each of them slow enough to miss deadlines that are about something else, so only so many exist at a time.
// A test may hold one database while it asks for another, so when nobody has given one back for a while one more is let in.

/// The right to have a test database. Given back by `release`, or when it is let go.
final class DatabaseSlot: Sendable {
    private static let limit = 8
    private static let patience = Duration.seconds(20)
    private static let state = Locked(State())

    private struct State {
        var taken = 0
        var waiting: [(number: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var serial = 0
        /// When a slot was last given back, or one too many given out.
        var lastProgress = ContinuousClock.now
    }

    private let isReleased = Locked(false)

    private init() {}

    deinit { release() }

    static func take() async -> DatabaseSlot {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let number: Int? = state.withLock { state in
                guard state.taken >= limit else {
                    state.taken += 1
                    return nil
                }
                state.serial += 1
                state.waiting.append((state.serial, continuation))
                return state.serial
            }
            guard let number else { return continuation.resume() }
            Task { await breakStalemates(while: number) }
        }
        return DatabaseSlot()
    }

    /// Lets the first in the queue in whenever nobody has given a slot back for too long, as long as `number` waits.
    private static func breakStalemates(while number: Int) async {
        while true {
            try? await Task.sleep(for: .seconds(1))
            let (isWaiting, first) = state.withLock { state in
                guard state.waiting.contains(where: { $0.number == number }) else {
                    return (false, nil as CheckedContinuation<Void, Never>?)
                }
                guard ContinuousClock.now - state.lastProgress > patience else { return (true, nil) }
                state.lastProgress = .now
                state.taken += 1
                return (true, state.waiting.removeFirst().continuation)
            }
            first?.resume()
            if !isWaiting { return }
        }
    }

    func release() {
        guard
            isReleased.withLock({ isReleased in
                defer { isReleased = true }
                return !isReleased
            })
        else { return }
        let next = Self.state.withLock { state in
            state.lastProgress = .now
            guard state.taken <= Self.limit, !state.waiting.isEmpty else {
                state.taken -= 1
                return nil as CheckedContinuation<Void, Never>?
            }
            // The slot changes hands.
            return state.waiting.removeFirst().continuation
        }
        next?.resume()
    }
}
