import Foundation
import Logging
import Postgres
import ServiceLifecycle

// Hears what other instances have done: wakes for this one's workers, and revoked tokens. While the listening connection
// is down nothing is remembered of tokens; when it is back, whatever was missed is looked for by waking everybody.

struct WakeRelay: Service {
    static let channel = "hallpass_wake"

    let application: Application

    func run() async throws {
        await withGracefulShutdownHandler {
            for await notification in application.database.listen([Self.channel, TokenCache.channel])
                .cancelOnGracefulShutdown()
            {
                switch notification {
                case .message(Self.channel, let payload):
                    if let wake = Wake(rawValue: payload) { application.signals.wake([wake]) }
                case .message: application.tokens.forget()
                case .disconnected: application.tokens.listening(false)
                case .reconnected:
                    application.tokens.listening(true)
                    application.signals.wake(Wake.allCases)
                }
            }
        } onGracefulShutdown: {
        }
        application.tokens.listening(false)
    }
}

/// Writes the last uses of tokens, gathered, every second.
struct LastUseWriter: Service {
    let application: Application

    func run() async throws {
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            try? await Task.sleep(for: .seconds(1))  // a cancelled sleep ends the loop after a last write
            await write()
        }
    }

    func write() async {
        let uses = application.tokens.takeLastUses()
        guard !uses.isEmpty else { return }
        do {
            _ = try await application.database.execute(
                Query(
                    "token.last_used",
                    """
                    UPDATE token SET last_used_at = greatest(token.last_used_at, uses.at)
                    FROM unnest(\(Array(uses.keys)), \(Array(uses.values))) AS uses (id, at) WHERE token.id = uses.id
                    """))
        } catch {
            application.logger.debug("last uses of tokens were not written", metadata: ["error": "\(error)"])
        }
    }
}
