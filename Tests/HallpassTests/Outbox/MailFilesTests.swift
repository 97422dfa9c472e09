import Foundation
import Mail
import TestSupport
import Testing

@testable import Hallpass

@Suite("E-mail without a server, and on the command line")
struct MailFilesTests {
    private static func configuration(_ folder: String) -> Configuration {
        var configuration = Configuration()
        configuration.dataFolder = folder
        return configuration
    }

    @Test("each message becomes a file named for its Message-ID, whole, and is sent")
    func files() async throws {
        try await TestApplication.run { test in
            let folder = TestCluster.newFolder()
            let worker = OutboxWorker(application: test.application, delivery: FileDelivery(Self.configuration(folder)))
            _ = try await test.create("sso")
            _ = try await worker.turn()
            let email = try await test.client().get("/v1/emails")["data", "0"]
            let id = email?["message_id"]?.string?.dropFirst().dropLast() ?? ""
            #expect(email?["status"]?.string == "sent")
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/mail") == ["\(id).eml"])
            let source = try await test.client().get("/v1/emails/\(email?["id"]?.string ?? "")/source")
            #expect(FileManager.default.contents(atPath: "\(folder)/mail/\(id).eml").map(Array.init) == source.body)
        }
    }

    @Test("where a file cannot be written the message waits, and no attempt is spent")
    func noRoom() async throws {
        try await TestApplication.run { test in
            let folder = TestCluster.newFolder()
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try Data().write(to: URL(filePath: "\(folder)/mail"))
            let worker = OutboxWorker(application: test.application, delivery: FileDelivery(Self.configuration(folder)))
            _ = try await test.create("sso")
            _ = try await worker.turn()
            #expect(try await test.emails("queued") == 1)
            #expect(try await test.attempts().isEmpty)
            try FileManager.default.removeItem(atPath: "\(folder)/mail")
            test.clock.advance(seconds: 5)
            _ = try await worker.turn()
            #expect(try await test.emails("sent") == 1)
        }
    }

    private static func console(_ folder: String, _ settings: [String: String] = [:]) throws -> Console {
        Console(settings: try Settings(environment: settings.merging(["HALLPASS_DATA": folder]) { a, _ in a }))
    }

    @Test("a preview writes the message and its parts, without a database")
    func preview() throws {
        let folder = TestCluster.newFolder()
        try Self.console(folder).previewEmail("declined", folder: nil)
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/preview").sorted()
        #expect(names == ["declined.eml", "declined.html", "declined.txt"])
        #expect(throws: StartError.self) { try Self.console(folder).previewEmail("declined", folder: "/dev/null/x") }
    }

    @Test("an unknown template and a wrong address are wrong usage, exit 64, with what would be right")
    func usage() async throws {
        for (arguments, words) in [
            (["email", "preview", "aproved"], "approved configured declined"),
            (["email", "test", "lee"], "name@example.org"),
        ] {
            let data = TestCluster.newFolder()
            let ended = try await ServiceProcess.run(arguments, ["HALLPASS_DATA": data])
            #expect(ended.status == 64 && ended.errors.contains(words), "\(ended.errors)")
            #expect(!FileManager.default.fileExists(atPath: data))
        }
    }

    @Test("a test mail says what the server said, and fails with one line")
    func test() async throws {
        let server = try await FaultyServer.start()
        let folder = TestCluster.newFolder()
        let console = try Self.console(folder, ["HALLPASS_SMTP_URL": "smtp://127.0.0.1:\(server.port)"])
        try await console.testEmail(to: "lee@demo.example")
        #expect(try await server.report().messages[0].content.contains("Subject: Test: e-mail from Hallpass arrives"))
        try await server.obey(.init(.RCPT, reply: "550 5.7.1 Relaying denied"))
        let error = await #expect(throws: StartError.self) { try await console.testEmail(to: "lee@demo.example") }
        #expect("\(error.map { "\($0)" } ?? "")".contains("550 5.7.1 Relaying denied"))
        try await Self.console(folder).testEmail(to: "lee@demo.example")
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder)/mail").count == 1)
    }
}
