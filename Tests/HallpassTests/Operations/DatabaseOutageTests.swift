import Foundation
import Postgres
import Sockets
import TestSupport
import Testing

@testable import Hallpass

@Suite("What clients see of the database's troubles", .timeLimit(.minutes(15)))
struct DatabaseOutageTests {
    /// A service whose way to its database can be cut.
    private func runBehindProxy(_ body: (TestApplication, LossyProxy) async throws -> Void) async throws {
        let proxy = try LossyProxy(socketFolder: try await TestCluster.get().socketFolder)
        defer { proxy.stop() }
        try await TestApplication.run(
            open: { database in
                var configuration = try DatabaseConfiguration(proxy.connection(database: database.name))
                configuration.connectionsPerLoop = 3
                return Database(
                    configuration: configuration, loops: TestLoops.shared.loops, logger: TestLoops.logger)
            }
        ) { test in try await body(test, proxy) }
    }

    private func waitUntil(_ limit: Duration = .seconds(90), _ condition: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + limit
        while try await !condition() {
            try #require(ContinuousClock.now < end, "it never came to that")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private static func ask(_ cleverID: String, _ message: String) -> String {
        TestApplication.ask("sso", cleverID: cleverID, extra: #", "message": "\#(message)""#)
    }

    @Test("a commit whose answer is lost: 503 outcome_unknown, and with an Idempotency-Key the retry finds out")
    func outcomeUnknown() async throws {
        try await runBehindProxy { test, proxy in
            let client = test.client(.submitter)
            // Connections and statements are warm, so that the marked text comes with the commit and not before.
            #expect(try await client.post("/v1/requests", Self.ask("warm", "hello")).status == 201)
            for (cleverID, key) in [("bare", nil), ("keyed", "key-1")] {
                let fields = key.map { ["Idempotency-Key": $0] } ?? [:]
                proxy.dropAnswers(after: "the marked message of \(cleverID)")
                let body = Self.ask(cleverID, "the marked message of \(cleverID)")
                let lost = try await client.post("/v1/requests", body, fields)
                #expect(lost.status == 503 && lost.code == "outcome_unknown", "\(lost.text)")
                #expect(lost.headerFields["retry-after"] == "1")
                proxy.set(.refusing)
                proxy.set(.forwarding)
                try await waitUntil { try await client.get("/readyz").status == 200 }
                let again = try await client.post("/v1/requests", body, fields)
                if key == nil {
                    // Whoever repeats it blindly meets what the first call did.
                    #expect(again.status == 409 && again.code == "request_exists")
                } else {
                    #expect(
                        again.status == 201 && again.headerFields["idempotency-replayed"] == "true", "\(again.text)")
                }
                let count = try await test.sql("SELECT count(*) FROM request WHERE message LIKE '%of ' || \(cleverID)")
                #expect(try count[0].get(0, as: Int.self) == 1)
            }
        }
    }

    @Test("packets dropped: /readyz says so soon, requests fail at once, and all is well soon after")
    func dropped() async throws {
        try await runBehindProxy { test, proxy in
            let client = test.client(.viewer)
            #expect(try await client.get("/v1/requests").status == 200)
            proxy.set(.dropping)
            let began = ContinuousClock.now
            try await waitUntil { try await client.get("/readyz").status == 503 }
            #expect(ContinuousClock.now - began < .seconds(15))
            let refused = try await client.get("/v1/requests")
            #expect(refused.status == 503 && refused.code == "database_unavailable", "\(refused.text)")
            #expect(refused.headerFields["retry-after"] == "1")
            #expect(!refused.text.contains("127.0.0.1"), "it tells clients where the database is")
            #expect(try await client.get("/livez").status == 200)
            proxy.set(.refusing)
            proxy.set(.forwarding)
            try await waitUntil { try await client.get("/readyz").status == 200 }
            #expect(try await client.get("/v1/requests").status == 200)
        }
    }

    /// Holds a district's row while the body runs, so that changes of it wait on the server.
    private func holdingDistrict(_ test: TestApplication, _ body: @escaping @Sendable () async throws -> Void)
        async throws
    {
        try await test.application.database.transaction("holder") { transaction in
            _ = try await transaction.query(Query("hold", "SELECT 1 FROM district FOR UPDATE"))
            try await body()
        }
    }

    private func waiting(_ test: TestApplication) async throws -> Int {
        try await test.application.database.query(
            Query(
                "waiting",
                """
                SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
                    AND wait_event_type = 'Lock'
                """))[0].get(0)
    }

    @Test("a client whose connection is reset takes its statement on the server with it")
    func clientGone() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            try await holdingDistrict(test) {
                let gone = Locked(false)
                let client = test.client(.manager)
                let call = Task {
                    try await client.hangUp("POST", "/v1/requests/\(id)/approve", when: { gone.withLock { $0 } })
                }
                try await waitUntil { try await waiting(test) == 1 }
                gone.withLock { $0 = true }
                try await call.value
                try await waitUntil(.seconds(5)) { try await waiting(test) == 0 }
            }
            #expect(try await test.client().get("/v1/requests/\(id)")["state"]?.string == "pending")
            #expect(await test.application.database.metrics().cancels >= 1)
        }
    }

    @Test("a read whose client resets its connection is cancelled on the server as well")
    func readerGone() async throws {
        try await TestApplication.run { test in
            // Whoever reads requests waits for the one that holds the table.
            try await test.application.database.transaction("holder", isolation: .repeatableRead) { transaction in
                _ = try await transaction.query(Query("hold", "LOCK TABLE request IN ACCESS EXCLUSIVE MODE"))
                let gone = Locked(false)
                let client = test.client(.viewer)
                let call = Task { try await client.hangUp("GET", "/v1/requests", when: { gone.withLock { $0 } }) }
                try await waitUntil { try await waitingIn(transaction) == 1 }
                gone.withLock { $0 = true }
                try await call.value
                try await waitUntil(.seconds(5)) { try await waitingIn(transaction) == 0 }
            }
            #expect(await test.application.database.metrics().cancels >= 1)
        }
    }

    @Test("a client that only closes its sending side gets its answer: its statement runs on")
    func halfClosed() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            let closed = Locked(false)
            let client = test.client(.manager)
            let calls = Locked<Task<String, any Error>?>(nil)
            try await holdingDistrict(test) {
                let call = Task {
                    try await client.halfClose("POST", "/v1/requests/\(id)/approve") { closed.withLock { $0 = true } }
                }
                calls.withLock { $0 = call }
                try await waitUntil {
                    guard closed.withLock({ $0 }) else { return false }
                    return try await waiting(test) == 1
                }
                // As long as a cancel would take to arrive.
                try await Task.sleep(for: .milliseconds(300))
                #expect(try await waiting(test) == 1)
            }
            let answer = try await calls.withLock { $0 }?.value ?? ""
            #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(answer)")
            #expect(try await test.client().get("/v1/requests/\(id)").state == "approved")
            #expect(await test.application.database.metrics().cancels == 0)
        }
    }

    private func waitingIn(_ transaction: Transaction) async throws -> Int {
        try await transaction.query(
            Query(
                "waiting",
                """
                SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                WHERE d.datname = current_database() AND NOT l.granted
                """))[0].get(0)
    }

    @Test("more changes than the queue for connections holds are 503 overloaded with Retry-After, and the others go on")
    func overloaded() async throws {
        try await TestApplication.run(
            open: { database in
                try database.open { configuration in
                    configuration.connectionsPerLoop = 2
                    configuration.queueLimit = 1
                    configuration.statementDeadline = .seconds(60)
                    configuration.queueDeadline = .seconds(60)
                }
            }
        ) { test in
            let id = try await test.create("sso")
            let answers = Locked<[TestClient.Answer]>([])
            let calls = Locked<[Task<Void, any Error>]>([])
            try await holdingDistrict(test) {
                for _ in 0..<16 {
                    let client = test.client(.manager)
                    let call = Task {
                        let answer = try await client.post("/v1/requests/\(id)/request-info", #"{"message":"?"}"#)
                        answers.withLock { $0.append(answer) }
                    }
                    calls.withLock { $0.append(call) }
                }
                // Two loops with two connections each, one of which is the holder's, and one more waits on each loop.
                try await waitUntil { answers.withLock { $0.count } >= 16 - 3 - 2 }
                #expect(answers.withLock { $0.allSatisfy { $0.status == 503 && $0.code == "overloaded" } })
                #expect(answers.withLock { $0.allSatisfy { $0.headerFields["retry-after"] == "1" } })
            }
            for call in calls.withLock({ $0 }) { try await call.value }
            #expect(answers.withLock { $0.filter { $0.status == 200 }.count } == 1)
        }
    }
}

