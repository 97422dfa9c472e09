import Foundation
import TestSupport
import Testing

@testable import Hallpass

@Suite("Commands, as the built program")
struct CommandTests {
    private func json(_ ended: ServiceProcess.Ended) throws -> JSONValue {
        #expect(ended.status == 0, "\(ended.errors)")
        #expect(ended.output.split(separator: "\n").count == 1, "one line of JSON")
        return try JSONParser.parse(Array(ended.output.utf8))
    }

    @Test("every command has help that teaches")
    func help() async throws {
        let commands = [
            [], ["serve"], ["migrate"], ["token"], ["token", "create"], ["token", "list"], ["token", "revoke"],
            ["webhook", "sign"], ["webhook", "send"], ["doctor"], ["audit", "verify"], ["healthcheck"], ["config"],
        ]
        for command in commands {
            let ended = try await ServiceProcess.run(command + ["--help"], [:])
            #expect(ended.status == 0 && ended.errors == "")
            #expect(ended.output.contains("OVERVIEW: ") && ended.output.contains("USAGE: hallpass"), "\(command)")
            for line in ended.output.split(separator: "\n") where !line.contains("USAGE: ") {
                #expect(line.count <= 100, "\(line)")
            }
        }
        #expect(try await ServiceProcess.run(["--version"], [:]).output == "\(Release.version)\n")
        let completions = try await ServiceProcess.run(["--generate-completion-script", "bash"], [:])
        #expect(completions.status == 0 && completions.output.contains("doctor"))
    }

    @Test("migrate: what is pending, a rehearsal, and the work")
    func migrate() async throws {
        let database = try await TestDatabase.makeEmpty()
        let environment = ServiceProcess.environment(database)
        let before = try json(try await ServiceProcess.run(["migrate", "--status", "--json"], environment))
        #expect(before.array?.first?["applied_at"] == .null)
        let rehearsal = try await ServiceProcess.run(["migrate", "--dry-run"], environment)
        #expect(rehearsal.status == 0 && rehearsal.output.contains("0001_hallpass.sql would be applied"))
        let list = try await ServiceProcess.run(["token", "list"], environment)
        #expect(list.status == 1 && list.errors.contains("run `hallpass migrate` first"))
        #expect(try await ServiceProcess.run(["migrate"], environment).output.contains("0001_hallpass.sql applied"))
        #expect(try await ServiceProcess.run(["migrate"], environment).output == "The schema is current.\n")
        let after = try json(try await ServiceProcess.run(["migrate", "--status", "--json"], environment))
        #expect(after.array?.first?["applied_at"]?.string?.hasSuffix("Z") == true)
        database.drop()
    }

    @Test("token: make, list, revoke")
    func tokens() async throws {
        let database = try await TestDatabase.make()
        let environment = ServiceProcess.environment(database)
        let made = try await ServiceProcess.run(
            ["token", "create", "--name", "Relay", "--role", "submitter"], environment)
        #expect(made.status == 0 && made.output.hasPrefix("hp_") && made.output.split(separator: "\n").count == 1)
        let other = try json(
            try await ServiceProcess.run(
                [
                    "token", "create", "--name", "Amy", "--role", "manager", "--expires-at", "2999-01-01T00:00:00Z",
                    "--json",
                ],
                environment))
        #expect(other["token"]?.string?.hasPrefix("hp_") == true && other["role"]?.string == "manager")
        let table = try await ServiceProcess.run(["token", "list"], environment)
        #expect(table.output.contains("Relay") && table.output.contains("2999-01-01T00:00:00.000Z"))
        #expect(!table.output.contains("hp_"))
        let id = other["id"]?.string ?? ""
        #expect(try await ServiceProcess.run(["token", "revoke", id], environment).output == "revoked\n")
        let again = try await ServiceProcess.run(["token", "revoke", id], environment)
        #expect(again.status == 1 && again.errors.contains("hallpass token list"))
        let left = try json(try await ServiceProcess.run(["token", "list", "--json"], environment))
        #expect(left.array?.compactMap { $0["name"]?.string } == ["Relay"])
        database.drop()
    }

