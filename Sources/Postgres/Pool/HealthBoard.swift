public import Foundation
internal import Logging
internal import Synchronization

/// Whether the database can be worked with, as last seen.
public struct DatabaseHealth: Sendable, Hashable {
    /// False before the first contact, while the server is away, and while it takes no writes.
    public let isReachable: Bool
    /// Since when it has been so.
    public let since: Date
    /// Why not; nil while it is reachable. For logs and operators, no secrets.
    public let reason: String?
}

/// What all loops of a database know of the server's health. Any thread.
final class HealthBoard: Sendable {
    private struct State {
        var health = DatabaseHealth(isReachable: false, since: Date(), reason: "not connected yet")
        /// Reachable, but a write was refused for want of space or the like, so many seconds ago.
        var troubledUntil: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    private let down = Atomic<Bool>(false)
    private let logger: Logger
    let pulse = Pulse()
    let lastServed = LastServed()

    init(logger: Logger) {
        self.logger = logger
    }

    /// The server is known to be away: asking it would only take time.
    var isDown: Bool { down.load(ordering: .relaxed) }

    var health: DatabaseHealth { state.withLock { $0.health } }

    var error: DatabaseError { .unavailable(reason: health.reason ?? "the server is away") }

    func markUp() {
        let changed = state.withLock { state in
            if let until = state.troubledUntil, until > .now { return false }
            state.troubledUntil = nil
            guard !state.health.isReachable else { return false }
            state.health = DatabaseHealth(isReachable: true, since: Date(), reason: nil)
            return true
        }
        down.store(false, ordering: .relaxed)
        if changed { logger.info("database reachable") }
    }

    /// The server is away: requests fail at once until it is seen again.
    func markDown(_ reason: String) {
        down.store(true, ordering: .relaxed)
        markUnfit(reason)
    }

    /// The server answers, but is of no use meanwhile: read-only, out of connections. Requests are still tried.
    func markUnfit(_ reason: String) {
        let changed = state.withLock { state in
            let changed = state.health.isReachable || state.health.reason != reason
            let since = state.health.isReachable ? Date() : state.health.since
            state.health = DatabaseHealth(isReachable: false, since: since, reason: reason)
            return changed
        }
        if changed { logger.error("database unavailable", metadata: ["reason": "\(reason)"]) }
    }

    /// Something was refused for want of space, memory or connections: unfit until a while has passed without another.
    func markTroubled(_ reason: String, for duration: Duration = .seconds(3)) {
        state.withLock { $0.troubledUntil = .now + duration }
        markUnfit(reason)
    }
}

/// When the server was last heard, over all loops: a server that answers anyone is not away.
final class Pulse: Sendable {
    private let nanoseconds = Atomic<Int64>(0)
    private let start = ContinuousClock.now

    func beat(_ now: ContinuousClock.Instant) {
        let since = (now - start).components
        nanoseconds.store(since.seconds * 1_000_000_000 + since.attoseconds / 1_000_000_000, ordering: .relaxed)
    }

    var last: ContinuousClock.Instant { start + .nanoseconds(nanoseconds.load(ordering: .relaxed)) }
}
