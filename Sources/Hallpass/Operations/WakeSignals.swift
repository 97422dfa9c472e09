import Synchronization

/// Tells this process's workers that there may be something to do. A wake that comes while a worker is busy is kept, and
/// many are one. Other instances are told by NOTIFY (`WakeRelay`), and a slow poll is the net under both.
final class WakeSignals: Sendable {
    private let bells = Mutex<[Wake: [Doorbell]]>([:])

    func wake(_ wakes: some Sequence<Wake>) {
        for wake in wakes {
            for bell in bells.withLock({ $0[wake] ?? [] }) { bell.ring() }
        }
    }

    /// Rings a bell for wakes of one kind from now on.
    func add(_ bell: Doorbell, for wake: Wake) {
        bells.withLock { $0[wake, default: []].append(bell) }
    }

    func remove(_ bell: Doorbell, for wake: Wake) {
        bells.withLock { $0[wake]?.removeAll { $0 === bell } }
    }
}
