import Foundation
import Postgres
import Testing

@testable import Hallpass

@Suite("Request ids and traces")
struct RequestTraceTests {
    private static let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    @Test(
        "a traceparent is believed only in its form",
        arguments: [
            "", "00", "x", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", "ff" + trace.dropFirst(2),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", trace.uppercased(), trace + "-more",
            "00-4bf92f3577b34da6a3ce929d0e0e473-000f067aa0ba902b7-01", "01\(trace.dropFirst(2))more",
            "00-é\(trace.dropFirst(5))",
        ])
    func malformed(text: String) {
        #expect(RequestTrace.checked(text) == nil)
        #expect(RequestTrace(requestID: "a", traceParent: text).sessionLabel == "hallpass a")
    }

    @Test("of a later version what version 00 knows is kept")
    func versions() {
        #expect(RequestTrace.checked(Self.trace) == Self.trace)
        let later = "01\(Self.trace.dropFirst(2))"
        #expect(RequestTrace.checked(later) == later)
        #expect(RequestTrace.checked(later + "-what-the-future-brings") == later)
    }

    @Test("a session's label has room in what PostgreSQL keeps of it, and begins with what tells most")
    func label() {
        let id = String(repeating: "i", count: 128)
        #expect(RequestTrace(requestID: id).sessionLabel == "hallpass " + id.prefix(54))
        let label = RequestTrace(requestID: id, traceParent: Self.trace).sessionLabel
        #expect(label == "hp \(id.prefix(26)) 4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(label.utf8.count <= 63)
    }

    @Test("who looks for what holds up a change finds the request that asked for it among the server's sessions")
    func blocked() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            let change = try await test.application.database.transaction("lock") { transaction in
                let holder = try await transaction.query(
                    Query("lock", "SELECT pg_backend_pid() FROM district FOR UPDATE"))[0].get(0, as: Int.self)
                let change = Task {
                    try await test.client().post(
                        "/v1/requests/\(id)/approve", nil, ["X-Request-Id": "blocked-1", "traceparent": Self.trace])
                }
                var found = 0
                for _ in 0..<3000 where found == 0 {
                    found = try await test.sql(
                        """
                        SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'
                            AND application_name = 'hp blocked-1 4bf92f3577b34da6a3ce929d0e0e4736'
                            AND \(holder)::integer = ANY (pg_blocking_pids(pid))
                        """
                    ).count
                    if found == 0 { try await Task.sleep(for: .milliseconds(10)) }
                }
                #expect(found == 1)
                return change
            }
            #expect(try await change.value.status == 200)
            let left = try await test.sql(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name LIKE '%blocked-1%'
                """)
            #expect(try left[0].get(0, as: Int.self) == 0)
        }
    }

    @Test("whoever asks for a trace finds each of its reads among the server's sessions, and nobody else's reads")
    func reads() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            let district = try await test.client().get("/v1/requests/\(id)")["district"]?["id"]?.string ?? ""
            _ = try await test.callback("districts.updated", #"{"id":"d1","name":"New name"}"#)
            let newest = { (list: String) in
                try await test.client().get(list)["data"]?.array?.first?["id"]?.string ?? ""
            }
            let (email, delivery) = (try await newest("/v1/emails"), try await newest("/v1/webhook-deliveries"))
            let paths = [
                "/v1/requests", "/v1/requests?q=a", "/v1/requests/\(id)", "/v1/requests/\(id)/timeline", "/v1/summary",
                "/v1/districts", "/v1/districts/\(district)", "/v1/districts/\(district)/sharing",
                "/v1/districts/\(district)/sharing/teachers", "/v1/districts/\(district)/teachers/t/access",
                "/v1/emails", "/v1/emails/\(email)", "/v1/emails/\(email)/source", "/v1/webhook-deliveries",
                "/v1/webhook-deliveries/\(delivery)", "/v1/webhook-deliveries/\(delivery)/payload", "/v1/audit",
            ]
            for (number, path) in paths.enumerated() {
                let fields = number % 2 == 0 ? ["traceparent": Self.trace] : ["X-Request-Id": "read-\(number)"]
                let label = number % 2 == 0 ? "hp %\(Self.trace.dropFirst(3).prefix(32))" : "hallpass read-\(number)"
                try #require(await test.waiting(during: path, fields, label), "\(path)")
            }
            // Neither asked for, nor of a form that can be believed.
            for fields in [[:], ["traceparent": Self.trace.dropLast() + "0"], ["X-Request-Id": "ü"]] {
                try #require(
                    await test.waiting(during: "/v1/webhook-deliveries", fields, "hallpass", "SELECT id, webhook_id%"))
            }
        }
    }

    @Test("an e-mail says which request and which trace it comes of, whichever way the change came")
    func emails() async throws {
        try await TestApplication.run { test in
            let fields = ["X-Request-Id": "mail-1", "traceparent": Self.trace]
            let created = try await test.client().post("/v1/requests", TestApplication.ask("sso"), fields)
            #expect(created.headerFields["x-request-id"] == "mail-1")
            let approval = try await test.callback("districts.updated", #"{"id":"d1","name":"New name"}"#)
            #expect(approval.status == 200)
            let id = created["id"]?.string ?? ""
            let approved = try await test.client().post(
                "/v1/requests/\(id)/approve", nil, ["traceparent": "malformed\t"])
            let emails = try await test.client().get("/v1/emails")
            var sources: [String] = []
            for email in emails["data"]?.array ?? [] {
                sources.append(try await test.client().get("/v1/emails/\(email["id"]?.string ?? "")/source").text)
            }
            #expect(sources.count == 2)
            #expect(sources[1].contains("\r\nX-Request-Id: mail-1\r\nTraceparent: \(Self.trace)\r\n"))
            #expect(sources[0].contains("\r\nX-Request-Id: \(approved.headerFields["x-request-id"] ?? "?")\r\n"))
            #expect(!sources[0].contains("Traceparent"))
            let kept = try await test.sql("SELECT http_request_id FROM email ORDER BY created_at, id")
            #expect(try kept[0].get(0, as: String?.self) == "mail-1")
        }
    }
}

extension TestApplication {
    /// Whether a GET that is held up in the database waits there in a session of a name like `label`.
    fileprivate func waiting(
        during path: String, _ fields: [String: String], _ label: String, _ statement: String = "%"
    ) async throws -> Bool {
        let (isFound, read) = try await application.database.transaction("lock", isolation: .serializable) {
            transaction in
            _ = try await transaction.query(
                Query("lock", "LOCK TABLE request, district, email, webhook_delivery, audit_entry"))
            let read = Task { try await client().get(path, fields) }
            for _ in 0..<1000 {
                let found = try await sql(
                    """
                    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                        AND application_name LIKE \(label)
                        AND query LIKE \(statement)
                    """)
                if !found.isEmpty { return (true, read) }
                try await Task.sleep(for: .milliseconds(10))
            }
            return (false, read)
        }
        _ = try await read.value
        return isFound
    }
}