    @Test("a table fits the terminal: the widest columns are cut, never the first")
    func tables() {
        let rows = [["0193-id-that-is-copied", String(repeating: "n", count: 90), "short"], ["b", "c", "d"]]
        let narrow = Console.lines(table: rows, header: ["ID", "NAME", "ROLE"], width: 60)
        #expect(narrow.allSatisfy { $0.count <= 60 })
        #expect(narrow[1].hasPrefix("0193-id-that-is-copied  nnn") && narrow[1].hasSuffix("n…  short"))
        let wide = Console.lines(table: rows, header: ["ID", "NAME", "ROLE"], width: nil)
        #expect(
            wide[1].contains(rows[0][1])
                && wide[2] == "b" + String(repeating: " ", count: 23) + "c"
                    + String(repeating: " ", count: 91) + "d"
        )
    }

    @Test("a table that would be cut to nothing tells each row by itself, every word of it")
    func records() {
        let rows = [
            ["HALLPASS_A_LONG_NAME_TO_COPY", "default", "one two three four five six seven"], ["B", "", "eight"],
        ]
        #expect(
            Console.lines(table: rows, header: ["NAME", "FROM", "MEANING"], width: 34) == [
                "HALLPASS_A_LONG_NAME_TO_COPY", "  FROM     default", "  MEANING  one two three four five",
                "           six seven", "", "B", "  MEANING  eight",
            ])
        #expect(Console.lines(table: rows, header: ["NAME", "FROM", "MEANING"], width: 200).count == 3)
        #expect(Console.lines(wrapping: "ok  check  ", width: 11, "a b", columns: nil) == ["ok  check  a b"])
        #expect(
            Console.lines(wrapping: "ok  check  ", width: 11, "one two three", columns: 20)
                == ["ok  check", "  one two three"])
    }

    @Test("progress fits its line, and tells how much is done once that is known")
    func progress() {
        let progress = Progress()
        #expect(progress.line("checking the audit trail", seconds: 3, width: 80) == "checking the audit trail … 3 s")
        progress.report(25, of: 1000)
        #expect(progress.line("checking", seconds: 12, width: 80) == "checking … 2 %, 12 s")
        progress.report(7, of: 0)
        for width in 1...60 {
            let line = progress.line("checking the audit trail", seconds: 12, width: width)
            #expect(line.count < max(width, 14) && line.hasSuffix("100 %, 12 s"))
        }
    }

    @Test("config: values, origins, secrets hidden; the environment wins over the file; secrets from files")
    func config() async throws {
        let folder = TestCluster.newFolder()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let file = folder + "/hallpass.env"
        try """
        # a comment
        HALLPASS_VENDOR_NAME="Acme Reading"
        HALLPASS_LOG_LEVEL=debug
        """.write(toFile: file, atomically: true, encoding: .utf8)
        try "smtp://user:hunter2@mail.example:587\n".write(
            toFile: folder + "/smtp", atomically: true, encoding: .utf8)
        let environment = [
            "HALLPASS_LOG_LEVEL": "warning", "HALLPASS_SMTP_URL_FILE": folder + "/smtp",
            "DATABASE_URL": "postgresql://u:hunter2@h/d",
        ]
        let ended = try await ServiceProcess.run(["config", "--config", file, "--json"], environment)
        let rows = try json(ended).array ?? []
        func row(_ name: String) -> JSONValue? { rows.first { $0["name"]?.string == name } }
        #expect(row("HALLPASS_VENDOR_NAME")?["value"]?.string == "Acme Reading")
        #expect(row("HALLPASS_VENDOR_NAME")?["origin"]?.string == "file")
        #expect(row("HALLPASS_LOG_LEVEL")?["value"]?.string == "warning")
        #expect(row("HALLPASS_LOG_LEVEL")?["origin"]?.string == "environment")
        #expect(row("HALLPASS_LISTEN")?["origin"]?.string == "default")
        #expect(row("HALLPASS_SMTP_URL")?["value"]?.string == "(hidden)")
        #expect(rows.count == Setting.all.count)
        #expect(!ended.output.contains("hunter2"))
        let text = try await ServiceProcess.run(["config", "--config", file], environment)
        #expect(text.status == 0 && !text.output.contains("hunter2") && text.output.contains("Acme Reading"))

        let twice = try await ServiceProcess.run(
            ["config"], environment.merging(["HALLPASS_SMTP_URL": "smtp://x.example"]) { $1 })
        #expect(twice.status == 1 && twice.errors.contains("given twice"))
        let missing = try await ServiceProcess.run(["config"], ["HALLPASS_SMTP_URL_FILE": folder + "/none"])
        #expect(missing.status == 1 && missing.errors.contains("cannot be read"))
    }

    @Test("webhook: three lines that curl can take, and a body sent to the running service")
    func webhook() async throws {
        let database = try await TestDatabase.make()
        var environment = ServiceProcess.environment(database)
        let body = #"{"id":"e1","type":"nothing.known","created":"2026-11-23T16:00:00Z","data":{"object":{}}}"#
        let early = try await ServiceProcess.run(["webhook", "sign", "-"], environment, input: body)
        #expect(early.status == 1 && early.errors.contains("start `hallpass serve` once"))
        let service = try await ServiceProcess(environment)
        environment["HALLPASS_LISTEN"] = service.address
        let signed = try await ServiceProcess.run(["webhook", "sign", "-"], environment, input: body)
        let names = signed.output.split(separator: "\n").compactMap { $0.split(separator: ":").first.map(String.init) }
        #expect(names == ["webhook-id", "webhook-timestamp", "webhook-signature"])
        let sent = try await ServiceProcess.run(["webhook", "send", "-", "--id", "m1"], environment, input: body)
        #expect(sent.status == 0 && sent.output.contains(#""status":"ignored""#))
        let old = try await ServiceProcess.run(
            ["webhook", "send", "-", "--timestamp", "1700000000"], environment, input: body)
        #expect(old.status == 1 && old.errors.contains("answered 401"))
        let health = try await ServiceProcess.run(["healthcheck"], environment)
        #expect(health.status == 0 && health.output == "ok\n")
        #expect(try await service.stop() == 0)
        let dead = try await ServiceProcess.run(["healthcheck"], environment)
        #expect(dead.status == 1 && dead.errors.contains("nobody answers"))
        database.drop()
    }

    @Test("secrets are files that only this user can read, and appear in no output")
    func secrets() async throws {
        let database = try await TestDatabase.make()
        let environment = ServiceProcess.environment(database)
        let data = environment["HALLPASS_DATA"] ?? ""
        let service = try await ServiceProcess(environment)
        for name in ["admin-token", "webhook-secret"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(data)/\(name)")
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
            let secret = try String(contentsOfFile: "\(data)/\(name)", encoding: .utf8)
                .trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(!service.output.contains(secret) && !service.log.contains(secret))
        }
        let token = try ServiceProcess.adminToken(dataFolder: data)
        _ = try await service.client(token: token).get("/v1/summary?q=\(token)")
        _ = try await service.client(token: token).get("/v1/emails?request_id=nonsense")
        // Neither memory nor environment of the process can be read by others of its user, and no core is written.
        let limits = try String(contentsOfFile: "/proc/\(service.processID)/limits", encoding: .utf8)
        #expect(limits.split(separator: "\n").contains { $0.hasPrefix("Max core file size        0 ") })
        #expect(try await service.stop() == 0)
        #expect(!service.log.contains(token))
        database.drop()
    }
}
