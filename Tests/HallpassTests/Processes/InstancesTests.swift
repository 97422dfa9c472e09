import Foundation
import Postgres
import TestSupport
import Testing

@testable import Hallpass

@Suite("Several instances on one database", .timeLimit(.minutes(15)))
struct InstancesTests {
    /// Three processes that are killed and started again while clients talk to whichever answers.
    private final class Fleet: Sendable {
        static let token = "hp_fleet_0123456789abcdef0123456789abcdef"
        static let secret = TestApplication.webhookSecret
        let database: TestDatabase
        let folders: [String]
        private let members: Locked<[ServiceProcess]>

        init(_ database: TestDatabase) async throws {
            self.database = database
            let folders = (0..<3).map { _ in TestCluster.newFolder() }
            self.folders = folders
            // All at once, on an empty database.
            let started = try await withThrowingTaskGroup(of: ServiceProcess.self) { group in
                for folder in folders { group.addTask { try await Self.start(database, folder) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            members = Locked(started)
        }

        static func start(_ database: TestDatabase, _ folder: String) async throws -> ServiceProcess {
            try await ServiceProcess([
                "DATABASE_URL": database.connection, "HALLPASS_DATA": folder, "HALLPASS_BOOTSTRAP_TOKEN": token,
                "HALLPASS_WEBHOOK_SECRETS": secret, "HALLPASS_ACCOUNT_MANAGER": "amy@vendor.example",
                "HALLPASS_LOOPS": "1", "HALLPASS_DB_CONNECTIONS": "3", "HALLPASS_LOG_LEVEL": "warning",
            ])
        }

        func replace(_ index: Int) async throws {
            let old = members.withLock { $0[index] }
            try await old.kill()
            let new = try await Self.start(database, folders[index])
            members.withLock { $0[index] = new }
        }

        func killAll() async throws {
            for member in members.withLock({ $0 }) { try await member.kill() }
        }

        /// Sends with an Idempotency-Key until someone answers: what a careful client does.
        func post(_ path: String, _ body: String?, key: String) async throws -> TestClient.Answer {
            for attempt in 0..<400 {
                let member = members.withLock { $0[(attempt + key.utf8.count) % $0.count] }
                do {
                    let answer = try await member.client(token: Self.token)
                        .post(path, body, ["Idempotency-Key": key])
                    if answer.status < 500, answer.code != "idempotency_in_progress" { return answer }
                } catch is TestClient.Failure {
                }
                try await Task.sleep(for: .milliseconds(25))
            }
            throw ServiceProcess.Failure(description: "nobody answered \(path)")
        }

        /// Sends a callback until someone answers; the same `webhook-id` each time.
        func callback(_ type: String, _ object: String, id: String) async throws -> TestClient.Answer {
            let body = Array(
                #"{"id":"evt","type":"\#(type)","created":"2026-01-01T00:00:00Z","data":{"object":\#(object)}}"#.utf8)
            for attempt in 0..<400 {
                let member = members.withLock { $0[(attempt + id.utf8.count) % $0.count] }
                let timestamp = String(Int(Date().timeIntervalSince1970))
                let signature = WebhookSecret(Self.secret)?.sign(id: id, timestamp: timestamp, body: body) ?? ""
                do {
                    let answer = try await member.client(token: nil).send(
                        "POST", "/webhooks/clever",
                        ["webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature], body)
                    if answer.status < 500 { return answer }
                } catch is TestClient.Failure {
                }
                try await Task.sleep(for: .milliseconds(25))
            }
            throw ServiceProcess.Failure(description: "nobody took the callback")
        }
    }

    @Test("three processes, killed in turn: migrations, launches, e-mails and parked callbacks happen once")
    func killedInTurn() async throws {
        let own = try await TestDatabase.makeEmpty()
        let fleet = try await Fleet(own)
        let database = try own.open()
        let count = 24
        let isOver = Locked(false)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var turn = 0
                while !isOver.withLock({ $0 }) || turn < 3 {
                    try await fleet.replace(turn % 3)
                    turn += 1
                }
            }
            group.addTask {
                defer { isOver.withLock { $0 = true } }
                try await Self.tellTheStory(fleet, database, count)
            }
            try await group.waitForAll()
        }
        // The clock stands in for the waiting: what the dead were sending is due again when their lease has run out.
        try await fleet.killAll()
        try await database.execute(
            Query("leases", "UPDATE email SET lease_until = now() - interval '1 s' WHERE status = 'sending'"))
        let last = try await Fleet.start(own, fleet.folders[0])
        try await waitUntil(database, "SELECT count(*) = 0 FROM email WHERE status <> 'sent'")
        #expect(try await last.stop() == 0)
        try await check(database, fleet, count)
        await database.close()
        own.drop()
    }

    /// Each district asks for SSO, its sharing comes before the approval and is parked; half launch at once, half on a date.
    private static func tellTheStory(_ fleet: Fleet, _ database: Database, _ count: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                group.addTask {
                    let date = number % 2 == 0 ? "null" : "\"\(tomorrow)\""
                    let asked = try await fleet.post(
                        "/v1/requests", TestApplication.ask("sso", cleverID: "d\(number)", date: date),
                        key: "ask\(number)")
                    #expect(asked.status == 201, "\(asked.text)")
                    let id = asked["id"]?.string ?? ""
                    let parked = try await fleet.callback(
                        "sharing_permissions.created",
                        #"{"district":{"id":"d\#(number)"},"kind":"sso","method":"sections","rules":["s1"]}"#,
                        id: "sharing\(number)")
                    #expect(parked.status == 200, "\(parked.text)")
                    let approved = try await fleet.post("/v1/requests/\(id)/approve", "{}", key: "approve\(number)")
                    #expect(approved.status == 200 && approved["state"]?.string == "shared", "\(approved.text)")
                }
            }
            try await group.waitForAll()
        }
        // The day comes for all of them at once, while the processes go on dying.
        let moved = try await database.execute(
            Query(
                "the day comes",
                "UPDATE request SET launch_date = current_date - 1, launch_at = now() WHERE launch_status = 'scheduled'"
            ))
        #expect(moved.affected == count / 2)
        let end = ContinuousClock.now + .seconds(60)
        while try await !database.query(
            Query("launched", "SELECT count(*) = 0 FROM request WHERE launch_status <> 'launched'"))[0].get(
                0, as: Bool.self)
        {
            try #require(ContinuousClock.now < end, "not all were launched")
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static var tomorrow: String {
        String(Instant.format(Date(timeIntervalSinceNow: 2 * 86_400)).prefix(10))
    }

    private func check(_ database: Database, _ fleet: Fleet, _ count: Int) async throws {
        func numbers(_ sql: SQL) async throws -> [Int] {
            try await database.query(Query("check", sql)).map { try $0.get(0, as: Int.self) }
        }
        #expect(try await numbers("SELECT count(*) FROM request WHERE launch_status = 'launched'") == [count])
        // Every action of a request was written down once.
        #expect(
            try await database.query(
                Query(
                    "twice",
                    """
                    SELECT request_id, action FROM audit_entry WHERE request_id IS NOT NULL
                    GROUP BY request_id, action HAVING count(*) > 1
                    """)
            ).isEmpty)
        #expect(
            try await numbers("SELECT count(*) FROM audit_entry WHERE action = 'request.launch'") == [count / 2])
        #expect(
            try await numbers("SELECT count(*) FROM webhook_delivery WHERE status = 'processed'") == [count])
        // One message of each kind to each, sent.
        #expect(
            try await database.query(
                Query(
                    "mailed twice",
                    "SELECT request_ids, template FROM email GROUP BY request_ids, template HAVING count(*) > 1")
            ).isEmpty)
        let messages = Set(
            try await database.query(Query("messages", "SELECT message_id FROM email")).map {
                try $0.get(0, as: String.self) + ".eml"
            })
        let files = fleet.folders.flatMap {
            (try? FileManager.default.contentsOfDirectory(atPath: $0 + "/mail")) ?? []
        }.filter { $0.hasSuffix(".eml") }
        #expect(Set(files) == messages)
        // Only what was on its way when its process was killed may lie in two folders.
        #expect(files.count - messages.count <= 48)
        #expect(try await numbers("SELECT count(*) FROM token WHERE role = 'admin'") == [1])
        #expect(
            try await numbers("SELECT count(*) FROM schema_migration") == [try Migration.embedded.count])
    }

    private func waitUntil(_ database: Database, _ condition: SQL) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while try await !database.query(Query("condition", condition))[0].get(0, as: Bool.self) {
            try #require(ContinuousClock.now < end, "it never came to that")
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
