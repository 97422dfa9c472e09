import Foundation

/// When a mail that was not taken is tried again (API §6): first after 5 to 15 s, doubling with jitter to at most an hour,
/// for 5 days. A server that cannot be used pauses the whole queue for 5 s, doubling to 60 s.
enum RetrySchedule {
    static let lifetimeSeconds: TimeInterval = 5 * 86_400

    /// The instant of the next attempt; nil when this was the last. The last one comes when the 5 days are over.
    /// - Parameters:
    ///   - attempts: how many counted, 1 or more.
    ///   - first: the instant of the first of them, so that time in which the server could not be used at all is not lost.
    ///   - jitter: from 0 to 1.
    static func nextAttempt(after attempts: Int, since first: Date, now: Date, jitter: Double) -> Date? {
        let end = first.addingTimeInterval(lifetimeSeconds)
        guard now < end else { return nil }
        return min(end, now.addingTimeInterval(delaySeconds(after: attempts, jitter: jitter)))
    }

    /// Seconds until the next attempt, after `attempts` that counted (1 or more).
    /// - Parameter jitter: from 0 to 1.
    static func delaySeconds(after attempts: Int, jitter: Double) -> TimeInterval {
        let base = min(3600, 10 * pow(2, Double(min(attempts, 30) - 1)))
        return min(3600, base * (0.5 + jitter))
    }

    static func pauseSeconds(after troubles: Int) -> TimeInterval { min(60, 5 * pow(2, Double(min(troubles, 10) - 1))) }
}
