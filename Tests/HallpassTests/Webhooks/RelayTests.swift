import Foundation
import Testing

@testable import Hallpass

@Suite("The README's relays")
struct RelayTests {
    static let readme = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "README.md")

    /// The block of code that opens with three backticks and `name`.
    static func block(_ name: String) throws -> String {
        let text = try String(contentsOf: readme, encoding: .utf8)
        let open = try #require(text.range(of: "```\(name)\n"))
        let end = try #require(text.range(of: "\n```", range: open.upperBound..<text.endIndex))
        return String(text[open.upperBound..<end.lowerBound])
    }

    struct Output {
        var status: Int32
        var text: String
    }

    static func run(_ program: String, _ arguments: [String], input: String, port: Int) async throws -> Output {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try wait(program, arguments, input: input, port: port) })
            }
        }
    }

    private static func wait(_ program: String, _ arguments: [String], input: String, port: Int) throws -> Output {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = [
            "PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin",
            "RELAY_URL": "http://127.0.0.1:\(port)/webhooks/clever",
            "RELAY_SECRET": TestApplication.webhookSecret,
        ]
        let (output, standardInput) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = output
        process.standardInput = standardInput
        try process.run()
        standardInput.fileHandleForWriting.write(Data(input.utf8))
        try standardInput.fileHandleForWriting.close()
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Output(status: process.terminationStatus, text: String(decoding: bytes, as: UTF8.self))
    }

    @Test("both deliver an event, in twenty lines, and once however often they are run")
    func relays() async throws {
        let python = try Self.block("python relay")
        let shell = try Self.block("sh relay")
        #expect(python.split(separator: "\n").count <= 20 && shell.split(separator: "\n").count <= 20)
        let folder = FileManager.default.temporaryDirectory.appending(path: "relay-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let script = folder.appending(path: "relay.py")
        try python.write(to: script, atomically: true, encoding: .utf8)
        // Real clocks: the relays sign with the time of day.
        try await TestApplication.run(at: Instant.format(Date())) { test in
            let port = test.client().port
            for (kind, name) in [("sso", "Ünïted"), ("rostering", "Demo")] {
                let event = Callback.wish("created", kind, id: "i-\(kind)").object
                    .replacing("Demo District", with: name)
                let body = """
                    {"id":"evt_\(kind)","type":"integration_requests.created","created":"2026-11-23T17:00:00Z",
                     "data":{"object":\(event)}}

                    """
                let file = folder.appending(path: "\(kind).json")
                try body.write(to: file, atomically: true, encoding: .utf8)
                let runs = [
                    ("/usr/bin/python3", [script.path], body),
                    ("/bin/sh", ["-c", shell + "\ndeliver '\(file.path)'"], ""),
                    ("/usr/bin/python3", [script.path], body),
                ]
                // One delivers, the others find that it has been.
                let order = kind == "sso" ? runs : [runs[1], runs[0], runs[1]]
                for (index, (program, arguments, input)) in order.enumerated() {
                    let output = try await Self.run(program, arguments, input: input, port: port)
                    #expect(output.status == 0, "\(output.text)")
                    let answer = try JSONParser.parse(Array(output.text.utf8))
                    #expect(answer["status"]?.string == (index == 0 ? "processed" : "duplicate"), "\(output.text)")
                }
                #expect(try await test.state(kind) == "pending")
                #expect(try await test.delivery("evt_\(kind)")["status"]?.string == "processed")
            }
            let wrong = folder.appending(path: "wrong.json")
            try #"{"id":"evt_wrong"}"#.write(to: wrong, atomically: true, encoding: .utf8)
            let refused = try await Self.run(
                "/bin/sh", ["-c", shell + "\ndeliver '\(wrong.path)'"], input: "", port: port)
            #expect(refused.status != 0 && refused.text.contains("malformed_json"), "\(refused.text)")
        }
    }
}
