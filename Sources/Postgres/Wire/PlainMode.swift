internal import CLibpq
internal import Sockets

/// A connection that left its pipeline for a while, for what libpq cannot do in one: COPY, and scripts of several
/// statements. One task drives it and waits here for the socket.
final class PlainMode: @unchecked Sendable {
    // @unchecked: touched on the connection's loop only.
    private let handle: OpaquePointer
    private let registration: (Interest) -> Void
    private let broken: (String) -> Void
    private var waiter: UnsafeContinuation<StepFailure?, Never>?
    private var failure: StepFailure?
    private(set) var deadline: ContinuousClock.Instant

    init(
        handle: OpaquePointer, deadline: ContinuousClock.Instant, watch: @escaping (Interest) -> Void,
        broken: @escaping (String) -> Void
    ) {
        self.handle = handle
        self.deadline = deadline
        registration = watch
        self.broken = broken
    }

    func extend(until deadline: ContinuousClock.Instant) {
        self.deadline = deadline
    }

    func ready(_ readiness: Readiness) {
        if !readiness.subtracting(.write).isEmpty, failure == nil, PQconsumeInput(handle) == 0 {
            // A hangup would be reported over and over: nobody may be waiting just now.
            return broken(firstLine(PQerrorMessage(handle)))
        }
        resume()
    }

    func lost(_ reason: String) {
        failure = failure ?? .lost(reason)
        resume()
    }

    func expire() {
        failure = failure ?? .expired
        resume()
    }

    func cancel() {
        failure = failure ?? .cancelled
        resume()
    }

    /// Sends what libpq holds back, waiting for the socket. - Returns: why it could not.
    func drain() async -> StepFailure? {
        while failure == nil {
            switch PQflush(handle) {
            case 0:
                registration(.read)
                return nil
            case 1:
                registration([.read, .write])
                await turn()
            default: return .lost(firstLine(PQerrorMessage(handle)))
            }
        }
        return failure
    }

    /// The next result; nil when there is none left or the connection failed, which `failure` then says.
    func result() async -> Result<OpaquePointer?, StepFailure> {
        while failure == nil {
            if PQisBusy(handle) == 0 { return .success(PQgetResult(handle)) }
            if PQstatus(handle) == CONNECTION_BAD { break }
            await turn()
        }
        return .failure(failure ?? .lost(firstLine(PQerrorMessage(handle))))
    }

    /// Waits until something arrived. - Returns: why nothing will.
    func readable() async -> StepFailure? {
        await turn()
        return failure
    }

    private func turn() async {
        guard failure == nil else { return }
        failure = await withUnsafeContinuation { waiter = $0 } ?? failure
    }

    private func resume() {
        guard let waiter else { return }
        self.waiter = nil
        waiter.resume(returning: failure)
    }
}
