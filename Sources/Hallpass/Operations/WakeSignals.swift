import Synchronization

/// Tells this process's workers that there may be something to do. A wake that comes while a worker is busy is kept, and
/// many are one. Other instances are told by NOTIFY (`WakeRelay`), and a slow poll is the net under both.
final class WakeSignals: Sendable {
    private struct State {
        var continuations: [Wake: [Int: AsyncStream<Void>.Continuation]] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    func wake(_ wakes: some Sequence<Wake>) {
        for wake in wakes {
            for continuation in state.withLock({ $0.continuations[wake].map { Array($0.values) } ?? [] }) {
                continuation.yield()
            }
        }
    }

    /// Wakes of one kind from now on, several that come together as one. Ends when the task that reads it is cancelled.
    func stream(_ wake: Wake) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.next += 1
            state.continuations[wake, default: [:]][state.next] = continuation
            return state.next
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.continuations[wake]?.removeValue(forKey: number) }
        }
        return stream
    }
}
