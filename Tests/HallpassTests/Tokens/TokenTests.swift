import Crypto
import Foundation
import HTTPServer
import Postgres
import Sockets
import Testing

@testable import Hallpass

@Suite("Tokens")
struct TokenTests {
    @Test("a token is hp_ and 256 random bits, shown once, kept as a hash, and listed with its last use")
    func create() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let made = try await client.post(
                "/v1/tokens", #"{"name":"ci","role":"submitter","expires_at":"2027-01-01T00:00:00+01:00"}"#)
            #expect(made.status == 201 && made["role"]?.string == "submitter", "\(made.text)")
            #expect(
                made["expires_at"]?.string == "2026-12-31T23:00:00.000Z"
                    && made["created_at"]?.string == "2026-11-23T18:00:00.000Z")
            guard case .object(let members) = made.json else { Issue.record("no object"); return }
            #expect(members.map(\.name) == ["id", "name", "role", "token", "created_at", "expires_at"])
            let text = try #require(made["token"]?.string)
            #expect(text.hasPrefix("hp_") && text.utf8.count >= 3 + 43)
            #expect(try await client.post("/v1/tokens", #"{"name":"ci","role":"submitter"}"#)["token"]?.string != text)
            let id = try #require(Identifier.parse(made.id))
            let row = try await test.sql("SELECT hash, t::text FROM token t WHERE id = \(id)")[0]
            #expect(try row.get(0, as: [UInt8].self) == Array(SHA256.hash(data: Data(text.utf8))))
            #expect(try !row.get(1, as: String.self).contains(text.dropFirst(3)))
            #expect(try await !client.get("/v1/audit?action=token.create").text.contains(text.dropFirst(3)))
            var bearer = test.client(nil)
            bearer.token = text
            #expect(try await bearer.post("/v1/requests", TestApplication.ask("sso")).status == 201)
            expect(try await bearer.get("/v1/tokens"), is: 403, "forbidden")
            test.clock.advance(seconds: 5)
            #expect(try await bearer.get("/v1/summary").status == 200)
            #expect(try await client.get("/v1/audit?action=request.create").data.first?["actor"]?.string == "ci")
            await LastUseWriter(application: test.application).write()
            let listed = try await client.get("/v1/tokens").data.first { $0["id"]?.string == made.id }
            #expect(listed?["last_used_at"]?.string == "2026-11-23T18:00:05.000Z" && listed?["token"] == nil)
        }
    }

    @Test("an expired token is nobody's, a revoked one at once; unknown, malformed and missing ones are 401")
    func ends() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let made = try await client.post(
                "/v1/tokens", #"{"name":"short","role":"viewer","expires_at":"2026-11-23T18:00:10.000Z"}"#)
            var short = test.client(nil)
            short.token = made["token"]?.string
            #expect(try await short.get("/v1/summary").status == 200)
            test.clock.advance(seconds: 10)
            expect(try await short.get("/v1/summary"), is: 401, "unauthorized")
            let other = try await client.post("/v1/tokens", #"{"name":"other","role":"viewer"}"#)
            var bearer = test.client(nil)
            bearer.token = other["token"]?.string
            #expect(try await bearer.get("/v1/summary").status == 200)
            #expect(try await client.delete("/v1/tokens/\(other.id)?dry_run=true").status == 200)
            #expect(try await bearer.get("/v1/summary").status == 200)
            #expect(try await client.delete("/v1/tokens/\(other.id)").status == 204)
            expect(try await bearer.get("/v1/summary"), is: 401, "unauthorized")
            expect(try await client.delete("/v1/tokens/\(other.id)"), is: 404, "not_found")
            expect(try await client.delete("/v1/tokens/nope"), is: 404, "not_found")
            #expect(try await !client.get("/v1/tokens").ids.contains(other.id))
            #expect(try await client.get("/v1/audit?action=token.revoke").data.count == 1)
            for field in [
                "", "Bearer", "Bearer ", "Bearer hp_", "Basic hp_x", "Bearer x", "hp_x",
                "Bearer \(short.token ?? "") x",
            ] {
                let answer = try await test.client(nil).get("/v1/summary", ["Authorization": field])
                expect(answer, is: 401, "unauthorized")
                #expect(answer.headerFields["www-authenticate"] == "Bearer")
            }
            let lower = try await test.client(nil).get("/v1/summary", ["Authorization": "bearer \(client.token ?? "")"])
            #expect(lower.status == 200, "the scheme's case does not matter")
        }
    }

    @Test("wrong input is told whole; only an admin may")
    func refusals() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            expect(try await client.post("/v1/tokens"), is: 422, "invalid", at: ["/name", "/role"])
            for expiry in [
                #""2026-11-23T18:00:00.000Z""#, #""2020-01-01T00:00:00Z""#, #""tomorrow""#, #""2027-01-01""#, "7",
                #""9999-12-31T23:59:59-10:00""#,
            ] {
                let body = #"{"name":"","role":"root","expires_at":\#(expiry),"scope":1}"#
                expect(
                    try await client.post("/v1/tokens", body), is: 422, "invalid",
                    at: ["/name", "/role", "/expires_at", "/scope"])
            }
            for role in [Role.viewer, .submitter, .manager] {
                expect(
                    try await test.client(role).post("/v1/tokens", #"{"name":"x","role":"viewer"}"#), is: 403,
                    "forbidden")
                expect(try await test.client(role).get("/v1/tokens"), is: 403, "forbidden")
                expect(
                    try await test.client(role).delete("/v1/tokens/\(TestApplication.unknownID)"), is: 403, "forbidden")
            }
        }
    }

    @Test("what one instance remembers of a token, another's revocation makes it forget")
    func instances() async throws {
        try await TestApplication.run { test in
            let other = try test.twin()
            let relay = Task { try await WakeRelay(application: other).run() }
            let server = try Listening.server(other)
            let port = Int(try await server.start()[0].port ?? 0)
            let made = try await test.client().post("/v1/tokens", #"{"name":"x","role":"viewer"}"#)
            let there = TestClient(port: port, token: made["token"]?.string)
            for _ in 0..<50 { #expect(try await there.get("/v1/summary").status == 200) }
            #expect(try await test.client().delete("/v1/tokens/\(made.id)").status == 204)
            // The notice travels over the database: a few milliseconds, and no longer than it takes to ask again.
            var looks = 0
            while try await there.get("/v1/summary").status == 200, looks < 1000 { looks += 1 }
            expect(try await there.get("/v1/summary"), is: 401, "unauthorized")
            relay.cancel()
            _ = await relay.result
            await server.stop(deadline: .seconds(2))
            await other.database.close()
        }
    }

    @Test("a revocation that an instance could not hear, since its listening connection was lost, counts all the same")
    func lostNotice() async throws {
        try await TestApplication.run { test in
            let before = try await backends(test)
            let other = try test.twin()
            try await other.database.waitUntilReachable(deadline: .seconds(30))
            // A database that has not been asked anything has one connection: the one that listens.
            let listening = try await backends(test).subtracting(before)
            try #require(listening.count == 1)
            let relay = Task { try await WakeRelay(application: other).run() }
            let server = try Listening.server(other)
            let port = Int(try await server.start()[0].port ?? 0)
            let made = try await test.client().post("/v1/tokens", #"{"name":"x","role":"viewer"}"#)
            let there = TestClient(port: port, token: made["token"]?.string)
            #expect(try await there.get("/v1/summary").status == 200)
            // Without a notice, as when it is lost: the instance goes on with what it remembers.
            let id = try #require(Identifier.parse(made.id))
            while true {
                try await test.sql("UPDATE token SET revoked_at = NULL WHERE id = \(id)")
                #expect(try await there.get("/v1/summary").status == 200)
                try await test.sql("UPDATE token SET revoked_at = now() WHERE id = \(id)")
                if try await there.get("/v1/summary").status == 200 { break }
            }
            try await test.sql("SELECT pg_terminate_backend(\(listening.first ?? 0)::integer)")
            while try await there.get("/v1/summary").status != 401 {}
            relay.cancel()
            _ = await relay.result
            await server.stop(deadline: .seconds(2))
            await other.database.close()
        }
    }

    private func backends(_ test: TestApplication) async throws -> Set<Int> {
        let rows = try await test.sql("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return Set(try rows.map { try $0.get(0, as: Int.self) })
    }
}
