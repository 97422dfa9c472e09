import Postgres
import Testing

@testable import Hallpass

@Suite("The launch worker")
struct LaunchWorkerTests {
    @Test("after having been down, two instances that race launch each request once, at the time they came back")
    func race() async throws {
        try await TestApplication.run { test in
            var ids: [String] = []
            for number in 0..<24 {
                ids.append(try await test.request("sso", in: "shared", cleverID: "d\(number)", date: #""2026-12-01""#))
            }
            test.clock.set("2026-12-01T11:30:00.000Z")
            let other = LaunchWorker(application: try test.twin())
            async let here = test.launches.turn()
            async let there = other.turn()
            async let again = other.turn()
            _ = try await (here, there, again)
            let list = try await test.client().get("/v1/requests?launch_status=launched&limit=500")
            #expect(Set(list.ids) == Set(ids))
            #expect(list.data.allSatisfy { $0["launch"]?["launched_at"]?.string == "2026-12-01T11:30:00.000Z" })
            let entries = try await test.client().get("/v1/audit?action=request.launch&actor=service&limit=500").data
            #expect(entries.count == 24 && Set(entries.compactMap { $0["request_id"]?.string }) == Set(ids))
            #expect(try await test.auditFault() == nil)
            await other.application.database.close()
        }
    }

    @Test("one request that cannot be launched holds up no other")
    func poison() async throws {
        try await TestApplication.run { test in
            var ids: [String] = []
            for number in 0..<12 {
                ids.append(try await test.request("sso", in: "shared", cleverID: "d\(number)", date: #""2026-12-01""#))
            }
            try await test.sql(
                """
                CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poison'; END $$
                """)
            try await test.sql(
                SQL(
                    raw:
                        "CREATE TRIGGER poison BEFORE UPDATE ON request FOR EACH ROW WHEN (OLD.id = '\(ids[0])') EXECUTE FUNCTION poison()"
                ))
            test.clock.set("2026-12-01T08:00:00.000Z")
            await #expect(throws: (any Error).self) { try await test.launches.turn() }
            #expect(try await test.client().get("/v1/requests?launch_status=scheduled").ids == [ids[0]])
            try await test.sql("DROP TRIGGER poison ON request")
            _ = try await test.launches.turn()
            #expect(try await test.client().get("/v1/requests?launch_status=launched").data.count == 12)
        }
    }
}
