import Foundation
import Postgres
import TestSupport
import Testing

@testable import Hallpass

// Starts that cannot succeed: each is told in one line on stderr that says what to do, exit 1.

@Suite("Starts that cannot succeed")
struct StartTests {
    /// Runs `serve`, which must end by itself with exit 1 and lines that begin with the program's name.
    private func refusal(_ environment: [String: String], lines: Int = 1) async throws -> String {
        var environment = environment
        if environment["HALLPASS_LISTEN"] == nil { environment["HALLPASS_LISTEN"] = "127.0.0.1:0" }
        if environment["HALLPASS_DATA"] == nil { environment["HALLPASS_DATA"] = TestCluster.newFolder() }
        let ended = try await ServiceProcess.run(["serve"], environment)
        #expect(ended.status == 1)
        #expect(ended.output == "")
        // Log lines are JSON here; what is for a person is not.
        let told = ended.errors.split(separator: "\n").filter { !$0.hasPrefix("{") }
        #expect(told.count == lines, "\(ended.errors)")
        #expect(told.allSatisfy { $0.hasPrefix("hallpass: ") }, "\(ended.errors)")
        return told.joined(separator: "\n")
    }

    @Test("a port that is in use")
    func portInUse() async throws {
        let database = try await TestDatabase.make()
        let service = try await ServiceProcess(ServiceProcess.environment(database))
        let told = try await refusal(["DATABASE_URL": database.connection, "HALLPASS_LISTEN": service.address])
        #expect(told.contains("another process listens on \(service.address)") && told.contains("HALLPASS_LISTEN"))
        // A probe listener likewise.
        let probes = try await refusal([
            "DATABASE_URL": database.connection, "HALLPASS_PROBE_LISTEN": service.address,
        ])
        #expect(probes.contains("HALLPASS_PROBE_LISTEN"))
        #expect(try await service.stop() == 0)
        database.drop()
    }

    @Test(
        "a data folder that cannot be written, or is none", arguments: ["/proc/hallpass", "/dev/null", "/dev/null/x"])
    func dataFolder(path: String) async throws {
        let told = try await refusal(["HALLPASS_DATA": path])
        #expect(told.contains(path) && told.contains("HALLPASS_DATA"))
    }

    @Test(
        "a DATABASE_URL that is no URI, leads nowhere, or to no database",
        arguments: [
            "mysql://localhost/x", "postgresql://hallpass@127.0.0.1:1/hallpass?connect_timeout=1",
            "postgresql://hallpass@%2Fnonexistent/hallpass", "postgresql://[::1/x",
        ])
    func databaseURL(url: String) async throws {
        let told = try await refusal(["DATABASE_URL": url])
        #expect(told.contains("DATABASE_URL"), "\(told)")
    }

    @Test("a DATABASE_URL whose password or database is wrong never shows the password")
    func wrongDatabase() async throws {
        let database = try await TestDatabase.make()
        let wrong = database.connection.replacing(database.name, with: "no_such_database") + " password='verysecret'"
        let told = try await refusal(["DATABASE_URL": wrong])
        #expect(told.contains("no_such_database") && told.contains("check the URL"))
        #expect(!told.contains("verysecret"))
        database.drop()
    }

