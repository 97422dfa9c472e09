import Foundation
import Postgres
import TestSupport
import Testing

@Suite("Notifications")
struct NotificationTests {
    @Test(
        "what is said is heard once, by who listens, and after a lost connection there is word to catch up",
        .timeLimit(.minutes(15)))
    func listen() async throws {
        let own = try await TestDatabase.makeEmpty()
        defer { own.drop() }
        let database = try own.open()
        var heard = database.listen(["wake", "Other \"one\""]).makeAsyncIterator()
        #expect(await heard.next() == .reconnected)
        for _ in 0..<3 { database.notify("wake", "1") }
        database.notify("nobody", "x")
        database.notify("Other \"one\"", "two")
        #expect(await heard.next() == .message(channel: "wake", payload: "1"))
        #expect(await heard.next() == .message(channel: "Other \"one\"", payload: "two"))

        // From a transaction as well, at its commit.
        try await database.transaction("say") { transaction in
            transaction.execute(Query("say", "SELECT pg_notify('wake', 'committed')"))
        }
        #expect(await heard.next() == .message(channel: "wake", payload: "committed"))

        try await database.execute(
            Query(
                "cut",
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() AND query NOT LIKE '%pg_terminate%'
                """))
        #expect(await heard.next() == .disconnected)
        #expect(await heard.next() == .reconnected)
        database.notify("wake", "again")
        #expect(await heard.next() == .message(channel: "wake", payload: "again"))

        var late = database.listen(["wake"]).makeAsyncIterator()
        #expect(await late.next() == .reconnected)
        await database.close()
        #expect(await heard.next() == nil)
        #expect(await late.next() == nil)
    }

    @Test("who falls behind is told to catch up rather than given a gap", .timeLimit(.minutes(15)))
    func behind() async throws {
        let own = try await TestDatabase.makeEmpty()
        defer { own.drop() }
        let database = try own.open()
        let stream = database.listen(["flood"])
        var heard = stream.makeAsyncIterator()
        #expect(await heard.next() == .reconnected)
        try await database.transaction("flood") { transaction in
            transaction.execute(Query("flood", "SELECT pg_notify('flood', g::text) FROM generate_series(1, 3000) g"))
        }
        var last: Database.Notification?
        var wasTold = false
        while last != .message(channel: "flood", payload: "3000") {
            last = await heard.next()
            if last == .reconnected {
                wasTold = true
                break
            }
        }
        #expect(wasTold || last == .message(channel: "flood", payload: "3000"))
        await database.close()
    }
}
