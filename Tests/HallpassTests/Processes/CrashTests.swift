import Foundation
import TestSupport
import Testing

@testable import Hallpass

@Suite("A killed process")
struct CrashTests {
    /// The number of the managed PostgreSQL's main process.
    private static func postmaster(_ data: String) throws -> Int32 {
        let text = try String(contentsOfFile: data + "/postgresql/postgres/data/postmaster.pid", encoding: .utf8)
        return try #require(text.split(separator: "\n").first.flatMap { Int32($0) })
    }

    /// Creates requests from several clients at once, and kills the service in the midst of it.
    /// - Returns: the ids that were acknowledged.
    private static func load(_ service: ServiceProcess, token: String, round: Int) async throws -> [String] {
        let state = Locked<(acknowledged: [String], isKilled: Bool)>(([], false))
        await withTaskGroup(of: Void.self) { group in
            for client in 0..<6 {
                group.addTask {
                    var number = 0
                    while !state.withLock({ $0.isKilled }) {
                        number += 1
                        let body = TestApplication.ask("sso", cleverID: "r\(round)c\(client)n\(number)")
                        // An answer that did not come acknowledges nothing.
                        guard let answer = try? await service.client(token: token).post("/v1/requests", body),
                            answer.status == 201, let id = answer["id"]?.string
                        else { continue }
                        state.withLock { $0.acknowledged.append(id) }
                    }
                }
            }
            group.addTask {
                while state.withLock({ $0.acknowledged.count }) < 150 { try? await Task.sleep(for: .milliseconds(5)) }
                try? await service.kill()
                state.withLock { $0.isKilled = true }
            }
        }
        return state.withLock { $0.acknowledged }
    }

    @Test("loses nothing that was acknowledged, and its cluster is taken over", .timeLimit(.minutes(15)))
    func acknowledged() async throws {
        let data = TestCluster.newFolder()
        TestCluster.removeAtExit(data + "/postgresql")
        let environment = ["HALLPASS_DATA": data, "HALLPASS_ACCOUNT_MANAGER": "amy@vendor.example"]
        var acknowledged: [String] = []
        var postmasters: Set<Int32> = []
        for round in 0..<2 {
            let service = try await ServiceProcess(environment)
            postmasters.insert(try Self.postmaster(data))
            let token = try ServiceProcess.adminToken(dataFolder: data)
            acknowledged += try await Self.load(service, token: token, round: round)
            #expect(service.exitStatus == -SIGKILL)
        }
        #expect(acknowledged.count >= 300)

        let service = try await ServiceProcess(environment)
        postmasters.insert(try Self.postmaster(data))
        #expect(postmasters.count == 1, "the running cluster was taken over each time")
        let client = service.client(token: try ServiceProcess.adminToken(dataFolder: data))
        for id in acknowledged {
            #expect(try await client.get("/v1/requests/\(id)").status == 200)
            let audit = try await client.get("/v1/audit?request_id=\(id)")
            #expect(audit["data"]?.array?.count == 1)
        }
        // Each one's mail to the account manager is there; what was being sent when the process died is sent again.
        let end = ContinuousClock.now + .seconds(90)
        while .now < end, try await client.get("/v1/emails?status=queued,sending&limit=1")["data", "0"] != nil {
            try await Task.sleep(for: .milliseconds(200))
        }
        for id in acknowledged {
            let mails = try await client.get("/v1/emails?request_id=\(id)")
            #expect(mails["data", "0", "status"]?.string == "sent")
        }
        let files = try FileManager.default.contentsOfDirectory(atPath: data + "/mail").filter { $0.hasSuffix(".eml") }
        #expect(files.count >= acknowledged.count)
        #expect(try await service.stop() == 0)
        let verified = try await ServiceProcess.run(["audit", "verify"], environment)
        #expect(verified.status == 0, "\(verified.errors)")
    }

    @Test("a PostgreSQL that dies under the service is started again, and nothing is lost", .timeLimit(.minutes(15)))
    func databaseKilled() async throws {
        let data = TestCluster.newFolder()
        TestCluster.removeAtExit(data + "/postgresql")
        let service = try await ServiceProcess(["HALLPASS_DATA": data])
        let client = service.client(token: try ServiceProcess.adminToken(dataFolder: data))
        let id = try await client.post("/v1/requests", TestApplication.ask("sso"))["id"]?.string ?? ""
        let first = try Self.postmaster(data)
        kill(first, SIGKILL)
        // Recovery makes sure of every file of the cluster, which takes as long as the disk does.
        let end = ContinuousClock.now + .seconds(240)
        var status = 0
        while .now < end {
            status = try await client.get("/v1/requests/\(id)").status
            if status == 200, try Self.postmaster(data) != first { break }
            #expect(status == 503 || status == 200)
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(status == 200)
        #expect(try Self.postmaster(data) != first)
        #expect(service.exitStatus == nil)
        #expect(try await service.stop() == 0)
    }

    @Test("SIGTERM finishes what is in flight and exits 0; a command afterwards uses the same data")
    func gracefulStop() async throws {
        let database = try await TestDatabase.make()
        let environment = ServiceProcess.environment(database)
        let service = try await ServiceProcess(environment)
        let token = try ServiceProcess.adminToken(dataFolder: environment["HALLPASS_DATA"] ?? "")
        let id = try await service.client(token: token).post("/v1/requests", TestApplication.ask("sso"))["id"]?.string
        #expect(id != nil)
        #expect(try await service.stop() == 0)
        let tokens = try await ServiceProcess.run(["token", "list", "--json"], environment)
        #expect(tokens.status == 0 && tokens.output.contains("\"admin\""))
        database.drop()
    }
}