    @Test("a cluster that another service uses, and one that is damaged", .timeLimit(.minutes(15)))
    func cluster() async throws {
        let data = TestCluster.newFolder()
        TestCluster.removeAtExit(data + "/postgresql")
        let service = try await ServiceProcess(["HALLPASS_DATA": data])
        #expect(try await refusal(["HALLPASS_DATA": data]).contains("another hallpass that is still running"))
        // Commands beside it use the same cluster.
        let tokens = try await ServiceProcess.run(["token", "list"], ["HALLPASS_DATA": data])
        #expect(tokens.status == 0 && tokens.output.contains("admin"))
        #expect(try await service.stop() == 0)

        let control = data + "/postgresql/postgres/data/global/pg_control"
        try FileManager.default.moveItem(atPath: control, toPath: control + ".away")
        let damaged = try await refusal(["HALLPASS_DATA": data])
        #expect(damaged.contains("does not start") && damaged.contains("restore it from a backup"))
        try FileManager.default.moveItem(atPath: control + ".away", toPath: control)

        let version = data + "/postgresql/postgres/data/PG_VERSION"
        let kept = try String(contentsOfFile: version, encoding: .utf8)
        try "9\n".write(toFile: version, atomically: false, encoding: .utf8)
        #expect(try await refusal(["HALLPASS_DATA": data]).contains("was made by PostgreSQL 9"))
        try kept.write(toFile: version, atomically: false, encoding: .utf8)

        let again = try await ServiceProcess(["HALLPASS_DATA": data])
        #expect(try await again.stop() == 0)
    }

    @Test("a schema that is newer than the program")
    func newerSchema() async throws {
        let database = try await TestDatabase.make()
        let open = try database.open()
        try await open.execute(
            .init("newer", "INSERT INTO schema_migration (version, name, checksum) VALUES (9999, '9999_later.sql', '')")
        )
        await open.close()
        let told = try await refusal(["DATABASE_URL": database.connection])
        #expect(told.contains("9999_later.sql") && told.contains("start the newer version"))
        database.drop()
    }

    @Test("several wrong settings are all told at once, secrets unseen")
    func settings() async throws {
        let told = try await refusal(
            [
                "HALLPASS_LISTEN": "nowhere", "HALLPASS_LOG_LEVEL": "loud", "HALLPASS_WEBHOOK_SECRETS": "whsec_short",
                "HALLPASS_LSITEN": "127.0.0.1:0", "HALLPASS_DB_CONNECTIONS": "many", "HALLPASS_DATABASE_URL": "x",
                "HALLPASS_SMTP_URL": "mailto:verysecret",
            ], lines: 7)
        for word in [
            "HALLPASS_LISTEN: \"nowhere\" is not an address such as 127.0.0.1:8080",
            "HALLPASS_LOG_LEVEL: \"loud\" is not one of trace, debug",
            "HALLPASS_WEBHOOK_SECRETS: what is set there is not whsec_",
            "HALLPASS_LSITEN: no such setting; did you mean HALLPASS_LISTEN?",
            "HALLPASS_DB_CONNECTIONS: \"many\" is not a whole number from 1 to 64",
            "HALLPASS_DATABASE_URL: no such setting; did you mean DATABASE_URL?",
            "HALLPASS_SMTP_URL: what is set there is not smtp://",
        ] {
            #expect(told.contains(word), "\(told)")
        }
        #expect(!told.contains("verysecret") && !told.contains("whsec_short"))
    }

    @Test("a public address without TLS in front", arguments: ["0.0.0.0:0", "[::]:0"])
    func publicAddress(address: String) async throws {
        #expect(try await refusal(["HALLPASS_LISTEN": address]).contains("HALLPASS_TLS_IN_FRONT=on"))
    }

    @Test(
        "wrong usage is exit 64, and nothing is done",
        arguments: [
            ["frobnicate"], ["serve", "--fast"], ["token", "create"],
            ["token", "create", "--name", "x", "--role", "boss"],
            ["token", "revoke", "not-an-id"], ["migrate", "--status", "--dry-run"], ["webhook", "sign"],
            ["doctor", "now"],
            ["token", "create", "--name", "x", "--role", "viewer", "--expires-at", "yesterday"],
        ])
    func usage(arguments: [String]) async throws {
        let data = TestCluster.newFolder()
        let ended = try await ServiceProcess.run(arguments, ["HALLPASS_DATA": data])
        #expect(ended.status == 64, "\(ended.errors)")
        #expect(ended.output == "" && ended.errors.contains("Usage: hallpass"))
        #expect(!FileManager.default.fileExists(atPath: data))
    }
}
