import Synchronization

/// Several event loops, one a core as a rule.
public final class EventLoopGroup: Sendable {
    /// The loops, in a fixed order.
    public let loops: [EventLoop]
    private let turn = Atomic<Int>(0)

    /// - Parameters:
    ///   - count: 1 or more threads.
    ///   - niceness: how nice they are to all others (nice(1), 0–19).
    public init(count: Int, name: String, niceness: Int = 0) {
        precondition(count >= 1)
        loops = (0..<count).map { EventLoop(name: "\(name)-\($0)", niceness: niceness) }
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
