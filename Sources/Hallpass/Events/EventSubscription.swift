import Foundation
import Synchronization

/// What one client of the event stream has still to be sent. A queue with a limit in bytes: who falls behind by more is let
/// go, and can come back with its `Last-Event-ID`.
final class EventSubscription: Sendable {
    enum Item: Sendable {
        case events(EventBatch)
        /// A comment, so that proxies and clients see that the connection lives.
        case keepAlive
    }

    enum End: Sendable {
        /// The client is too slow.
        case slow
        /// Its token was revoked or has expired.
        case unauthorized
        /// The service stops.
        case stopping
    }

    /// Bytes that may wait; one batch always may. Batches are shared by all clients, so this is no cost of every client.
    static let limitBytes = 1 << 20

    let principal: Principal
    let items: AsyncStream<Item>
    private let continuation: AsyncStream<Item>.Continuation
    private let state = Mutex<(queuedBytes: Int, queuedItems: Int, end: End?)>((0, 0, nil))

    init(_ principal: Principal) {
        self.principal = principal
        (items, continuation) = AsyncStream.makeStream(bufferingPolicy: .unbounded)
    }

    /// Why there is nothing more to send; what is still queued is not to be sent either.
    var end: End? { state.withLock { $0.end } }

    func push(_ batch: EventBatch) {
        let fits = state.withLock { state in
            guard state.end == nil else { return true }
            let sum = state.queuedBytes + batch.bytes.count
            guard state.queuedBytes == 0 || sum <= Self.limitBytes else { return false }
            state.queuedBytes += batch.bytes.count
            state.queuedItems += 1
            continuation.yield(.events(batch))
            return true
        }
        if !fits { finish(.slow) }
    }

    /// Whether there is room for the next full batch.
    var hasRoom: Bool { state.withLock { $0.end != nil || $0.queuedBytes <= Self.limitBytes / 2 } }

    /// Nothing, when the client has still other things to take.
    func pushKeepAlive() {
        state.withLock { state in
            guard state.end == nil, state.queuedItems == 0 else { return }
            state.queuedItems += 1
            continuation.yield(.keepAlive)
        }
    }

    /// To be called for each of `items` that was taken.
    func took(_ item: Item) {
        state.withLock { state in
            state.queuedItems -= 1
            if case .events(let batch) = item { state.queuedBytes -= batch.bytes.count }
        }
    }

    func finish(_ end: End) {
        state.withLock { if $0.end == nil { $0.end = end } }
        continuation.finish()
    }
}
