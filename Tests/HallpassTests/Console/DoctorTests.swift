import Foundation
import TestSupport
import Testing

@testable import Hallpass

@Suite("hallpass doctor")
struct DoctorTests {
    private func examine(_ environment: [String: String]) async throws -> (status: Int32, [String: JSONValue]) {
        let ended = try await ServiceProcess.run(["doctor", "--json"], environment)
        let report = try JSONParser.parse(Array(ended.output.utf8))
        var checks: [String: JSONValue] = [:]
        for check in report["checks"]?.array ?? [] { checks[check["check"]?.string ?? ""] = check }
        let worst = checks.values.compactMap { $0["status"]?.string }.compactMap(Finding.Level.init).max()
        #expect(report["status"]?.string == worst?.rawValue)
        // Whatever is not ok says what to do.
        for check in checks.values {
            #expect((check["status"]?.string == "ok") == (check["advice"] == .null), "\(check.text)")
        }
        return (ended.status, checks)
    }

    @Test("a service that is well is ok on every line that matters, exit 0")
    func well() async throws {
        let database = try await TestDatabase.make()
        var environment = ServiceProcess.environment(database)
        let service = try await ServiceProcess(environment)
        environment["HALLPASS_LISTEN"] = service.address
        let (status, checks) = try await examine(environment)
        for name in [
            "database", "clock", "schema", "launches", "outbox", "callbacks", "tokens", "webhook key", "files",
            "time zones", "service", "settings",
        ] {
            #expect(checks[name]?["status"]?.string == "ok", "\(name): \(checks[name]?.text ?? "is missing")")
        }
        // The test cluster gives durability up for speed, and there is no SMTP server.
        #expect(checks["durability"]?["status"]?.string == "failure")
        #expect(checks["e-mail"]?["status"]?.string == "warning")
        #expect(status == 1)
        #expect(try await service.stop() == 0)
        database.drop()
    }

    @Test("an empty database, weak secrets, open files and a mail server that is away are told, exit 1")
    func unwell() async throws {
        let database = try await TestDatabase.makeEmpty()
        var environment = ServiceProcess.environment(database)
        let data = environment["HALLPASS_DATA"] ?? ""
        try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
        try "hp_0123456789012345678901234\n".write(toFile: data + "/admin-token", atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: data + "/admin-token")
        environment["HALLPASS_WEBHOOK_SECRETS"] = "whsec_" + Data(repeating: 7, count: 32).base64EncodedString()
        environment["HALLPASS_SMTP_URL"] = "smtp://user:hunter2@127.0.0.1:1"
        environment["HALLPASS_LISTEN"] = "127.0.0.1:1"
        let (status, checks) = try await examine(environment)
        #expect(status == 1)
        #expect(checks["schema"]?["status"]?.string == "failure")
        #expect(checks["schema"]?["advice"]?.string?.contains("hallpass migrate") == true)
        #expect(checks["webhook key"]?["status"]?.string == "failure")
        #expect(checks["files"]?["status"]?.string == "warning")
        #expect(checks["e-mail"]?["status"]?.string == "failure")
        #expect(checks["e-mail"]?["text"]?.string?.hasPrefix("unreachable") == true)
        #expect(checks["service"]?["status"]?.string == "warning")
        #expect(!checks.values.contains { $0.text.contains("hunter2") })
        database.drop()
    }

    @Test("a database that cannot be reached is one failure among the other lines")
    func noDatabase() async throws {
        let (status, checks) = try await examine([
            "DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/d", "HALLPASS_DATA": TestCluster.newFolder(),
        ])
        #expect(status == 1 && checks["database"]?["status"]?.string == "failure")
        #expect(checks["disk"] != nil && checks["time zones"]?["status"]?.string == "ok")
        #expect(checks["database"]?.text.contains("hunter2") == false)
    }

    @Test("a folder without a cluster is no failure, and stays without")
    func beforeTheFirstStart() async throws {
        let data = TestCluster.newFolder()
        let (status, checks) = try await examine(["HALLPASS_DATA": data, "HALLPASS_LISTEN": "127.0.0.1:1"])
        #expect(status == 0)
        #expect(checks["database"]?["advice"]?.string?.contains("hallpass serve") == true)
        #expect(!FileManager.default.fileExists(atPath: data))
    }

    @Test("in words each line begins with its level")
    func words() async throws {
        let ended = try await ServiceProcess.run(["doctor"], ["HALLPASS_DATA": TestCluster.newFolder()])
        let lines = ended.output.split(separator: "\n")
        #expect(lines.count > 8)
        for line in lines {
            let isStart = ["ok ", "warning ", "failure "].contains { line.hasPrefix($0) }
            #expect(isStart || line.trimmingCharacters(in: .whitespaces).hasPrefix("→ "), "\(line)")
        }
    }

    @Test("secrets that can be guessed are found")
    func weakness() {
        #expect(Doctor.weakness(of: WebhookSecret.make()) == nil)
        #expect(Doctor.weakness(of: "whsec_" + Data(repeating: 0, count: 24).base64EncodedString()) != nil)
        #expect(Doctor.weakness(of: "whsec_" + Data("correct horse battery staple!".utf8).base64EncodedString()) != nil)
        #expect(Doctor.weakness(of: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?.contains("example") == true)
        #expect(Doctor.weakness(of: "whsec_short") != nil)
    }
}
