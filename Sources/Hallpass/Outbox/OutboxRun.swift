import Foundation
import Logging
import Mail
import ServiceLifecycle

/// One turn of the outbox worker. Its loop alone decides; claiming, delivering and writing run beside one another as its child
/// tasks, which meet in the `OutboxQueue`, so a slow answer holds up nobody but itself. A delivery takes one message after the
/// other without asking the loop. While anything is under way it looks for new messages several times a second. It claims or
/// writes, never both at once, and little at a time: on few cores the API's statements would wait behind two long ones.
struct OutboxRun {
    private enum Event: Sendable {
        case claimed(Result<[QueuedMail], any Error>)
        /// A delivery found nothing more to do.
        case deliveryEnded
        case isWishFulfilled
        case written([UUID])
        case writeIsDue
        case tick
    }

    private static let tickSeconds = 0.25
    /// A claim is a commit, so a fast server is given many messages for one; a slow one few, since what is claimed cannot be
    /// cancelled any more. Not more, since a loop that takes in megabytes of messages answers nobody meanwhile.
    private static let maximumClaim = 32
    /// A write is a commit as well: while messages are under way it waits for so many results, but not longer than this.
    private static let fullWrite = 32
    private static let writeSeconds = 0.02
    /// What is under way when the service stops may take so long to end by itself.
    private static let stopSeconds: TimeInterval = 7

    private let worker: OutboxWorker
    private let queue: OutboxQueue
    private var deliveries = 0
    private var isClaiming = false
    private var claimSize = 0
    private var claimedAt = ContinuousClock.now
    private var isWriting = false
    private var writeIsDue = true
    private var isAwaitingWish = false
    /// Goes back untried, and is to be written.
    private var returned: [MailResult] = []
    private var isTicking = false
    private var mayBeMore = true
    private var failure: (any Error)?
    private var stoppingSince: ContinuousClock.Instant?
    private var hasBrokenOff = false

    init(worker: OutboxWorker) {
        self.worker = worker
        queue = worker.queue
    }

    /// - Throws: the database's error when claiming failed; what had been claimed is delivered and written all the same.
    mutating func deliverAll() async throws {
        queue.open()
        await withTaskGroup(of: Event.self) { group in
            while true {
                heedStop()
                returnUntried()
                beginDeliveries(&group)
                beginClaiming(&group)
                beginWriting(&group)
                guard deliveries > 0 || isClaiming || isWriting else { break }
                beginWaiting(&group)
                guard let event = await group.next() else { break }
                take(event)
            }
            queue.close()
            group.cancelAll()
        }
        if let failure { throw failure }
    }

    private mutating func take(_ event: Event) {
        switch event {
        case .claimed(.success(let mails)):
            isClaiming = false
            queue.add(mails)
            if mails.isEmpty { mayBeMore = false }
        case .claimed(.failure(let error)):
            isClaiming = false
            mayBeMore = false
            failure = error
        case .deliveryEnded: deliveries -= 1
        case .isWishFulfilled: isAwaitingWish = false
        case .written(let ids):
            isWriting = false
            worker.release(ids)
        case .writeIsDue: writeIsDue = true
        case .tick:
            isTicking = false
            if failure == nil { mayBeMore = true }
        }
    }

    /// What was claimed and not begun goes back when nothing may begin.
    private mutating func returnUntried() {
        guard stoppingSince != nil || queue.isPaused else { return }
        returned += queue.takeReady().map { MailResult(untried: $0, now: worker.application.now()) }
    }

    private mutating func beginDeliveries(_ group: inout TaskGroup<Event>) {
        let wanted = min(queue.width, deliveries + queue.readyCount)
        let (queue, delivery) = (queue, worker.delivery)
        while deliveries < wanted {
            deliveries += 1
            // Not on the loop: a delivery may block.
            group.addTask(executorPreference: globalConcurrentExecutor) {
                await delivery.deliver(queue)
                return .deliveryEnded
            }
        }
    }

