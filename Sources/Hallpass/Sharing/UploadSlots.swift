import Foundation
import Synchronization

// An upload holds a database connection as long as its client takes to send, and up to 50 MB at a large district's size.
// So only a few run at once; the others wait their turn in the order in which they came, without being read.

final class UploadSlots: Sendable {
    private struct State {
        var free: Int
        var waiting: [(number: Int, continuation: CheckedContinuation<Bool, Never>)] = []
        var next = 0
    }

    private let state: Mutex<State>

    init(_ count: Int) {
        precondition(count > 0)
        state = Mutex(State(free: count))
    }

    /// Runs `body` in a slot of its own.
    /// - Throws: `CancellationError` when the client went away while waiting.
    func run<Result>(_ body: () async throws -> Result) async throws -> Result {
        guard await take() else { throw CancellationError() }
        defer { give() }
        return try await body()
    }

    private func take() async -> Bool {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if Task.isCancelled { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.waiting.append((number, continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let gone = state.withLock { state -> CheckedContinuation<Bool, Never>? in
                guard let index = state.waiting.firstIndex(where: { $0.number == number }) else { return nil }
                return state.waiting.remove(at: index).continuation
            }
            gone?.resume(returning: false)
        }
    }

    private func give() {
        let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            if state.waiting.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst().continuation
        }
        next?.resume(returning: true)
    }
}
