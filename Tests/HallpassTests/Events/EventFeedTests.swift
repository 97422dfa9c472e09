import Foundation
import Postgres
import Testing

@testable import Hallpass

@Suite("Clients of the event stream")
struct EventFeedTests {
    @Test("hundreds of writers, two instances that number, and every reader gets each change once, ascending")
    func concurrency() async throws {
        try await TestApplication.run { test in
            let writers = 200
            let early = try await test.listen()
            let other = EventWorker(application: test.secondInstance())
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in [test.events, other] {
                    group.addTask {
                        while try await test.unnumbered() > 0 || early.events.count < 2 * writers {
                            _ = try await worker.turn()
                        }
                    }
                }
                for index in 0..<writers {
                    group.addTask { _ = try await test.create("sso", cleverID: "writer-\(index)") }
                }
                try await early.wait(forEvents: writers)
                let middle = early.ids[writers / 2]
                let late = try await test.listen(after: String(middle))
                try await group.waitForAll()
                try await early.wait(forEvents: 2 * writers)
                try await late.wait(forEvents: early.ids.count { $0 > middle })
                #expect(late.ids == early.ids.filter { $0 > middle })
            }
            #expect(early.ids == early.ids.sorted() && Set(early.ids).count == early.ids.count)
            #expect(early.events.allSatisfy { $0.event == "district.create" || $0.event == "request.create" })
            let told = early.events.compactMap { $0.data?["id"]?.string }
            let written = try await test.sql("SELECT id::text FROM audit_entry WHERE action <> 'token.create'")
                .map { try $0.get(0, as: String.self) }
            #expect(told.sorted() == written.sorted())
        }
    }

    @Test("300 clients are told the same, by one reader")
    func manyClients() async throws {
        try await TestApplication.run { test in
            var clients: [EventStreamClient] = []
            for _ in 0..<300 { clients.append(try await test.listen()) }
            #expect(test.application.events.subscriberCount == 300)
            for index in 0..<10 { _ = try await test.create("sso", cleverID: "d\(index)") }
            try await test.tellEvents()
            for client in clients { try await client.wait(forEvents: 20) }
            let ids = Set(clients.map(\.ids))
            #expect(ids.count == 1)
            for client in clients { client.leave() }
            test.application.events.keepAlive(now: test.clock.now)
            while test.application.events.subscriberCount > 0 {
                try await Task.sleep(for: .milliseconds(5))
                test.application.events.keepAlive(now: test.clock.now)
            }
            #expect(test.application.events.position == nil)
        }
    }

    @Test("a quiet stream gets comments")
    func keepAlive() async throws {
        try await TestApplication.run { test in
            let stream = try await test.listen()
            test.application.events.keepAlive(now: test.clock.now)
            try await stream.wait(forComments: 2)
            #expect(stream.blocks.map(\.comment) == ["connected", "keep-alive"])
            #expect(EventWorker.keepAliveSeconds == 15)
        }
    }

    @Test("a client that takes nothing is dropped, what waits for it is bounded, and others do not notice")
    func slowClient() async throws {
        try await TestApplication.run { test in
            try await test.tellEvents()
            let slow = try await EventStreamClient(test.client(.viewer), receiveBufferBytes: 4096, reads: false)
            let quick = try await test.listen()
            while test.application.events.subscriberCount < 2 { try await Task.sleep(for: .milliseconds(5)) }
            // More than the sockets' buffers and the queue hold together.
            var count = 0
            while test.application.events.subscriberCount == 2, !test.application.events.hasSlowClient, count < 50_000 {
                try await test.fill(count, count: EventBatch.limit)
                count += EventBatch.limit
                try await test.tellEvents()
                try await quick.wait(forEvents: count)
            }
            slow.startReading()
            try await slow.waitForEnd()
            #expect(slow.end == .cutOff)
            #expect(slow.events.count < count)
            #expect(slow.ids == Array(quick.ids.prefix(slow.ids.count)))
            // It comes back and has lost nothing.
            let again = try await test.listen(after: String(slow.ids.last ?? quick.ids[0] - 1))
            try await again.wait(forEvents: count - slow.ids.count)
            #expect(slow.ids + again.ids == quick.ids)
        }
    }

    @Test("a queue takes so many bytes and not one more")
    func queue() async throws {
        try await TestApplication.run { test in
            try await test.fill(0, count: EventBatch.limit)
            try await test.tellEvents()
            let batch = try #require(try await EventBatch.read(after: 0, from: test.application.database))
            let subscription = EventSubscription(Principal(tokenID: UUID(), name: "a", role: .viewer))
            let fitting = EventSubscription.limitBytes / batch.bytes.count
            for _ in 0..<fitting { subscription.push(batch) }
            #expect(subscription.end == nil)
            subscription.push(batch)
            #expect(subscription.end == .slow)
        }
    }

    @Test("a revoked token's streams end, and no other")
    func revoked() async throws {
        try await TestApplication.run { test in
            let made = try await test.client().post("/v1/tokens", #"{"name":"listener","role":"viewer"}"#)
            var client = test.client(nil)
            client.token = made["token"]?.string
            let stream = try await test.listen(client)
            let other = try await test.listen()
            _ = try await test.client().delete("/v1/tokens/\(made["id"]?.string ?? "")")
            try await test.events.checkTokens()
            try await stream.waitForEnd()
            #expect(stream.end == .whole && other.end == nil)
        }
    }

    @Test("an expired token is told nothing more")
    func expired() async throws {
        try await TestApplication.run(at: "2026-11-23T18:00:00.000Z") { test in
            let made = try await test.client().post(
                "/v1/tokens", #"{"name":"listener","role":"viewer","expires_at":"2026-11-23T19:00:00Z"}"#)
            var client = test.client(nil)
            client.token = made["token"]?.string
            let stream = try await test.listen(client)
            test.clock.set("2026-11-23T19:00:00.000Z")
            _ = try await test.create("sso")
            try await test.tellEvents()
            try await stream.waitForEnd()
            #expect(stream.end == .whole)
            #expect(!stream.events.contains { $0.event == "request.create" })
        }
    }

    @Test("a stop ends every stream properly, and those that come after")
    func stop() async throws {
        try await TestApplication.run { test in
            let stream = try await test.listen()
            test.application.events.stop()
            try await stream.waitForEnd()
            #expect(stream.end == .whole)
            let late = try await test.listen()
            try await late.waitForEnd()
            #expect(late.end == .whole)
        }
    }

    @Test("a stream outlives lost database connections, without a gap")
    func outage() async throws {
        try await TestApplication.run { test in
            let stream = try await test.listen()
            for index in 0..<5 {
                _ = try await test.create("sso", cleverID: "d\(index)")
                _ = try? await test.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()")
                try await test.persistently { try await test.tellEvents() }
            }
            try await test.persistently { _ = try await test.create("sso", cleverID: "last") }
            try await test.persistently { try await test.tellEvents() }
            try await stream.wait(forEvents: 12)
            #expect(stream.end == nil)
            #expect(stream.ids == stream.ids.sorted() && Set(stream.ids).count == 12)
        }
    }
}

extension EventStreamClient {
    func wait(forComments count: Int) async throws {
        let deadline = ContinuousClock.now + .seconds(90)
        while blocks.count(where: { $0.comment != nil }) < count, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

extension TestApplication {
    /// Another instance on the same database; no server.
    fileprivate func secondInstance() -> Application {
        let clock = clock
        return Application(
            configuration: application.configuration, loops: application.loops, database: application.database,
            logger: application.logger, webhookSecrets: application.webhookSecrets,
            mailComposer: application.mailComposer, now: { clock.now })
    }

    fileprivate func unnumbered() async throws -> Int {
        try await application.database.query(Query("test", "SELECT count(*) FROM event WHERE number IS NULL"))[0].get(0)
    }

    /// Audit entries of a KB each.
    fileprivate func fill(_ chain: Int, count: Int) async throws {
        try await sql(
            """
            INSERT INTO audit_entry (id, chain_id, position, at, actor, action, digest, hash)
            SELECT gen_random_uuid(), md5(\(String(chain)) || (n / 50)::text)::uuid, 0, now(), repeat('x', 700), 'test.fill', '', ''
            FROM generate_series(1, \(count)) AS n
            """)
    }

    /// Again until it does not throw.
    fileprivate func persistently(_ body: () async throws -> Void) async throws {
        for attempt in 0... {
            do {
                return try await body()
            } catch  where attempt < 200 {
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}
