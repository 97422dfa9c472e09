import Foundation
import Logging
import Postgres
import ServiceLifecycle

/// Starts the managed PostgreSQL again when it died while the service lives; requests are answered 503 meanwhile.
struct ClusterKeeper: Service {
    let cluster: Cluster
    let logger: Logger

    func run() async throws {
        var lastTrouble = ""
        for await _ in AsyncTimer.ticks(every: .seconds(1)).cancelOnGracefulShutdown() {
            do {
                if try await revive() { logger.warning("the managed PostgreSQL had died and was started again") }
                lastTrouble = ""
            } catch {
                let trouble = "\(error)"
                if trouble != lastTrouble {
                    logger.error("the managed PostgreSQL does not start", metadata: ["error": "\(trouble)"])
                }
                lastTrouble = trouble
            }
        }
    }

    private func revive() async throws -> Bool {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try cluster.reviveBlocking() }) }
        }
    }
}
