import Postgres
import Testing

@testable import Hallpass

@Suite("?dry_run=true")
struct DryRunTests {
    /// All that is stored, as a digest; tokens' last use aside.
    private func stored(_ test: TestApplication) async throws -> String {
        let tables = [
            "district", "request", "audit_entry", "timeline_entry", "email", "email_attempt", "webhook_delivery",
            "callback_clock", "idempotency_key", "idempotency_result", "shared_snapshot",
        ]
        var digests: [String] = []
        for table in tables + ["(SELECT id, name, role, hash, revoked_at FROM token)"] {
            let rows = try await test.sql(
                SQL(raw: "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM \(table) t"))
            digests.append(try rows[0].get(0, as: String.self))
        }
        return digests.joined(separator: " ")
    }

    @Test("every change can be tried: it answers what it would, names the mails it would send, and stores nothing")
    func everyChange() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let pending = try await test.create("sso", cleverID: "p", date: #""2026-12-01""#)
            let rostering = try await test.create("rostering", cleverID: "p")
            let district = try await client.get("/v1/requests/\(pending)")["district", "id"]?.string ?? ""
            let shared = try await test.request("sso", in: "shared", cleverID: "s", date: #""2026-12-01""#)
            let email = try await client.get("/v1/emails").ids[0]
            let token = try await client.get("/v1/tokens").ids[0]
            _ = try await test.callback(Callback.sharing("created", "sso", district: "unknown").body, id: "w")
            let delivery = try await client.get("/v1/webhook-deliveries").ids[0]
            let cases: [(String, String, String?, Int, [String])] = [
                ("POST", "/v1/requests", TestApplication.ask("sso", cleverID: "new"), 201, ["new_request"]),
                ("PATCH", "/v1/requests/\(pending)", #"{"message":"m"}"#, 200, []),
                ("POST", "/v1/requests/\(pending)/approve", #"{"with_pair":true}"#, 200, ["approved"]),
                (
                    "POST", "/v1/requests/bulk",
                    #"{"action":"decline","ids":["\#(pending)","\#(rostering)"],"body":{"reason":"r"}}"#, 200,
                    ["declined", "declined"]
                ),
                ("PUT", "/v1/requests/\(shared)/checklist/data_reviewed", #"{"status":"done"}"#, 200, []),
                ("POST", "/v1/requests/\(shared)/launch", nil, 200, []),
                ("POST", "/v1/requests/\(shared)/configure", #"{"complete_checklist":true}"#, 200, ["configured"]),
                ("POST", "/v1/districts/\(district)/approve", nil, 200, ["approved"]),
                ("PATCH", "/v1/districts/\(district)", #"{"name":"N","time_zone":"Pacific/Guam"}"#, 200, []),
                ("DELETE", "/v1/districts/\(district)", nil, 200, []),
                ("POST", "/v1/emails/\(email)/cancel", nil, 200, []),
                ("POST", "/v1/tokens", #"{"name":"t","role":"viewer"}"#, 201, []),
                ("DELETE", "/v1/tokens/\(token)", nil, 200, []),
                ("POST", "/v1/webhook-deliveries/\(delivery)/replay", nil, 200, []),
            ]
            let before = try await stored(test)
            for (method, path, body, status, mails) in cases {
                let answer = try await client.send(method, path + "?dry_run=true", [:], body.map { Array($0.utf8) })
                #expect(answer.status == status, "\(method) \(path): \(answer.text)")
                #expect(
                    answer["would_send"]?.array?.compactMap { $0["template"]?.string } == mails,
                    "\(method) \(path): \(answer.text)")
                #expect(try await stored(test) == before, "\(method) \(path) stored something")
                expect(
                    try await client.send(method, path + "?dry_run=1", [:], body.map { Array($0.utf8) }), is: 422,
                    "invalid", at: ["?dry_run"])
                let twice = try await client.send(
                    method, path + "?dry_run=true&dry_run=false", [:], body.map { Array($0.utf8) })
                expect(twice, is: 422, "invalid", at: ["?dry_run"])
                #expect(try await stored(test) == before)
            }
            // The same refusals.
            expect(try await client.post("/v1/requests/\(rostering)/approve?dry_run=true"), is: 409, "sso_not_approved")
            expect(
                try await client.post("/v1/requests?dry_run=true", TestApplication.ask("sso", cleverID: "p")), is: 409,
                "request_exists")
            expect(
                try await client.post("/v1/requests/\(TestApplication.unknownID)/approve?dry_run=true"), is: 404,
                "not_found")
            expect(
                try await client.post("/v1/requests/\(pending)/approve?dry_run=true", "{}", ["If-Match": "\"9\""]),
                is: 412, "stale_version")
            #expect(
                try await client.post("/v1/requests/\(pending)/approve?dry_run=false").status == 200,
                "false is no dry run")
        }
    }
}
