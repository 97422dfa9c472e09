import Foundation
import HTTPServer
import HTTPTypes
import Postgres

/// `/livez`, `/readyz` and `/metrics`: whether the process lives, whether it can do its work, and how it fares.
enum Probes {
    static let live: @Sendable (Call) -> Answer = { _ in text(200, "ok\n") }

    /// 503 while the database is away or the schema is not current.
    static let ready: @Sendable (Call) async throws -> Answer = { call in
        let health = call.application.database.health
        guard health.isReachable else { return notReady("the database is away: \(health.reason ?? "no contact yet")") }
        do {
            let status = try await Migrator(database: call.application.database, migrations: Migration.embedded)
                .status()
            guard status.isCurrent else { return notReady("the schema is not current: run hallpass migrate") }
        } catch let error as MigrationError {
            return notReady("\(error)")
        } catch {
            return notReady("the database does not answer")
        }
        return text(200, "ok\n")
    }

    /// Prometheus' text format.
    static let metrics: @Sendable (Call) async throws -> Answer = { call in
        Answer(
            status: 200,
            body: .other(
                contentType: PrometheusText.contentType,
                .bytes(await call.application.metrics.page(call.application))))
    }

    private static func notReady(_ reason: String) -> Answer {
        var answer = text(503, "not ready: \(reason)\n")
        answer.headerFields[.retryAfter] = "1"
        return answer
    }

    private static func text(_ status: Int, _ text: String) -> Answer {
        Answer(status: status, body: .other(contentType: "text/plain; charset=utf-8", .bytes(Array(text.utf8))))
    }
}
