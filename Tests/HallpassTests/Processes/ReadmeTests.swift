import Foundation
import Postgres
import Sockets
import TestSupport
import Testing

@testable import Hallpass

// The README's story, as a newcomer pastes it: the very lines of its `sh story` blocks, run by bash against the built
// program with a database cluster of its own. Only the port is another one.

@Suite("The README")
struct ReadmeTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    /// The contents of the README's blocks that open with exactly "```" and the words.
    static func blocks(_ opening: String) throws -> [String] {
        let text = try String(contentsOf: root.appending(path: "README.md"), encoding: .utf8)
        var blocks: [String] = []
        var current: [Substring]?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if let lines = current {
                if line == "```" {
                    blocks.append(lines.joined(separator: "\n"))
                    current = nil
                } else {
                    current = lines + [line]
                }
            } else if line == "```\(opening)" {
                current = []
            }
        }
        return blocks
    }

    @Test("the story works, pasted line by line", .timeLimit(.minutes(15)))
    func story() async throws {
        let folder = TestCluster.newFolder()
        let data = folder + "/.hallpass"
        TestCluster.removeAtExit(data + "/postgresql")
        // The clone that the newcomer stands in, with the release build that the first command has made.
        try FileManager.default.createDirectory(atPath: folder + "/.build/release", withIntermediateDirectories: true)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder)
        try FileManager.default.createSymbolicLink(
            atPath: folder + "/.build/release/hallpass", withDestinationPath: ServiceProcess.program)
        let service = try await ServiceProcess(["HALLPASS_DATA": data])
        let blocks = try Self.blocks("sh story")
        let script = blocks.enumerated().map { "echo '@@@ \($0.offset)'\n\($0.element)" }.joined(separator: "\n")
            .replacing("127.0.0.1:8080", with: "127.0.0.1:\(service.port)")
        let ended = try await ServiceProcess.run(
            program: "/bin/bash", ["-c", script], ["HALLPASS_LISTEN": "127.0.0.1:\(service.port)", "HOME": folder],
            folder: folder, within: .seconds(120))
        #expect(ended.errors == "")
        #expect(ended.status == 0)
        let shown = ended.output.replacingOccurrences(of: "\r\n", with: "\n")
        let outputs = shown.split(separator: "@@@ ").map { $0.drop { $0 != "\n" }.dropFirst() }.map(String.init)
        try #require(outputs.count == blocks.count, "\(ended.output)")
        try check(outputs)
        #expect(try await service.stop() == 0)
    }

    /// What each block must have shown; the blocks are told apart by what they do.
    private func check(_ outputs: [String]) throws {
        try #require(outputs.count == 8)
        #expect(outputs[1].contains(#""status":"processed""#))
        let lists = outputs[2].split(separator: "\n").compactMap { try? JSONParser.parse(Array($0.utf8)) }
        #expect(lists.first?["awaiting"]?.string == "sso")
        #expect(lists.first?["state"]?.string == "pending")
        #expect(lists.last?["data"]?.array?.compactMap { $0["kind"]?.string } == ["rostering", "sso"])

        // Both approved at once, and one message with a setup link for each.
        let approval = outputs[3].split(separator: "\n", maxSplits: 1).map(String.init)
        let approved = try JSONParser.parse(Array(approval[0].utf8))
        #expect(approved["requests"]?.array?.compactMap { $0["state"]?.string } == ["approved", "approved"])
        let messages = approval[1]
        #expect(messages.components(separatedBy: "\nMessage-ID:").count == 2, "one e-mail")
        #expect(messages.contains("\nTo: Lee Park <lee@demo.k12.ca.us>\n"))
        let readable = Self.decoded(messages)
        for kind in ["sso", "rostering"] {
            #expect(
                readable.contains("district=4fd43cc56d11340000000005&integration=\(kind)"), "setup link of \(kind)")
        }
        #expect(readable.contains("Welcome aboard!"))

        let shared = outputs[4].split(separator: "\n").map(String.init).filter { $0.hasPrefix(#"{"kind""#) }.sorted()
        let green = ["rostering", "sso"].map {
            #"{"kind":"\#($0)","state":"shared","badge":{"label":"Launched","color":"green"}}"#
        }
        #expect(shared == green)
        #expect(outputs[5].contains(#""status":"waiting""#))
        #expect(
            outputs[5].split(separator: "\n").last?
                .wholeMatch(of: /\{"label":"Launch Date: \d\d\/\d\d\/\d\d","color":"yellow"\}/) != nil)

        // Shared with both, and yet no import: the account manager has not configured it.
        let before = outputs[6].split(separator: "\n").last ?? ""
        #expect(before.contains(#""can_log_in":true,"can_import_roster":false"#))
        #expect(before.contains("rostering_not_configured") && !before.contains("not_shared"))
        #expect(outputs[7].contains("\"configured\""))
        #expect(Self.decoded(outputs[7]).lowercased().contains("teachers can now import roster"))
        #expect(
            outputs[7].split(separator: "\n").last == #"{"can_log_in":true,"can_import_roster":true,"reasons":[]}"#)
    }

    /// Quoted-printable undone, as a mail program does it.
    private static func decoded(_ text: String) -> String {
        var result = text.replacing("=\n", with: "")
        for (code, character) in [("=3D", "="), ("=26", "&"), ("=2E", "."), ("=20", " ")] {
            result = result.replacing(code, with: character)
        }
        return result
    }

    /// A test's database as the URI that a person would write.
    private func uri(_ database: TestDatabase, role: String) async throws -> String {
        let folder = try await TestCluster.get().socketFolder.replacing("/", with: "%2F")
        return "postgresql://\(role)@\(folder):5432/\(database.name)"
    }

    @Test("its backup can be made and restored, and the restored trail is whole", .timeLimit(.minutes(15)))
    func backup() async throws {
        let database = try await TestDatabase.make()
        let folder = TestCluster.newFolder()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let environment = [
            "DATABASE_URL": try await uri(database, role: "hallpass"), "HALLPASS_DATA": folder + "/data",
            "PATH": "\(ServiceProcess.productsFolder):/usr/local/bin:/usr/bin:/bin",
        ]
        let service = try await ServiceProcess(environment)
        let token = try ServiceProcess.adminToken(dataFolder: folder + "/data")
        _ = try await service.client(token: token).post("/v1/requests", TestApplication.ask("sso"))
        let script = try Self.blocks("sh backup").joined(separator: "\n")
        #expect(!script.isEmpty)
        let ended = try await ServiceProcess.run(
            program: "/bin/bash", ["-e", "-c", script], environment, folder: folder, within: .seconds(90))
        #expect(ended.status == 0 && ended.errors == "", "\(ended.errors)")
        #expect(ended.output.contains("3 entries"), "\(ended.output)")
        #expect(try await service.stop() == 0)
        let cluster = try await TestCluster.get()
        try await TestCluster.onThread { try cluster.dropDatabase("hallpass_restored") }
        database.drop()
    }

    @Test("a role with its grants, and no more, serves the whole story", .timeLimit(.minutes(15)))
    func grants() async throws {
        let database = try await TestDatabase.make()
        let cluster = try await TestCluster.get()
        let owner = try database.open()
        let admin = try DatabaseConfiguration(cluster.connection(database: database.name, role: "postgres"))
        let superuser = Database(configuration: admin, loops: TestLoops.shared.loops, logger: TestLoops.logger)
        try await superuser.execute(Query("role", "CREATE ROLE hallpass_serve LOGIN"))
        for statement in try Self.blocks("sql grants").joined(separator: "\n").split(separator: "\n") {
            try await owner.execute(Query("grant", SQL(stringLiteral: String(statement))))
        }
        let data = TestCluster.newFolder()
        let service = try await ServiceProcess([
            "DATABASE_URL": try await uri(database, role: "hallpass_serve"), "HALLPASS_DATA": data,
        ])
        let client = service.client(token: try ServiceProcess.adminToken(dataFolder: data))
        #expect(try await client.get("/readyz").status == 200)
        let id = try await client.post("/v1/requests", TestApplication.ask("sso"))["id"]?.string ?? ""
        let district = try await client.get("/v1/requests/\(id)")["district", "id"]?.string ?? ""
        for (method, path, body) in [
            ("POST", "/v1/requests/\(id)/approve", "{}"),
            ("POST", "/v1/requests/\(id)/share", #"{"method":"district"}"#),
            ("PUT", "/v1/requests/\(id)/checklist/data_reviewed", #"{"status":"done"}"#),
            ("PUT", "/v1/requests/\(id)/checklist/login_tested", #"{"status":"done"}"#),
            ("POST", "/v1/requests/\(id)/configure", "{}"),
        ] {
            #expect(try await client.send(method, path, [:], Array(body.utf8)).status == 200, "\(path)")
        }
        let upload = try await client.send(
            "PUT", "/v1/requests/\(id)/shared-data", ["Content-Type": "application/x-ndjson"],
            Array(#"{"type":"section","id":"s1","teachers":["t1"],"students":["u1"]}"#.utf8))
        #expect(upload.status == 200)
        #expect(try await client.get("/v1/districts/\(district)/sharing").status == 200)
        #expect(try await client.delete("/v1/districts/\(district)").status == 204)
        #expect(service.log.split(separator: "\n").allSatisfy { !$0.contains(#""level":"error""#) }, "\(service.log)")
        #expect(try await service.stop() == 0)
        for statement in ["DROP OWNED BY hallpass_serve", "DROP ROLE hallpass_serve"] as [SQL] {
            try await superuser.execute(Query("role", statement))
        }
        await superuser.close()
        await owner.close()
        database.drop()
    }

    @Test("its table of settings is the program's, name by name")
    func settings() throws {
        let text = try String(contentsOf: Self.root.appending(path: "README.md"), encoding: .utf8)
        let rows = text.split(separator: "\n").filter { $0.hasPrefix("| `HALLPASS_") || $0.hasPrefix("| `DATABASE_") }
        let named = rows.flatMap { row in
            row.split(separator: "|")[0].matches(of: /`([A-Z_0-9]+)`/).map { String($0.output.1) }
        }
        #expect(Set(named) == Set(Setting.all.map(\.name)))
        #expect(named.count == Set(named).count)
        // A made-up one in a reader's environment would stop every command.
        let everywhere = Set(text.matches(of: /HALLPASS_[A-Z_]+/).map { String($0.output) })
        #expect(everywhere.isSubset(of: named))
    }
}
