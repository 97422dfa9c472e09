import Foundation
import Integrations
import Postgres
import Synchronization

// What the database knows and a scrape asks for: looked up at the scrape, by indexes that hold only what is unfinished,
// and kept a few seconds, so that several scrapers cost one look. While the database is away there are none: a gauge that
// stands still would look like a healthy one.

/// Gauges of the work that waits, as last seen in the database.
final class DatabaseGauges: Sendable {
    struct Reading: Sendable {
        var emails: [(status: String, count: Int)] = []
        var oldestQueuedSeconds = 0.0
        var parkedDeliveries = 0
        var undecided: [(kind: String, count: Int, oldestSeconds: Double)] = []
        var lateLaunches = 0
        var latestLaunchSeconds = 0.0
        var databaseBytes = 0
    }

    private static let lifetime = Duration.seconds(5)
    private let kept = Mutex<(reading: Reading, until: ContinuousClock.Instant)?>(nil)

    /// Nil while the database is away.
    func read(_ database: Database, now: Date) async -> Reading? {
        guard database.health.isReachable else { return nil }
        if let kept = kept.withLock({ $0 }), kept.until > .now { return kept.reading }
        do {
            let reading = try await Self.look(database, now)
            kept.withLock { $0 = (reading, .now + Self.lifetime) }
            return reading
        } catch {
            // Told by hallpass_database_up and the log of the database's health.
            return nil
        }
    }

    private static func look(_ database: Database, _ now: Date) async throws -> Reading {
        let answers = try await database.query(
            all: [
                Query(
                    "metrics.emails",
                    """
                    SELECT status, count(*), min(created_at) FILTER (WHERE status = 'queued') FROM email
                    WHERE status = 'queued' OR status = 'sending' OR status = 'failed' GROUP BY status
                    """),
                Query("metrics.parked", "SELECT count(*) FROM webhook_delivery WHERE status = 'parked'"),
                Query(
                    "metrics.undecided",
                    """
                    SELECT kind, count(*), min(created_at) FROM request
                    WHERE facet = ANY(\(RequestFacet.undecided.map(\.number))) GROUP BY kind
                    """),
                Query(
                    "metrics.late",
                    """
                    SELECT count(*), min(launch_at) FROM request
                    WHERE launch_status = 'scheduled' AND launch_at < \(now.addingTimeInterval(-5))
                    """),
                Query("metrics.size", "SELECT pg_database_size(current_database())"),
            ], deadline: .seconds(2))
        var reading = Reading()
        func age(_ instant: Date?) -> Double { instant.map { max(0, now.timeIntervalSince($0)) } ?? 0 }
        var counts: [String: Int] = [:]
        for row in answers[0] {
            counts[try row.get(0, as: String.self)] = try row.get(1, as: Int.self)
            if let oldest = try row.get(2, as: Date?.self) { reading.oldestQueuedSeconds = age(oldest) }
        }
        reading.emails = ["queued", "sending", "failed"].map { ($0, counts[$0] ?? 0) }
        reading.parkedDeliveries = try answers[1][0].get(0, as: Int.self)
        var undecided: [String: (Int, Date?)] = [:]
        for row in answers[2] {
            undecided[try row.get(0, as: String.self)] = (try row.get(1, as: Int.self), try row.get(2, as: Date?.self))
        }
        reading.undecided = Kind.allCases.map { kind in
            (kind.rawValue, undecided[kind.rawValue]?.0 ?? 0, age(undecided[kind.rawValue]?.1))
        }
        reading.lateLaunches = try answers[3][0].get(0, as: Int.self)
        reading.latestLaunchSeconds = age(try answers[3][0].get(1, as: Date?.self))
        reading.databaseBytes = try answers[4][0].get(0, as: Int.self)
        return reading
    }
}

extension DatabaseGauges.Reading {
    func write(to page: inout PrometheusText) {
        page.family("hallpass_emails", .gauge, "E-mails that are not done, by status.") { samples in
            for (status, count) in emails { samples.sample(Double(count), ["status": status]) }
        }
        page.single(
            "hallpass_emails_oldest_queued_age_seconds", .gauge, "Age of the oldest queued e-mail; 0 without one.",
            oldestQueuedSeconds)
        page.single(
            "hallpass_parked_deliveries", .gauge, "Callbacks that wait for what they are about.",
            Double(parkedDeliveries))
        page.family("hallpass_undecided_requests", .gauge, "Requests that wait for a decision, by kind.") { samples in
            for entry in undecided { samples.sample(Double(entry.count), ["kind": entry.kind]) }
        }
        page.family(
            "hallpass_undecided_requests_oldest_age_seconds", .gauge,
            "Age of the oldest request that waits for a decision; 0 without one."
        ) { samples in
            for entry in undecided { samples.sample(entry.oldestSeconds, ["kind": entry.kind]) }
        }
        page.single(
            "hallpass_late_launches", .gauge, "Launches whose instant passed more than 5 s ago.", Double(lateLaunches))
        page.single(
            "hallpass_late_launches_oldest_seconds", .gauge, "How late the latest of them is; 0 without one.",
            latestLaunchSeconds)
        page.single("hallpass_database_size_bytes", .gauge, "Size of the database on disk.", Double(databaseBytes))
    }
}
