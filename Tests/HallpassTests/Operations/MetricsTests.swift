import Foundation
import HTTPServer
import Postgres
import Sockets
import Testing

@testable import Hallpass

@Suite("GET /metrics")
struct MetricsTests {
    private func metrics(_ test: TestApplication) async throws -> PrometheusParser {
        let answer = try await test.client(nil).get("/metrics")
        #expect(answer.status == 200)
        #expect(answer.headerFields["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        return try PrometheusParser(answer.text)
    }

    @Test("counts requests by route, method and status, with their latency")
    func requests() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            for _ in 0..<3 { #expect(try await test.client().get("/v1/requests/\(id)").status == 200) }
            #expect(try await test.client().get("/v1/requests/nonsense").status == 404)
            #expect(try await test.client().get("/no/such/path").status == 404)
            #expect(try await test.client().send("BREW", "/livez").status == 405)
            let page = try await metrics(test)
            let route = "/v1/requests/{id}"
            #expect(
                page.value("hallpass_http_requests_total", ["route": route, "method": "GET", "status": "200"]) == 3)
            #expect(
                page.value("hallpass_http_requests_total", ["route": route, "method": "GET", "status": "404"]) == 1)
            #expect(page.value("hallpass_http_request_duration_seconds_count", ["route": route, "method": "GET"]) == 4)
            #expect(page.value("hallpass_http_requests_total", ["route": "none", "status": "404"]) == 1)
            // What a client invents becomes no series of its own.
            #expect(page.value("hallpass_http_requests_total", ["method": "other", "status": "405"]) == 1)
            #expect(
                !page.samples.contains {
                    $0.labels.values.contains("BREW") || $0.labels.values.contains("/no/such/path")
                })
        }
    }

    @Test("shows the work that waits: e-mails, undecided requests, late launches, parked callbacks")
    func work() async throws {
        try await TestApplication.run { test in
            _ = try await test.create("sso")
            _ = try await test.callback(
                "sharing_permissions.created", #"{"district":"d9","kind":"sso","method":"district"}"#)
            test.clock.advance(seconds: 120)
            let page = try await metrics(test)
            #expect(page.value("hallpass_emails", ["status": "queued"]) == 1)
            #expect(page.value("hallpass_emails", ["status": "failed"]) == 0)
            #expect(page.value("hallpass_emails_oldest_queued_age_seconds") == 120)
            #expect(page.value("hallpass_undecided_requests", ["kind": "sso"]) == 1)
            #expect(page.value("hallpass_undecided_requests", ["kind": "rostering"]) == 0)
            #expect(page.value("hallpass_undecided_requests_oldest_age_seconds", ["kind": "sso"]) == 120)
            #expect(page.value("hallpass_parked_deliveries") == 1)
            #expect(page.value("hallpass_callbacks_total", ["status": "parked"]) == 1)
            #expect(page.value("hallpass_late_launches") == 0)
            #expect(page.value("hallpass_database_up") == 1)
        }
    }

    @Test("says how many launches are late, and by how much")
    func lateLaunches() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso", date: "\"2026-12-01\"")
            _ = try await test.client().post("/v1/requests/\(id)/approve")
            _ = try await test.client().post("/v1/requests/\(id)/share", #"{"method":"district"}"#)
            test.clock.set("2026-12-01T08:01:00.000Z")
            let page = try await metrics(test)
            #expect(page.value("hallpass_late_launches") == 1)
            #expect(page.value("hallpass_late_launches_oldest_seconds") == 60)
        }
    }

    @Test("counts refusals by why: tokens and signatures")
    func refusals() async throws {
        try await TestApplication.run { test in
            _ = try await test.client(nil).get("/v1/summary")
            _ = try await test.client(nil).get("/v1/summary", ["Authorization": "Bearer hp_wrong"])
            _ = try await test.client(.viewer).post("/v1/requests", "{}")
            _ = try await test.client(nil).post("/webhooks/clever", "{}")
            let now = String(Int(test.clock.now.timeIntervalSince1970))
            _ = try await test.client(nil).post(
                "/webhooks/clever", "{}",
                ["webhook-id": "m", "webhook-timestamp": now, "webhook-signature": "v1,AAAA"])
            let page = try await metrics(test)
            for reason in ["missing_token", "unknown_token", "role_too_low"] {
                #expect(page.value("hallpass_refused_authentications_total", ["reason": reason]) == 1, "\(reason)")
            }
            for reason in ["header_missing", "no_match"] {
                #expect(page.value("hallpass_refused_callbacks_total", ["reason": reason]) == 1, "\(reason)")
            }
        }
    }

    @Test("tells of the process, the loops, the pool and each statement by its name")
    func machine() async throws {
        try await TestApplication.run { test in
            _ = try await test.create("sso")
            let page = try await metrics(test)
            for name in [
                "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds", "process_max_fds",
                "process_start_time_seconds", "hallpass_http_connections", "hallpass_database_connections",
            ] {
                #expect((page.value(name) ?? 0) > 0, "\(name)")
            }
            for name in ["hallpass_database_pool_waits_total", "hallpass_database_pool_wait_seconds_total"] {
                #expect(page.value(name) != nil, "\(name)")
            }
            #expect(page.samples.count { $0.name == "hallpass_event_loop_lag_seconds" } == 2)
            #expect((page.value("hallpass_database_transaction_duration_seconds_count", ["name": "change"]) ?? 0) >= 1)
            #expect(page.value("hallpass_build_info", ["version": Release.version]) == 1)
            for (family, help) in page.helps { #expect(help.hasSuffix("."), "\(family)") }
        }
    }

    @Test("answers while the database is away, without what only the database knows")
    func away() async throws {
        try await TestApplication.run { test in
            await test.application.database.close()
            let answer = try await test.client(nil).get("/metrics")
            #expect(answer.status == 200)
            let page = try PrometheusParser(answer.text)
            #expect(page.value("process_open_fds") != nil)
            #expect(page.value("hallpass_emails", ["status": "queued"]) == nil)
        }
    }

    @Test("escapes what a label or a help may hold")
    func escaping() throws {
        var page = PrometheusText()
        page.family("a", .gauge, "back\\slash\nline") { $0.sample(0.5, ["l": "quote\" back\\ line\n"]) }
        page.family("empty", .gauge, "Nothing.") { _ in }
        let text = String(decoding: page.bytes, as: UTF8.self)
        let parsed = try PrometheusParser(text)
        #expect(parsed.value("a", ["l": "quote\" back\\ line\n"]) == 0.5)
        #expect(parsed.helps["a"] == #"back\\slash\nline"#)
        #expect(!text.contains("empty"))
    }

    @Test("a histogram's classes add up")
    func histogram() throws {
        var page = PrometheusText()
        page.family("h", .histogram, "Help.") { $0.histogram(bounds: [0.5, 1], counts: [1, 0, 2], sum: 7.25) }
        let parsed = try PrometheusParser(String(decoding: page.bytes, as: UTF8.self))
        #expect(parsed.value("h_bucket", ["le": "0.5"]) == 1)
        #expect(parsed.value("h_bucket", ["le": "1"]) == 1)
        #expect(parsed.value("h_bucket", ["le": "+Inf"]) == 3)
        #expect(parsed.value("h_sum") == 7.25)
    }
}