    /// Writes everything that is known by now, one statement at a time.
    private mutating func beginWriting(_ group: inout TaskGroup<Event>) {
        guard !isAtDatabase, writeIsDue || !returned.isEmpty || !queue.isBusy || queue.resultCount >= Self.fullWrite
        else {
            return
        }
        let batch = returned + queue.takeResults()
        returned = []
        guard !batch.isEmpty else { return }
        isWriting = true
        let worker = worker
        group.addTask { await .written(Self.write(batch, worker)) }
        guard writeIsDue else { return }
        writeIsDue = false
        group.addTask {
            try? await Task.sleep(for: .seconds(Self.writeSeconds))  // cancelled at the end of the turn
            return .writeIsDue
        }
    }

    private mutating func beginWaiting(_ group: inout TaskGroup<Event>) {
        queue.wish(
            for: .init(
                results: isAtDatabase ? nil : writeIsDue ? 1 : Self.fullWrite, ready: mayClaim ? readyBeforeClaim : nil)
        )
        if !isAwaitingWish {
            isAwaitingWish = true
            let queue = queue
            group.addTask {
                await queue.awaitWish()
                return .isWishFulfilled
            }
        }
        if deliveries > 0, !isTicking {
            isTicking = true
            group.addTask {
                try? await Task.sleep(for: .seconds(Self.tickSeconds))  // cancelled at the end of the turn
                return .tick
            }
        }
    }

    private var isAtDatabase: Bool { isClaiming || isWriting }

    private var mayClaim: Bool {
        guard mayBeMore, !isAtDatabase, stoppingSince == nil, !queue.isPaused else { return false }
        // One at a time, until it is known whether the server can be used again.
        return queue.width > 1 || (deliveries == 0 && queue.readyCount == 0)
    }

    /// New ones are claimed when no more than so many are left.
    private var readyBeforeClaim: Int { max(queue.width, claimSize) }

    private mutating func beginClaiming(_ group: inout TaskGroup<Event>) {
        guard mayClaim, queue.readyCount <= readyBeforeClaim else { return }
        let width = queue.width
        let limit = width == 1 ? 1 : nextClaimSize(width)
        isClaiming = true
        let worker = worker
        group.addTask {
            do {
                try await worker.takeOver()
                return .claimed(.success(try await worker.claim(limit)))
            } catch {
                return .claimed(.failure(error))
            }
        }
    }

    /// Twice as many as last time when those were gone within half a second, half as many when they lasted two.
    private mutating func nextClaimSize(_ width: Int) -> Int {
        let lasted = claimedAt.duration(to: .now)
        claimedAt = .now
        if claimSize > 0, lasted < .seconds(0.5) { claimSize *= 2 }
        if lasted > .seconds(2) { claimSize /= 2 }
        claimSize = min(max(claimSize, 2 * width), Self.maximumClaim)
        return claimSize
    }

    /// At a graceful stop nothing new begins, what waits goes back, and what does not end by itself is broken off.
    private mutating func heedStop() {
        guard Task.isShuttingDownGracefully else { return }
        let since = stoppingSince ?? .now
        stoppingSince = since
        if !hasBrokenOff, since.duration(to: .now) > .seconds(Self.stopSeconds) {
            hasBrokenOff = true
            worker.delivery.breakOff()
        }
    }

    /// Tries until the database takes it: what is known is not forgotten, and the leases are renewed meanwhile. A stopping
    /// service gives up sooner; then the leases run out, and another takes the messages over.
    private static func write(_ batch: [MailResult], _ worker: OutboxWorker) async -> [UUID] {
        var delay = 0.1
        var failures = 0
        while true {
            do {
                try await worker.statements.record(batch)
                for result in batch where result.isAttempt { worker.application.observe(.emailAttempted(result)) }
                break
            } catch {
                failures += 1
                if failures == 1 {
                    worker.application.logger.warning(
                        "what became of e-mails is not written yet",
                        metadata: ["count": "\(batch.count)", "error": "\(error)"])
                }
                if Task.isShuttingDownGracefully || Task.isCancelled, failures > 5 { break }
                try? await Task.sleep(for: .seconds(delay))  // cancelled: the next try comes at once
                delay = min(5, delay * 2)
            }
        }
        return batch.map(\.id)
    }
}
