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
        /// Reachable, but something was refused for want of space or the like: unfit until then.
        var troubledUntil: ContinuousClock.Instant?
        /// When room on the disk was wanting last; nil once a probe has found some.
        var fullAt: ContinuousClock.Instant?
        /// When a probe found room last.
        var foundSpaceAt: ContinuousClock.Instant?
    }

    /// So long a trouble that nobody can look for lasts after it was last met.
    private static let quietAfterTrouble = Duration.seconds(3)

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
            if state.fullAt != nil { return false }
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

    /// Something was refused for want of memory, connections or the like: unfit until a while has passed without another.
    func markTroubled(_ reason: String, for duration: Duration = quietAfterTrouble) {
        state.withLock { $0.troubledUntil = .now + duration }
        markUnfit(reason)
    }

    /// The disk has no room: unfit until a probe finds some. A probe that found some a moment ago did not look where it is
    /// wanting (a tablespace of its own, a quota), so then time has to pass as well.
    /// - Returns: whether that is news, and the probe is to begin.
    func markFull(_ reason: String) -> Bool {
        let isNew = state.withLock { state in
            if let found = state.foundSpaceAt, .now - found < Self.quietAfterTrouble {
                state.troubledUntil = .now + Self.quietAfterTrouble
            }
            defer { state.fullAt = .now }
            return state.fullAt == nil
        }
        markUnfit(reason)
        return isNew
    }

    /// Whether room on the disk is to be looked for.
    var lacksSpace: Bool { state.withLock { $0.fullAt != nil } }

    /// A probe that began then found room on the disk; `markUp` says what follows from it.
    func markRoomy(asOf began: ContinuousClock.Instant) {
        state.withLock { state in
            guard let full = state.fullAt, full < began else { return }
            state.fullAt = nil
            state.foundSpaceAt = .now
        }
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
