import Foundation
import Postgres
import TestSupport
import Testing

@testable import Hallpass

@Suite("Requests as they were last shown")
struct RenderedRequestsTests {
    @Test("a row that comes back the same is not rendered again; any other value, or another quarter of an hour, is")
    func sameRow() async throws {
        let own = try await TestDatabase.makeEmpty()
        let database = try own.open()
        let rendered = RenderedRequests(capacity: 8)
        let id = UUID()
        let now = Date(timeIntervalSince1970: 900 * 1000)
        var count = 0
        func show(_ sql: SQL, at now: Date) async throws {
            let rows = try await database.query(Query("row", sql))
            _ = try rendered.rendering(of: id, from: rows[0], now: now) {
                count += 1
                return RenderedRequests.Rendering(json: [], version: count)
            }
        }
        try await show("SELECT 'ab', 'c', NULL::text", at: now)
        try await show("SELECT 'ab', 'c', NULL::text", at: now.addingTimeInterval(899))
        #expect(count == 1)
        // The same bytes cut elsewhere, and NULL beside the empty text, are other rows.
        try await show("SELECT 'a', 'bc', NULL::text", at: now)
        try await show("SELECT 'a', 'bc', ''", at: now)
        #expect(count == 3)
        try await show("SELECT 'a', 'bc', ''", at: now.addingTimeInterval(900))
        #expect(count == 4)
        await database.close()
        own.drop()
    }

    @Test("no more are kept than fit, and those in use stay")
    func bounded() async throws {
        let own = try await TestDatabase.makeEmpty()
        let database = try own.open()
        let rows = try await database.query(Query("row", "SELECT 1"))
        let rendered = RenderedRequests(capacity: 8)
        let used = UUID()
        var count = 0
        func show(_ id: UUID) throws {
            _ = try rendered.rendering(of: id, from: rows[0], now: Date(timeIntervalSince1970: 0)) {
                count += 1
                return RenderedRequests.Rendering(json: [], version: 1)
            }
        }
        for _ in 0..<100 {
            try show(used)
            try show(UUID())
            #expect(rendered.count <= 8)
        }
        #expect(count == 101)
        await database.close()
        own.drop()
    }

    @Test("whatever changes what a request shows is seen at the next look, in its own and in the list")
    func changes() async throws {
        try await TestApplication.run { test in
            let client = test.client(.manager)
            let id = try await test.create("rostering", date: "\"2026-11-24\"")
            func look() async throws -> (next: String, version: String, listed: String) {
                let one = try await client.get("/v1/requests/\(id)")
                let list = try await client.get("/v1/requests")
                let listed = list["data"]?.array?.first { $0["id"]?.string == id }
                #expect(listed == one.json)
                return (
                    one["next_step", "text"]?.string ?? "", one.headerFields["etag"] ?? "",
                    listed?["next_step"]?["text"]?.string ?? ""
                )
            }
            let first = try await look()
            #expect(first.next.hasPrefix("Ask for SSO too"))
            _ = try await look()
            let sso = try await test.create("sso")
            let second = try await look()
            #expect(second.next == "Approve the SSO request first, or both at once.")
            #expect(second.next == second.listed && second.version != first.version)
            _ = try await client.post("/v1/requests/\(sso)/approve")
            #expect(try await look().next == "Approve or decline the request.")
            // The wish passes by itself.
            test.clock.set("2026-11-26T18:00:00.000Z")
            #expect(try await look().next.hasPrefix("The launch date 2026-11-24 has passed"))
        }
    }
}
