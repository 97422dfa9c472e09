import Foundation
import Mail
import Synchronization

// Between the worker's turn, which claims and writes on its loop, and the deliveries, which are on threads of their own. A
// delivery comes by once a message, with what became of the last one, and leaves with the next; that is all that they have in
// common, since on few cores whoever holds a lock is soon put aside, and all others wait. The turn is woken when there is
// enough for it to do, not for each message.

/// What is claimed and not begun, and what became of what was begun.
final class OutboxQueue: Sendable {
    /// What the turn waits for; nil: it does not matter.
    struct Wish: Sendable {
        /// So many results, or all when nothing else is to come.
        var results: Int?
        /// No more than so many messages left to begin.
        var ready: Int?
    }

    private struct State {
        var pace: OutboxPace
        var ready: ArraySlice<QueuedMail> = []
        var results: [MailResult] = []
        var underWay = 0
        var isClosed = false
        var wish = Wish()
        var waiting: CheckedContinuation<Void, Never>?

        var isBusy: Bool { underWay > 0 || !ready.isEmpty }

        var isWishFulfilled: Bool {
            if isClosed { return true }
            if let most = wish.ready, ready.count <= most { return true }
            guard let enough = wish.results, !results.isEmpty else { return false }
            return results.count >= enough || !isBusy
        }

        mutating func takeWaiting() -> CheckedContinuation<Void, Never>? {
            guard isWishFulfilled else { return nil }
            defer { waiting = nil }
            return waiting
        }
    }

    private let application: Application
    private let state: Mutex<State>

    init(application: Application, parallel: Int) {
        self.application = application
        state = Mutex(State(pace: OutboxPace(parallel: parallel)))
    }

    // MARK: For the deliveries

    /// Takes in what became of a delivery's last message, and gives its next one; nil: there is nothing to do for it now.
    func next(after last: (mail: QueuedMail, outcome: SMTPOutcome)? = nil) -> QueuedMail? {
        let now = application.now()
        let result = last.map { MailResult($0.mail, $0.outcome, now: now) }
        let (mail, pause, waiting) = state.withLock { state in
            var pause: TimeInterval?
            if let last, let result {
                state.underWay -= 1
                pause = state.pace.note(last.outcome, others: state.underWay > 0, now: now)
                state.results.append(result)
            }
            var mail: QueuedMail?
            if !state.isClosed, state.underWay < state.pace.room(now) { mail = state.ready.popFirst() }
            if mail != nil { state.underWay += 1 }
            return (mail, pause, state.takeWaiting())
        }
        if let pause, case .serverTrouble(let trouble, let text)? = last?.outcome {
            application.observe(.mailServerTrouble(trouble.rawValue, reply: text, pauseSeconds: pause))
        }
        waiting?.resume()
        return mail
    }

    // MARK: For the turn

    var width: Int { state.withLock { $0.pace.width } }

    var isPaused: Bool {
        let now = application.now()
        return state.withLock { $0.pace.isPaused(now) }
    }

    var readyCount: Int { state.withLock { $0.ready.count } }

    /// Whether a delivery is at a message, or will be.
    var isBusy: Bool { state.withLock { $0.isBusy } }

    var resultCount: Int { state.withLock { $0.results.count } }

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
            var results: [MailResult] = []
            results.reserveCapacity(state.results.count)
            swap(&results, &state.results)
            return results
        }
    }

    var isWishFulfilled: Bool { state.withLock { $0.isWishFulfilled } }

    /// Changes what is waited for, also by whoever waits already.
    func wish(for wish: Wish) {
        let waiting = state.withLock { state in
            state.wish = wish
            return state.takeWaiting()
        }
        waiting?.resume()
    }

    /// Returns once the wish is fulfilled, or the queue is closed. One waits at a time.
    func awaitWish() async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.isWishFulfilled { return true }
                state.waiting = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
    }

    func open() { state.withLock { $0.isClosed = false } }

    /// Gives nothing out any more.
    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            return state.takeWaiting()
        }
        waiting?.resume()
    }
}
