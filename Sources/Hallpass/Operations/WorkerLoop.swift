import Foundation
import Logging
import ServiceLifecycle

// The life of a worker: a turn whenever it is woken, and every second as the net; turns are repeated while they find work.
// What goes wrong in a turn is logged once until a turn succeeds again, and the next tick tries anew. A graceful stop ends
// the loop after the turn under way.

struct WorkerLoop: Service {
    let name: String
    let application: Application
    var wake: Wake?
    var pollSeconds = 1.0
    /// True when there may be more to do at once.
    let turn: @Sendable () async throws -> Bool

    func run() async throws {
        var isTroubled = false
        for await _ in ticks().cancelOnGracefulShutdown() {
            do {
                while try await turn(), !Task.isShuttingDownGracefully {}
                isTroubled = false
            } catch {
                application.observe(.workerFailed(worker: name))
                if !isTroubled {
                    application.logger.warning(
                        "worker in trouble", metadata: ["worker": "\(name)", "error": "\(error)"])
                }
                isTroubled = true
            }
        }
    }

    private func ticks() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let wakes = wake.map { application.signals.stream($0) }
        let poll = Duration.seconds(pollSeconds)
        let timer = Task {
            while !Task.isCancelled {
                continuation.yield()
                try await Task.sleep(for: poll)
            }
        }
        let relay = Task {
            guard let wakes else { return }
            for await _ in wakes { continuation.yield() }
        }
        continuation.onTermination = { _ in
            timer.cancel()
            relay.cancel()
        }
        return stream
    }
}