extension TestClient {
    /// Sends a request and resets the connection, unanswered, once told to.
    func hangUp(_ method: String, _ target: String, when isTime: @escaping @Sendable () -> Bool) async throws {
        let descriptor = try sendBare(method, target)
        defer { close(descriptor) }
        while !isTime() { try await Task.sleep(for: .milliseconds(10)) }
        var atOnce = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &atOnce, socklen_t(MemoryLayout<linger>.size))
    }

    /// Sends a request, closes the sending side, and reads to the end.
    func halfClose(_ method: String, _ target: String, then: @Sendable () -> Void) async throws -> String {
        let descriptor = try sendBare(method, target)
        shutdown(descriptor, Int32(SHUT_WR))
        then()
        return try await TestCluster.onThread {
            defer { close(descriptor) }
            var answer: [UInt8] = []
            var chunk = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = recv(descriptor, &chunk, chunk.count, 0)
                guard count > 0 else { return String(decoding: answer, as: UTF8.self) }
                answer += chunk[..<count]
            }
        }
    }

    private func sendBare(_ method: String, _ target: String) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let isConnected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else {
            close(descriptor)
            throw Failure(description: "connect: \(errno)")
        }
        let head =
            "\(method) \(target) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nAuthorization: Bearer \(token ?? "")\r\n\r\n"
        _ = head.withCString { Glibc.send(descriptor, $0, head.utf8.count, Int32(MSG_NOSIGNAL)) }
        return descriptor
    }
}
