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
