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
    /// After a turn: what comes close together is done together.
    var rest = Duration.zero
    /// True when there may be more to do at once.
    let turn: @Sendable () async throws -> Bool

    func run() async throws {
        let bell = Doorbell()
        if let wake { application.signals.add(bell, for: wake) }
        defer { if let wake { application.signals.remove(bell, for: wake) } }
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await answer(bell)
            } onGracefulShutdown: {
                bell.close()
            }
        } onCancel: {
            bell.close()
        }
    }

    private func answer(_ bell: Doorbell) async {
        let clock = Task {
            while !Task.isCancelled {
                bell.ring()
                try await Task.sleep(for: .seconds(pollSeconds))
            }
        }
        defer { clock.cancel() }
        var isTroubled = false
        while await bell.wait() {
            do {
                while try await turn(), !Task.isShuttingDownGracefully {}
                isTroubled = false
                if rest > .zero { try await Task.sleep(for: rest) }
            } catch {
                // A stop is no trouble.
                if error is CancellationError, Task.isCancelled { return }
                application.observe(.workerFailed(worker: name))
                if !isTroubled {
                    application.logger.warning(
                        "worker in trouble", metadata: ["worker": "\(name)", "error": "\(error)"])
                }
                isTroubled = true
            }
        }
    }
}
