import Foundation
import Mail

/// How many messages may be under way at a time, by what the mail server has done so far.
struct OutboxPace: Sendable {
    private let parallel: Int
    /// Set while the server cannot be used: nothing begins before.
    private var pausedUntil: Date?
    private var troubles = 0
    /// Fewer than `parallel` when the server takes fewer connections.
    private var openWidth: Int
    private var successes = 0

    init(parallel: Int) {
        self.parallel = max(1, parallel)
        openWidth = self.parallel
    }

    /// Messages that may be under way: one while it is not known whether the server can be used again.
    var width: Int { troubles > 0 ? 1 : openWidth }

    func isPaused(_ now: Date) -> Bool { pausedUntil.map { $0 > now } ?? false }

    /// Messages that may be under way now; none during a pause.
    func room(_ now: Date) -> Int { isPaused(now) ? 0 : width }

    /// Draws the conclusions from what became of one message.
    /// - Parameter others: whether further messages are under way.
    /// - Returns: seconds of a pause that begins with it.
    mutating func note(_ outcome: SMTPOutcome, others: Bool, now: Date) -> TimeInterval? {
        guard case .serverTrouble = outcome else {
            troubles = 0
            pausedUntil = nil
            successes += 1
            if openWidth < parallel, successes.isMultiple(of: 100) { openWidth += 1 }
            return nil
        }
        // Those that were under way together meet the same trouble, which is one.
        if isPaused(now) { return nil }
        if others { openWidth = max(1, openWidth - 1) }
        troubles += 1
        let seconds = RetrySchedule.pauseSeconds(after: troubles)
        pausedUntil = now.addingTimeInterval(seconds)
        return seconds
    }
}
