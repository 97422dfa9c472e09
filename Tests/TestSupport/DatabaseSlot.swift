// Swift Testing starts every test of the process at once. A few hundred databases and their connections on a few cores
// would make each of them slow enough to miss deadlines that are about something else, so only so many exist at a time.
// Who waits too long goes ahead all the same: a test may hold one database while it asks for another.

/// The right to have a test database. Given back by `release`, or when it is let go.
final class DatabaseSlot: Sendable {
    private static let limit = 16
    private static let patience = Duration.seconds(20)
    private static let state = Locked(State())

    private struct State {
        var taken = 0
        var waiting: [(number: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var serial = 0
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
            Task {
                try? await Task.sleep(for: patience)
                let late: CheckedContinuation<Void, Never>? = state.withLock { state in
                    guard let index = state.waiting.firstIndex(where: { $0.number == number }) else { return nil }
                    state.taken += 1
                    return state.waiting.remove(at: index).continuation
                }
                late?.resume()
            }
        }
        return DatabaseSlot()
    }

    func release() {
        guard
            isReleased.withLock({ isReleased in
                defer { isReleased = true }
                return !isReleased
            })
        else { return }
        let next = Self.state.withLock { state in
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
