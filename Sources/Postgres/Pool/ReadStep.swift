/// A read on its way: waiting, sent, or answered. Sent again when that is safe, which for a read it nearly always is.
final class ReadStep: Step, @unchecked Sendable {
    // @unchecked: touched on its pool's loop only.
    let query: Query
    let started: ContinuousClock.Instant
    /// For `application_name` while it runs, where its sender wants that.
    let sessionLabel: String?
    /// In a unit of its own: one before it took it along into an error, or it comes with a setting.
    var isAlone = false
    var attempts = 0
    var isSent = false
    private(set) var result: Result<Rows, DatabaseError>?
    private var caller: UnsafeContinuation<Result<Rows, DatabaseError>, Never>?
    /// What follows from the result, for a step that nobody waits for by itself.
    var follow: ((Result<Rows, DatabaseError>) -> Void)?
    private let reader: Reader

    init(
        _ query: Query, sessionLabel: String?, reader: Reader, started: ContinuousClock.Instant,
        deadline: ContinuousClock.Instant
    ) {
        self.query = query
        self.sessionLabel = sessionLabel
        self.reader = reader
        self.started = started
        super.init(.execute, name: query.name)
        self.deadline = deadline
        // The setting ends with its unit.
        isAlone = query.isPlannedEachTime || sessionLabel != nil
    }

    override func ended(_ outcome: StepOutcome) {
        reader.answered(self, outcome)
    }

    func resolve(_ result: Result<Rows, DatabaseError>) {
        guard self.result == nil else { return }
        self.result = result
        if let follow {
            self.follow = nil
            follow(result)
        }
        if let caller {
            self.caller = nil
            caller.resume(returning: result)
        }
    }

    /// Waits for the result; on the loop only.
    func value() async -> Result<Rows, DatabaseError> {
        if let result { return result }
        return await withUnsafeContinuation { caller = $0 }
    }
}
