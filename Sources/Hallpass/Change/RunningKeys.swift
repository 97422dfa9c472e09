import Foundation
import Synchronization

/// Idempotency keys of calls that take several transactions and run in this process. A second call with one of them is
/// told so; that each part is done once, whichever process runs it, is the database's business.
final class RunningKeys: Sendable {
    private struct Name: Hashable {
        var tokenID: UUID
        var key: String
    }

    private let running = Mutex<Set<Name>>([])

    /// - Throws: 409 `idempotency_in_progress`.
    func hold<Result>(_ key: IdempotencyKey, _ body: () async throws -> Result) async throws -> Result {
        let name = Name(tokenID: key.tokenID, key: key.key)
        guard running.withLock({ $0.insert(name).inserted }) else { throw Problem.idempotencyInProgress }
        defer { _ = running.withLock { $0.remove(name) } }
        return try await body()
    }
}

extension Problem {
    static let idempotencyInProgress = Problem(
        status: 409, code: .idempotencyInProgress,
        detail: "The first call with this Idempotency-Key is still running. Ask again in a moment.",
        retryAfterSeconds: 1)
}
