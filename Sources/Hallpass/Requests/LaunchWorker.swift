import Foundation
import Integrations
import Postgres

/// What the coming of an instant changes: launches what is due, within a second of the instant, once, by whichever instance
/// comes first; and raises the version of requests whose date has passed before their wizard was complete, since they show
/// another next step.
/// The case's lock and the domain see to "once": a request that has launched is not scheduled any more.
struct LaunchWorker: Sendable {
    private static let batch = 100
    /// Cases at once: a midnight of thousands of launches is done within its five seconds.
    private static let parallel = 8

    let application: Application

    /// True when there may be more. One request that cannot be launched holds up no other.
    func turn() async throws -> Bool {
        let now = application.now()
        let found = try await application.database.query(all: [
            Query(
                "launch.due",
                """
                SELECT id FROM request WHERE launch_status = 'scheduled' AND launch_at <= \(now)
                ORDER BY launch_at, id LIMIT \(Self.batch)
                """),
            Query(
                "launch.overdue",
                """
                SELECT id FROM request
                WHERE overdue_at IS NOT NULL AND updated_at < overdue_at AND overdue_at <= \(now)
                ORDER BY overdue_at, id LIMIT \(Self.batch)
                """),
        ])
        let due = try found[0].map { (id: try $0.get(0, as: UUID.self), command: Command.dateHasCome) }
        let overdue = try found[1].map { (id: try $0.get(0, as: UUID.self), command: Command.dayHasCome) }
        var failure: (any Error)?
        for start in stride(from: 0, to: due.count + overdue.count, by: Self.parallel) {
            let batch = (due + overdue)[start..<min(start + Self.parallel, due.count + overdue.count)]
            await withTaskGroup(of: (any Error)?.self) { group in
                for (id, command) in batch {
                    group.addTask {
                        do { try await perform(command, on: id, now: now) } catch { return error }
                        return nil
                    }
                }
                for await error in group { failure = failure ?? error }
            }
        }
        if let failure { throw failure }
        return max(due.count, overdue.count) == Self.batch
    }

    private func perform(_ command: Command, on id: UUID, now: Date) async throws {
        try await application.perform(author: .service, now: now) { work in
            let rows = try await work.transaction.query(all: Work.caseQueries(.request(id)))
            guard var locked = try work.readCase(rows) else { return }
            try locked.decide(command, on: id, for: work)
            try await work.write(&locked)
            guard command == .dayHasCome else { return }
            // Told, whether or not it shows another next step: it is not looked at again before it is changed.
            work.transaction.execute(
                Query("launch.told_overdue", "UPDATE request SET overdue_at = NULL WHERE id = \(id)"))
        }
    }
}
