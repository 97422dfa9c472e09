import Foundation
import Postgres
import Testing

@testable import Hallpass

@Suite("Retention")
struct RetentionTests {
    private func drain(_ retention: Retention) async throws {
        while try await retention.turn() {}
    }

    private func count(_ test: TestApplication, _ sql: SQL) async throws -> Int {
        try await test.sql(sql)[0].get(0, as: Int.self)
    }

    @Test("an Idempotency-Key is kept 24 hours and not longer")
    func keys() async throws {
        try await TestApplication.run { test in
            let body = TestApplication.ask("sso")
            let first = try await test.client().post("/v1/requests", body, ["Idempotency-Key": "k"])
            #expect(first.status == 201)
            let retention = Retention(application: test.application)
            test.clock.advance(seconds: 86_400 - 1)
            try await drain(retention)
            let replay = try await test.client().post("/v1/requests", body, ["Idempotency-Key": "k"])
            #expect(replay.status == 201 && replay.headerFields["idempotency-replayed"] == "true")
            test.clock.advance(seconds: 2)
            try await drain(retention)
            #expect(try await count(test, "SELECT count(*) FROM idempotency_key") == 0)
            #expect(try await test.client().post("/v1/requests", body, ["Idempotency-Key": "k"]).status == 409)
        }
    }

