import Foundation
import Glibc
import ServiceLifecycle
import Synchronization

// SIGTERM and SIGINT, from the very start on: one that comes while the cluster is started or the schema migrated must stop
// the service as well as one that comes later, and none may be lost between two handlers. The handler does what a signal
// handler may do: it writes a byte into a pipe, which a thread reads. SIGPIPE is ignored: a log whose reader has gone is
// no reason to die.

/// The signals that ask the service to stop.
final class StopSignals: Service {
    /// The service was asked to stop before it had started.
    struct Asked: Error {}

    private static let pipe = Atomic<Int32>(-1)

    private let isAsked = Atomic<Bool>(false)
    private let stream: AsyncStream<Void>

    /// Handles the signals from now on. There is one for a process.
    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.stream = stream
        var ends: [Int32] = [-1, -1]
        precondition(Glibc.pipe(&ends) == 0, "no descriptors left for a pipe: raise `ulimit -n`")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        Self.pipe.store(ends[1], ordering: .relaxed)
        let reader = ends[0]
        Thread.detachNewThread { [weak self] in
            var byte: UInt8 = 0
            while read(reader, &byte, 1) == 1 || errno == EINTR {
                self?.isAsked.store(true, ordering: .relaxed)
                continuation.yield()
            }
        }
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in
            let kept = errno
            var byte: UInt8 = 1
            _ = write(StopSignals.pipe.load(ordering: .relaxed), &byte, 1)
            errno = kept
        }
        action.sa_flags = Int32(SA_RESTART)
        for number in [SIGTERM, SIGINT] { sigaction(number, &action, nil) }
        signal(SIGPIPE, SIG_IGN)
    }

    /// - Throws: `Asked` once the service was asked to stop.
    func check() throws {
        if isAsked.load(ordering: .relaxed) { throw Asked() }
    }

    /// Returns when the service is asked to stop, at once when it was before.
    func run() async throws {
        for await _ in stream.cancelOnGracefulShutdown() { return }
    }
}
