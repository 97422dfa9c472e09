import Foundation
import Postgres

/// Numbers what was committed and hands it to this instance's clients; every instance has one.
struct EventWorker: Sendable {
    /// Seconds between two comments in a stream.
    static let keepAliveSeconds = 15.0
    /// Changes that come close together are numbered together.
    private static let gathering = Duration.milliseconds(20)

    /// While there is much to tell, clients get this long to take a batch before the next one comes.
    private static let patience = Duration.milliseconds(100)

    let application: Application

    /// True when there may be more at once.
    func turn() async throws -> Bool {
        let isMoreToNumber = try await EventNumbering.number(application.database)
        let isMoreToTell = try await tell()
        return isMoreToNumber || isMoreToTell
    }

    private func tell() async throws -> Bool {
        guard let position = application.events.position,
            let batch = try await EventBatch.read(after: position, from: application.database)
        else { return false }
        application.events.publish(batch, after: position, now: application.now())
        if batch.isFull { try await application.events.settle(atMost: Self.patience) }
        return batch.isFull
    }

    /// Ends the streams of revoked tokens.
    func checkTokens() async throws {
        let ids = application.events.tokenIDs
        guard !ids.isEmpty else { return }
        let rows = try await application.database.query(
            Query("events.tokens", "SELECT id FROM token WHERE id = ANY(\(Array(ids))) AND revoked_at IS NULL"))
        application.events.drop(ids.subtracting(try rows.map { try $0.get(0, as: UUID.self) }))
    }

    /// What an instance runs for its event streams.
    var loops: [WorkerLoop] {
        [
            WorkerLoop(name: "events", application: application, wake: .events, rest: Self.gathering) {
                try await turn()
            },
            WorkerLoop(name: "event streams' tokens", application: application, wake: .tokens, pollSeconds: 60) {
                try await checkTokens()
                return false
            },
            WorkerLoop(name: "event streams' comments", application: application, pollSeconds: Self.keepAliveSeconds) {
                application.events.keepAlive(now: application.now())
                return false
            },
            WorkerLoop(name: "event retention", application: application, pollSeconds: 3600) {
                try await EventNumbering.prune(application.database, now: application.now())
                return false
            },
        ]
    }
}