    @Test("bodies of done e-mails go after their days, the rows stay; a queued one is untouched")
    func emails() async throws {
        try await TestApplication.run { test in
            _ = try await test.create("sso", cleverID: "d1")
            try await test.deliverMail()
            _ = try await test.create("sso", cleverID: "d2")
            let retention = Retention(application: test.application)
            test.clock.advance(seconds: 399 * 86_400)
            try await drain(retention)
            #expect(try await count(test, "SELECT count(*) FROM email WHERE source IS NOT NULL") == 2)
            test.clock.advance(seconds: 2 * 86_400)
            try await drain(retention)
            #expect(try await count(test, "SELECT count(*) FROM email WHERE source IS NULL AND status = 'sent'") == 1)
            #expect(
                try await count(test, "SELECT count(*) FROM email WHERE source IS NOT NULL AND status = 'queued'") == 1)
            let id = try await test.client().get("/v1/emails?status=sent")["data", "0", "id"]?.string ?? ""
            #expect(try await test.client().get("/v1/emails/\(id)").status == 200)
            #expect(try await test.client().get("/v1/emails/\(id)/source").status == 404)
        }
    }

    @Test("an e-mail whose body was removed is not sent again")
    func retryWithoutBody() async throws {
        try await TestApplication.run { test in
            _ = try await test.create("sso")
            let id = try await test.client().get("/v1/emails")["data", "0", "id"]?.string ?? ""
            #expect(try await test.client().post("/v1/emails/\(id)/cancel").status == 200)
            test.clock.advance(seconds: 401 * 86_400)
            try await drain(Retention(application: test.application))
            let answer = try await test.client().post("/v1/emails/\(id)/retry")
            #expect(answer.status == 409 && answer.code == "email_not_retryable", "\(answer.text)")
        }
    }

    @Test("bodies of callbacks go, their ids stay for good; a parked one keeps its body")
    func callbacks() async throws {
        try await TestApplication.run(configure: { $0.bodyRetentionDays = 10 }) { test in
            let ask =
                #"{"id":"i1","kind":"sso","district":{"id":"d1","name":"D"},"requester":{"name":"L","email":"l@d.example"},"launch_date":null}"#
            let body = Array(
                #"{"id":"evt","type":"integration_requests.created","created":"2026-11-23T17:00:00Z","data":{"object":\#(ask)}}"#
                    .utf8)
            #expect(try await test.callback(body, id: "once").status == 200)
            _ = try await test.callback(
                "sharing_permissions.created", #"{"district":"d1","kind":"sso","method":"district"}"#, id: "parked")
            test.clock.advance(seconds: 11 * 86_400)
            try await drain(Retention(application: test.application))
            let kept = try await test.sql(
                "SELECT webhook_id FROM webhook_delivery WHERE body IS NOT NULL ORDER BY webhook_id")
            #expect(try kept.map { try $0.get(0, as: String.self) } == ["parked"])
            let again = try await test.callback(body, id: "once")
            #expect(again.status == 200 && again["status"]?.string == "duplicate")
            let id = again["delivery_id"]?.string ?? ""
            #expect(try await test.client().get("/v1/webhook-deliveries/\(id)").status == 200)
            #expect(try await test.client().get("/v1/webhook-deliveries/\(id)/payload").status == 404)
        }
    }

    @Test("tokens that cannot be used go after a month; a revoked admin's hash stays, so that it stays revoked")
    func tokens() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let expiring = try await client.post(
                "/v1/tokens", #"{"name":"short","role":"viewer","expires_at":"2026-11-24T00:00:00Z"}"#)
            let revoked = try await client.post("/v1/tokens", #"{"name":"gone","role":"viewer"}"#)
            let admin = try await client.post("/v1/tokens", #"{"name":"old admin","role":"admin"}"#)
            for token in [revoked, admin] {
                #expect(try await client.delete("/v1/tokens/\(token["id"]?.string ?? "")").status == 204)
            }
            #expect(expiring.status == 201)
            let retention = Retention(application: test.application)
            test.clock.advance(seconds: 29 * 86_400)
            try await drain(retention)
            #expect(
                try await count(test, "SELECT count(*) FROM token WHERE name IN ('short', 'gone', 'old admin')") == 3)
            test.clock.advance(seconds: 3 * 86_400)
            try await drain(retention)
            let left = try await test.sql("SELECT name FROM token WHERE name IN ('short', 'gone', 'old admin')")
            #expect(try left.map { try $0.get(0, as: String.self) } == ["old admin"])
            #expect(try await test.client(.viewer).get("/v1/summary").status == 200)
        }
    }

    @Test("an ended request's shared data goes after its days, and the audit trail says so")
    func sharedData() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            _ = try await test.client().post("/v1/requests/\(id)/approve")
            let upload = try await test.client().send(
                "PUT", "/v1/requests/\(id)/shared-data", ["Content-Type": "application/x-ndjson"],
                Array(#"{"type":"section","id":"s1","teachers":["t1"],"students":["u1"]}"#.utf8))
            #expect(upload.status == 200)
            _ = try await test.client().post("/v1/requests/\(id)/disconnect", #"{"reason":"over"}"#)
            let retention = Retention(application: test.application)
            test.clock.advance(seconds: 29 * 86_400)
            try await drain(retention)
            // What touches the request later postpones nothing.
            let ended = try await test.client().get("/v1/requests/\(id)")
            let renamed = try await test.client().patch(
                "/v1/districts/\(ended["district", "id"]?.string ?? "")", #"{"name":"Another name"}"#)
            #expect(renamed.status == 200, "\(renamed.text)")
            let touched = try await test.client().get("/v1/requests/\(id)")
            #expect(touched.version == (ended.version ?? 0) + 1 && touched["updated_at"] != ended["updated_at"])
            #expect(try await count(test, "SELECT count(*) FROM shared_section") == 1)
            test.clock.advance(seconds: 2 * 86_400)
            try await drain(retention)
            for table in ["shared_snapshot", "shared_section", "shared_teacher", "shared_student"] {
                #expect(try await count(test, "SELECT count(*) FROM \(raw: table)") == 0, "\(table)")
            }
            let audit = try await test.client().get("/v1/audit?request_id=\(id)&action=request.shared_data_deleted")
            #expect(audit["data", "0", "actor"]?.string == "service")
        }
    }

    @Test("works in small batches, one instance at a time, and passes on when the holder is silent")
    func batches() async throws {
        try await TestApplication.run { test in
            for number in 0..<7 {
                let body = TestApplication.ask("sso", cleverID: "d\(number)")
                _ = try await test.client().post("/v1/requests", body, ["Idempotency-Key": "k\(number)"])
            }
            test.clock.advance(seconds: 2 * 86_400)
            let one = Retention(application: test.application, batch: 3)
            let other = Retention(application: test.application, batch: 3)
            #expect(try await one.turn())
            #expect(try await count(test, "SELECT count(*) FROM idempotency_key") == 4)
            // The other instance does nothing while the first one lives.
            #expect(try await !other.turn())
            #expect(try await count(test, "SELECT count(*) FROM idempotency_key") == 4)
            test.clock.advance(seconds: Retention.leaseSeconds + 1)
            #expect(try await other.turn())
            #expect(try await !one.turn())
            try await drain(other)
            #expect(try await count(test, "SELECT count(*) FROM idempotency_key") == 0)
            let page = try await test.client(nil).get("/metrics")
            let removed = try PrometheusParser(page.text)
                .value("hallpass_retention_removed_total", ["what": "idempotency_key"])
            #expect(removed == 7)
        }
    }

    @Test("finds what it looks for by index, however much else there is")
    func plans() async throws {
        try await TestApplication.run { test in
            let looks: [(index: String, sql: SQL)] = [
                (
                    "email_kept_body",
                    """
                    SELECT id FROM email WHERE source IS NOT NULL AND status NOT IN ('queued', 'sending')
                        AND created_at < now() ORDER BY created_at LIMIT 5
                    """
                ),
                (
                    "webhook_delivery_kept_body",
                    """
                    SELECT id FROM webhook_delivery WHERE body IS NOT NULL AND status <> 'parked'
                        AND received_at < now() ORDER BY received_at LIMIT 5
                    """
                ),
                (
                    "idempotency_key_by_created_at",
                    "SELECT token_id FROM idempotency_key WHERE created_at < now() ORDER BY created_at LIMIT 5"
                ),
            ]
            for look in looks {
                let plan = try await test.application.database.transaction("plan") { transaction in
                    _ = try await transaction.query(
                        Query("plan.set", "SELECT set_config('enable_seqscan', 'off', true)"))
                    let rows = try await transaction.query(Query("plan.explain", "EXPLAIN \(look.sql)"))
                    return try rows.map { try $0.get(0, as: String.self) }.joined(separator: "\n")
                }
                #expect(plan.contains(look.index), "\(plan)")
            }
        }
    }
}
