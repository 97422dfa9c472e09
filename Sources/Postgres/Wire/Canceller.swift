internal import CLibpq
internal import Foundation
internal import Synchronization

/// Asks the server to cancel what a connection is doing. libpq does this over a connection of its own and blocks, so it
/// happens on a thread of its own, of which there are only a few: a server that cannot be reached needs no cancelling.
final class Canceller: @unchecked Sendable {
    // @unchecked: a PGcancel is not changed by PQcancel, and may be used by any thread.
    private let pointer: OpaquePointer?
    private static let underWay = Atomic<Int>(0)
    private static let limit = 16

    init(_ pointer: OpaquePointer?) {
        self.pointer = pointer
    }

    deinit {
        PQfreeCancel(pointer)
    }

    /// Sends the request. `done` runs on some thread once the server has taken it, with whether it has.
    func cancel(_ done: @escaping @Sendable (Bool) -> Void) {
        guard Self.underWay.wrappingAdd(1, ordering: .relaxed).newValue <= Self.limit else {
            Self.underWay.wrappingSubtract(1, ordering: .relaxed)
            return done(false)
        }
        Thread.detachNewThread { [self] in
            var message = [CChar](repeating: 0, count: 256)
            let isTaken = PQcancel(pointer, &message, Int32(message.count)) == 1
            Self.underWay.wrappingSubtract(1, ordering: .relaxed)
            done(isTaken)
        }
    }
}
