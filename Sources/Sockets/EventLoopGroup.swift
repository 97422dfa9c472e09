import Synchronization

/// Several event loops, one a core as a rule.
public final class EventLoopGroup: Sendable {
    /// The loops, in a fixed order.
    public let loops: [EventLoop]
    private let turn = Atomic<Int>(0)

    /// - Parameter count: 1 or more threads.
    public init(count: Int, name: String) {
        precondition(count >= 1)
        loops = (0..<count).map { EventLoop(name: "\(name)-\($0)") }
    }

    /// The loops one after the other.
    public func next() -> EventLoop {
        loops[Int(UInt(bitPattern: turn.wrappingAdd(1, ordering: .relaxed).oldValue) % UInt(loops.count))]
    }

    /// Stops every loop once what is enqueued has run.
    public func stop() async {
        for loop in loops { await loop.stop() }
    }
}
