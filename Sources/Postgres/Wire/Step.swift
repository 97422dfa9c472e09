/// How one step of a pipeline ended.
enum StepFailure: Error {
    /// The server refused it.
    case refused(ServerReply)
    /// It did not run: one before it in the same unit was refused.
    case aborted
    /// The connection was lost before its answer came.
    case lost(String)
    /// It was given up by this program, and is cancelled on the server.
    case expired
    case cancelled
}

typealias StepOutcome = Result<Rows?, StepFailure>

/// One thing sent down a pipeline that an answer is awaited for. Belongs to its loop's thread.
class Step: @unchecked Sendable {
    // @unchecked: touched on its connection's loop only.
    enum Kind {
        case prepare
        case execute
        case sync
    }

    let kind: Kind
    let name: StaticString
    var statement: PreparedStatement?
    var deadline: ContinuousClock.Instant?
    private(set) var outcome: StepOutcome?
    private var waiter: UnsafeContinuation<StepOutcome, Never>?
    /// What the server has said so far; the step ends when its results do.
    var answer: StepOutcome?

    init(_ kind: Kind, name: StaticString) {
        self.kind = kind
        self.name = name
    }

    /// The step ended, or is waited for no longer. Only the first call counts.
    final func complete(_ outcome: StepOutcome) {
        guard self.outcome == nil else { return }
        self.outcome = outcome
        ended(outcome)
    }

    /// What follows from the end: by default, whoever waits goes on.
    func ended(_ outcome: StepOutcome) {
        guard let waiter else { return }
        self.waiter = nil
        waiter.resume(returning: outcome)
    }

    /// Ready to be sent once more.
    final func reset() {
        outcome = nil
        answer = nil
        statement = nil
    }

    /// Ready to be waited for once more: it is still under way.
    final func reopen(until deadline: ContinuousClock.Instant) {
        outcome = nil
        self.deadline = deadline
    }

    /// Waits for the outcome; on the loop only.
    final func wait() async -> StepOutcome {
        if let outcome { return outcome }
        return await withUnsafeContinuation { waiter = $0 }
    }
}
