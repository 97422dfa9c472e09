import Foundation
import Integrations
import Postgres

/// Launches what is due: within a second of the instant, once, by whichever instance comes first. The case's lock and the
/// domain see to "once": a request that has launched is not scheduled any more.
struct LaunchWorker: Sendable {
    private static let batch = 100

    let application: Application

    /// True when there may be more.
    func turn() async throws -> Bool {
        let now = application.now()
        let due = try await application.database.query(
            Query(
                "launch.due",
                """
                SELECT id FROM request WHERE launch_status = 'scheduled' AND launch_at <= \(now)
                ORDER BY launch_at, id LIMIT \(Self.batch)
                """))
        for row in due { try await launch(try row.get(0), now: now) }
        return due.count == Self.batch
    }

    private func launch(_ id: UUID, now: Date) async throws {
        try await application.perform(author: .service, now: now) { work in
            let rows = try await work.transaction.query(all: Work.caseQueries(.request(id)))
            guard var locked = try work.readCase(rows, addressed: id) else { return }
            try locked.decide(.dateHasCome, on: id, for: work)
            try await work.write(&locked)
        }
    }
}
