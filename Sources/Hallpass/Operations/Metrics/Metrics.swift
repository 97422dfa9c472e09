import Foundation
import HTTPServer
import Postgres
import Sockets
import Synchronization

/// Everything that is counted in this process, and the page that `GET /metrics` answers.
final class Metrics: Sendable {
    let requests: RequestStatistics
    let events = EventCounters()
    private let gauges = DatabaseGauges()
    private let loops: [EventLoop]
    private let servers = Mutex<[@Sendable () -> Int]>([])

    init(loops: [EventLoop]) {
        self.loops = loops
        requests = RequestStatistics(loops: loops)
    }

    /// Counts a server's connections in.
    func watch(_ server: Server) {
        servers.withLock { $0.append({ [weak server] in server?.connectionCount ?? 0 }) }
    }

    /// The page as it is now; without the database's part while it is away.
    func page(_ application: Application) async -> [UInt8] {
        var page = PrometheusText()
        page.family("hallpass_build_info", .gauge, "Which build this is; always 1.") {
            $0.sample(1, ["version": Release.version])
        }
        writeRequests(to: &page)
        page.single(
            "hallpass_http_connections", .gauge, "Connections that are open now.",
            Double(servers.withLock { $0 }.reduce(0) { $0 + $1() }))
        page.single(
            "hallpass_event_streams", .gauge, "Clients that listen to GET /v1/events now.",
            Double(application.events.subscriberCount))
        page.family(
            "hallpass_event_loop_lag_seconds", .gauge,
            "The longest turn of an event loop since the last scrape: how late others on it may have been."
        ) { samples in
            for loop in loops { samples.sample(loop.takeLag() / .seconds(1), ["loop": loop.name]) }
        }
        let database = application.database
        page.single(
            "hallpass_database_up", .gauge, "1 while the database can be read and written, else 0.",
            database.health.isReachable ? 1 : 0)
        await database.metrics().write(to: &page)
        await gauges.read(database, now: application.now())?.write(to: &page)
        events.write(to: &page)
        ProcessFacts.current().write(to: &page)
        return page.bytes
    }

    private func writeRequests(to page: inout PrometheusText) {
        let entries = requests.snapshot()
        page.family("hallpass_http_requests_total", .counter, "Requests answered.") { samples in
            for (key, entry) in entries {
                for (status, count) in entry.statuses.sorted(by: { $0.status < $1.status }) {
                    samples.sample(
                        Double(count), ["route": key.route, "method": key.method, "status": String(status)])
                }
            }
        }
        page.family(
            "hallpass_http_request_duration_seconds", .histogram, "From a request's head to its answer's last byte."
        ) { samples in
            for (key, entry) in entries {
                samples.histogram(
                    bounds: RequestStatistics.bounds, counts: entry.histogram, sum: entry.seconds,
                    ["route": key.route, "method": key.method])
            }
        }
        page.single(
            "hallpass_http_request_bytes_total", .counter, "Body bytes received, as sent.",
            Double(entries.reduce(0) { $0 + $1.entry.requestBytes }))
        page.single(
            "hallpass_http_response_bytes_total", .counter, "Body bytes answered, as sent.",
            Double(entries.reduce(0) { $0 + $1.entry.responseBytes }))
    }
}
