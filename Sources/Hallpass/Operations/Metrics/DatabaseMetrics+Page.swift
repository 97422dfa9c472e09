import Postgres

extension DatabaseMetrics {
    private static let boundSeconds = bounds.map { $0 / .seconds(1) }

    /// Pool and statements, under their names.
    func write(to page: inout PrometheusText) {
        func counter(_ name: String, _ help: String, _ value: Double) { page.single(name, .counter, help, value) }
        page.single(
            "hallpass_database_connections", .gauge, "Database connections that are open now.", Double(connectionsOpen))
        counter("hallpass_database_connections_opened_total", "Database connections opened.", Double(connectionsOpened))
        counter("hallpass_database_connections_lost_total", "Database connections lost.", Double(connectionsLost))
        counter(
            "hallpass_database_connect_failures_total", "Attempts to connect to the database that failed.",
            Double(connectFailures))
        page.single(
            "hallpass_database_pool_waiting", .gauge, "Transactions that wait for a connection now.", Double(waiting))
        counter(
            "hallpass_database_pool_waits_total", "Transactions that had to wait for a connection.", Double(waits))
        counter(
            "hallpass_database_pool_wait_seconds_total", "How long transactions waited for a connection, in all.",
            waited / .seconds(1))
        counter(
            "hallpass_database_pool_turned_away_total", "Transactions that got no connection in time.",
            Double(turnedAway))
        page.family("hallpass_database_retries_total", .counter, "Transactions run again, by why.") { samples in
            samples.sample(Double(retriesAfterCollision), ["reason": "collision"])
            samples.sample(Double(retriesAfterLoss), ["reason": "connection_lost"])
        }
        counter(
            "hallpass_database_unknown_outcomes_total", "Commits whose answer never came.", Double(unknownOutcomes))
        counter("hallpass_database_cancels_total", "Statements cancelled on the server.", Double(cancels))
        write("statement", "A statement", statements, to: &page)
        write("transaction", "A transaction", transactions, to: &page)
    }

    private func write(_ noun: String, _ what: String, _ entries: [Statement], to page: inout PrometheusText) {
        let entries = entries.sorted { $0.name < $1.name }
        page.family("hallpass_database_\(noun)_duration_seconds", .histogram, "\(what)'s time, by its name.") {
            samples in
            for entry in entries {
                samples.histogram(
                    bounds: Self.boundSeconds, counts: entry.histogram, sum: entry.total / .seconds(1),
                    ["name": entry.name])
            }
        }
        page.family("hallpass_database_\(noun)_errors_total", .counter, "\(what)'s failures, by its name.") { samples in
            for entry in entries { samples.sample(Double(entry.errors), ["name": entry.name]) }
        }
    }
}
