import Foundation
import Synchronization

// One reader an instance, many clients. The feed stands at a number: everything up to it was handed to those who were there,
// everything above will be. It stands nowhere while nobody listens. Who joins reads from the database by itself what lies
// between its own number and the feed's, after it has joined, so what it reads and what it is handed overlap and leave no
// gap; numbers say what came twice.

/// Hands events to the clients of this instance.
final class EventFeed: Sendable {
    private struct State {
        var position: Int?
        var subscriptions: [ObjectIdentifier: EventSubscription] = [:]
        var isStopped = false
    }

    private let state = Mutex(State())

    /// The highest number handed out; nil while nobody listens.
    var position: Int? { state.withLock { $0.position } }

    /// Clients that listen now.
    var subscriberCount: Int { state.withLock { $0.subscriptions.count } }

    /// Whether a client was found too slow and has not gone yet.
    var hasSlowClient: Bool { state.withLock { $0.subscriptions.values.contains { $0.end == .slow } } }

    /// The tokens that listen now.
    var tokenIDs: Set<UUID> { state.withLock { Set($0.subscriptions.values.map(\.principal.tokenID)) } }

    /// Everything numbered higher than `number`, or than the feed stands at, will be handed to the subscription.
    /// - Parameter number: one that was the highest, or lower than the highest, when it was read.
    func subscribe(_ principal: Principal, after number: Int) -> EventSubscription {
        let subscription = EventSubscription(principal)
        let isStopped = state.withLock { state in
            guard !state.isStopped else { return true }
            if state.position == nil { state.position = number }
            state.subscriptions[ObjectIdentifier(subscription)] = subscription
            return false
        }
        if isStopped { subscription.finish(.stopping) }
        return subscription
    }

    func leave(_ subscription: EventSubscription) {
        state.withLock { state in
            state.subscriptions[ObjectIdentifier(subscription)] = nil
            if state.subscriptions.isEmpty { state.position = nil }
        }
    }

    /// Hands on what was read after `number`, unless the feed stands elsewhere by now.
    func publish(_ batch: EventBatch, after number: Int, now: Date) {
        let subscriptions = state.withLock { state -> [EventSubscription] in
            guard state.position == number else { return [] }
            state.position = batch.last
            return Array(state.subscriptions.values)
        }
        for subscription in subscriptions {
            if subscription.principal.isExpired(at: now) {
                subscription.finish(.unauthorized)
            } else {
                subscription.push(batch)
            }
        }
    }

    /// Waits until every client has room for more, for a moment at most: who needs longer is too slow.
    func settle(atMost duration: Duration) async throws {
        let end = ContinuousClock.now + duration
        while ContinuousClock.now < end,
            !state.withLock({ Array($0.subscriptions.values) }).allSatisfy(\.hasRoom)
        {
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    func keepAlive(now: Date) {
        for subscription in state.withLock({ Array($0.subscriptions.values) }) {
            if subscription.principal.isExpired(at: now) {
                subscription.finish(.unauthorized)
            } else {
                subscription.pushKeepAlive()
            }
        }
    }

    /// Ends the streams of the tokens.
    func drop(_ tokenIDs: Set<UUID>) {
        for subscription in state.withLock({ Array($0.subscriptions.values) })
        where tokenIDs.contains(subscription.principal.tokenID) {
            subscription.finish(.unauthorized)
        }
    }

    /// Ends every stream, and those that come after at once.
    func stop() {
        let subscriptions = state.withLock { state in
            state.isStopped = true
            return Array(state.subscriptions.values)
        }
        for subscription in subscriptions { subscription.finish(.stopping) }
    }
}
