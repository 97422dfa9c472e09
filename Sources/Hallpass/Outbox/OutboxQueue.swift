import Foundation
import Mail
import Synchronization

/// What one turn of the outbox has claimed and not begun, and what became of what it has begun: filled by the turn, emptied by
/// the deliveries on whatever thread they run.
final class OutboxQueue: Sendable {
    private struct State {
        var ready: ArraySlice<QueuedMail> = []
        var results: [MailResult] = []
        var underWay = 0
        var isClosed = false
        var waiting: CheckedContinuation<Void, Never>?

        mutating func takeWaiting() -> CheckedContinuation<Void, Never>? {
            defer { waiting = nil }
            return waiting
        }
    }

    private let worker: OutboxWorker
    private let state = Mutex(State())

    init(worker: OutboxWorker) { self.worker = worker }

    // MARK: For the deliveries

    /// The next message for one who has none under way; nil: there is nothing to do for it now.
    func next() -> QueuedMail? {
        let room = worker.room
        return state.withLock { state in
            guard !state.isClosed, state.underWay < room, let mail = state.ready.popFirst() else { return nil }
            state.underWay += 1
            return mail
        }
    }

    func finish(_ mail: QueuedMail, _ outcome: SMTPOutcome) {
        let others = state.withLock { state in
            state.underWay -= 1
            return state.underWay > 0
        }
        worker.note(outcome, others: others)
        let result = MailResult(mail, outcome, now: worker.application.now())
        let waiting = state.withLock { state in
            state.results.append(result)
            return state.takeWaiting()
        }
        waiting?.resume()
    }

    // MARK: For the turn

    var readyCount: Int { state.withLock { $0.ready.count } }

    func add(_ mails: [QueuedMail]) { state.withLock { $0.ready.append(contentsOf: mails) } }

    /// Takes out what has not begun.
    func takeReady() -> [QueuedMail] {
        state.withLock { state in
            defer { state.ready = [] }
            return Array(state.ready)
        }
    }

    func takeResults() -> [MailResult] {
        state.withLock { state in
            defer { state.results = [] }
            return state.results
        }
    }

    /// Returns once there is a result to take, or the queue is closed. One waits at a time.
    func awaitResults() async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if !state.results.isEmpty || state.isClosed { return true }
                state.waiting = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    /// Gives nothing out any more.
    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            return state.takeWaiting()
        }
        waiting?.resume()
    }
}
