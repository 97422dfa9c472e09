import Foundation

/// A body to run at an instant. Used on its loop's thread only.
public final class LoopTimer {
    let deadline: ContinuousClock.Instant
    private var body: (() -> Void)?

    init(deadline: ContinuousClock.Instant, body: @escaping () -> Void) {
        self.deadline = deadline
        self.body = body
    }

    var isCancelled: Bool { body == nil }

    /// The body will not run. May be called twice, and from the body itself.
    public func cancel() { body = nil }

    func fire() {
        let body = self.body
        self.body = nil
        body?()
    }
}

/// A binary heap by deadline. Cancelled timers stay until they come up, or until they are more than half of the heap.
struct TimerHeap {
    private var heap: [LoopTimer] = []
    private var insertionsSinceSweep = 0

    var nextDeadline: ContinuousClock.Instant? { heap.first?.deadline }

    mutating func insert(_ timer: LoopTimer) {
        insertionsSinceSweep += 1
        if insertionsSinceSweep > 1024, insertionsSinceSweep > heap.count { sweep() }
        heap.append(timer)
        rise(heap.count - 1)
    }

    /// Takes out every timer whose deadline is not after `instant`, for the caller to fire: a body may set timers.
    mutating func takeDue(until instant: ContinuousClock.Instant) -> [LoopTimer] {
        var due: [LoopTimer] = []
        while let first = heap.first, first.deadline <= instant {
            heap.swapAt(0, heap.count - 1)
            heap.removeLast()
            sink(0)
            due.append(first)
        }
        return due
    }

    private mutating func sweep() {
        insertionsSinceSweep = 0
        heap.removeAll { $0.isCancelled }
        heap.sort { $0.deadline < $1.deadline }
    }

    private mutating func rise(_ start: Int) {
        var index = start
        while index > 0, heap[index].deadline < heap[(index - 1) / 2].deadline {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func sink(_ start: Int) {
        var index = start
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
                if heap[child].deadline < heap[least].deadline { least = child }
            }
            if least == index { return }
            heap.swapAt(index, least)
            index = least
        }
    }
}
