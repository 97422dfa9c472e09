import Foundation
import Postgres
import Sockets
import TestSupport
import Testing

@testable import Hallpass

@Suite("Statements of the request path")
struct PreparedOnceTests {
    /// Every route once, about a district of its own; the same calls each time.
    private func walk(_ test: TestApplication, _ name: String) async throws {
        let client = test.client(.admin)
        func get(_ path: String) async throws -> TestClient.Answer {
            let answer = try await client.get(path)
            #expect(answer.status == 200, "\(path): \(answer.text)")
            return answer
        }
        func change(_ method: String, _ path: String, _ body: String = "{}") async throws -> TestClient.Answer {
            let answer = try await client.send(method, path, ["Content-Type": "application/json"], Array(body.utf8))
            #expect((200..<300).contains(answer.status), "\(method) \(path): \(answer.text)")
            return answer
        }
        let sso = try await test.create("sso", cleverID: name)
        let rostering = try await test.create("rostering", cleverID: name)
        let district = try await get("/v1/requests/\(sso)")["district", "id"]?.string ?? ""
        for (action, body) in [
            ("request-info", #"{"message":"which?"}"#), ("provide-info", #"{"message":"these"}"#),
            ("approve", #"{"with_pair":true}"#), ("reschedule", #"{"launch_date":"2026-12-24"}"#),
            ("share", #"{"method":"district"}"#), ("launch", "{}"), ("configure", #"{"complete_checklist":true}"#),
            ("reopen", #"{"reason":"again"}"#),
        ] {
            _ = try await change("POST", "/v1/requests/\(sso)/\(action)", body)
        }
        _ = try await change("PATCH", "/v1/requests/\(rostering)", #"{"message":"new"}"#)
        _ = try await change("PUT", "/v1/requests/\(sso)/checklist/login_tested", #"{"status":"done"}"#)
        _ = try await change(
            "POST", "/v1/requests/bulk", #"{"action":"disconnect","ids":["\#(rostering)"],"body":{"reason":"x"}}"#)
        _ = try await change("PATCH", "/v1/districts/\(district)", #"{"name":"Renamed \#(name)"}"#)
        let again = try await test.create("rostering", cleverID: name)
        _ = try await change("POST", "/v1/districts/\(district)/approve")
        _ = try await change("POST", "/v1/requests/\(again)/disconnect", #"{"reason":"x"}"#)
        let delivery = try await test.callback("integration_requests.created", "{}", id: "wh-\(name)")
        #expect(delivery.status == 400)
        for filter in [
            "", "?state=pending", "?account_manager=amy@vendor.example", "?q=renamed", "?district_id=\(district)",
        ] {
            _ = try await get("/v1/requests\(filter)")
        }
        for path in [
            "/v1/requests/\(sso)", "/v1/requests/\(sso)/timeline", "/v1/summary", "/v1/districts",
            "/v1/districts/\(district)", "/v1/districts/\(district)/sharing",
            "/v1/districts/\(district)/sharing/teachers",
            "/v1/districts/\(district)/teachers/t1/access", "/v1/webhook-deliveries", "/v1/emails", "/v1/audit",
            "/v1/tokens", "/readyz",
        ] {
            _ = try await get(path)
        }
        let delivered = try await get("/v1/webhook-deliveries").ids.first ?? ""
        _ = try await get("/v1/webhook-deliveries/\(delivered)")
        _ = try await get("/v1/webhook-deliveries/\(delivered)/payload")
        let email = try await get("/v1/emails").ids.first ?? ""
        _ = try await get("/v1/emails/\(email)")
        _ = try await get("/v1/emails/\(email)/source")
        _ = try await change("POST", "/v1/emails/\(email)/cancel")
        _ = try await change("POST", "/v1/emails/\(email)/retry")
        let token = try await change("POST", "/v1/tokens", #"{"name":"\#(name)","role":"viewer"}"#)
        _ = try await change("DELETE", "/v1/tokens/\(token.id)")
        _ = try await change("DELETE", "/v1/districts/\(district)")
    }

    private struct Prepared {
        var names: [String]
        var texts: [String]
        var runs: Int
    }

    private static let look = Query(
        "prepared",
        "SELECT name, statement, generic_plans + custom_plans FROM pg_prepared_statements ORDER BY prepare_time, name")

    private func prepared(_ rows: Rows) throws -> Prepared {
        Prepared(
            names: try rows.map { try $0.get(0) }, texts: try rows.map { try $0.get(1) },
            runs: try rows.map { try $0.get(2, as: Int.self) }.reduce(0, +))
    }

    @Test("each is prepared once on a connection, over every route, and from then on only run")
    func once() async throws {
        try await TestApplication.run(
            open: { database in
                // One loop with one connection of each kind, so that what one connection has prepared is all there is.
                try database.open(loops: [TestLoops.shared.loops[0]]) { configuration in
                    configuration.connectionsPerLoop = 1
                    configuration.readersPerLoop = 1
                    configuration.statementDeadline = .seconds(60)
                    configuration.queueDeadline = .seconds(60)
                }
            }
        ) { test in
            let database = test.application.database
            func onReader() async throws -> Prepared { try prepared(try await database.query(Self.look)) }
            func onLane() async throws -> Prepared {
                try prepared(try await database.transaction("look") { try await $0.query(Self.look) })
            }
            // Twice: what is only asked for on a second call, a token's last use among them, is prepared then.
            try await walk(test, "one")
            try await walk(test, "two")
            let (readsBefore, changesBefore) = (try await onReader(), try await onLane())
            try await walk(test, "three")
            let (reads, changes) = (try await onReader(), try await onLane())
            #expect(reads.names.count > 20 && changes.names.count > 30)
            for (before, after) in [(readsBefore, reads), (changesBefore, changes)] {
                #expect(Set(after.texts).count == after.texts.count, "a statement is prepared twice")
                #expect(after.names == before.names, "prepared anew: \(Set(after.texts).subtracting(before.texts))")
                #expect(after.runs > before.runs + before.names.count / 2)
            }
        }
    }
}
