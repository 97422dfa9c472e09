import Foundation
import TestSupport
import Testing

@testable import Hallpass

@Suite("Fail-over", .timeLimit(.minutes(15)))
struct FailoverTests {
    /// What clients were told while they wrote.
    private struct Told {
        var acknowledged: [String] = []
        var codes: [String: Int] = [:]
        var sinceKill = 0
    }

    @Test(
        "a primary killed under load and its standby promoted: writing goes on, and all that was acknowledged is there")
    func promoted() async throws {
        let pair = try await StandbyPair.start()
        let folder = TestCluster.newFolder()
        let service = try await ServiceProcess(["DATABASE_URL": pair.url, "HALLPASS_DATA": folder])
        let token = try ServiceProcess.adminToken(dataFolder: folder)
        let told = Locked(Told())
        let (isKilled, isOver) = (Locked(false), Locked(false))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in 0..<6 {
                group.addTask {
                    let client = service.client(token: token)
                    var number = 0
                    while !isOver.withLock({ $0 }) {
                        number += 1
                        let body = TestApplication.ask("sso", cleverID: "w\(worker)-\(number)")
                        let answer = try await client.post("/v1/requests", body)
                        told.withLock { told in
                            if answer.status == 201, let id = answer["id"]?.string {
                                told.acknowledged.append(id)
                                if isKilled.withLock({ $0 }) { told.sinceKill += 1 }
                            } else {
                                told.codes["\(answer.status) \(answer.code ?? "")", default: 0] += 1
                            }
                        }
                        // Refusals come at once while the database is away.
                        if answer.status != 201 { try await Task.sleep(for: .milliseconds(20)) }
                    }
                }
            }
            group.addTask {
                defer { isOver.withLock { $0 = true } }
                try await Self.waitUntil { told.withLock { $0.acknowledged.count } > 100 }
                try pair.killPrimary()
                isKilled.withLock { $0 = true }
                try await Self.waitUntil { try await service.client(token: nil).get("/readyz").status == 503 }
                try await pair.promote()
                try await Self.waitUntil { told.withLock { $0.sinceKill } > 100 }
                try await Self.waitUntil { try await service.client(token: nil).get("/readyz").status == 200 }
            }
            try await group.waitForAll()
        }
        let result = told.withLock { $0 }
        let stored = Set(try await pair.askStandby("SELECT id FROM request").split(separator: "\n").map(String.init))
        #expect(Set(result.acknowledged).subtracting(stored).isEmpty, "acknowledged, and not there")
        #expect(
            result.codes.keys.allSatisfy { ["503 database_unavailable", "503 outcome_unknown"].contains($0) },
            "\(result.codes)")
        // Those that are there unacknowledged were said to be of unknown outcome.
        #expect(stored.count - result.acknowledged.count <= result.codes["503 outcome_unknown", default: 0])
        #expect(try await service.stop() == 0)
        try pair.stop()
    }

    private static func waitUntil(_ condition: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(120)
        while try await !condition() {
            try #require(ContinuousClock.now < end, "it never came to that")
            try await Task.sleep(for: .milliseconds(20))
        }
    }
}
