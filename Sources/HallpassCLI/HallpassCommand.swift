import ArgumentParser
import Foundation
import Hallpass

/// The command line: thin commands over the library.
@main
struct HallpassCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hallpass",
        abstract: "Approves districts' requests for SSO and rostering through Clever.",
        discussion: """
            Start with `hallpass serve`; its first screen says what to paste next. Settings are environment variables; \
            `hallpass config` shows them all, with what each means.
            """,
        version: Release.version,
        subcommands: [
            ServeCommand.self, MigrateCommand.self, TokenCommand.self, WebhookCommand.self, AuditCommand.self,
            EmailCommand.self, DoctorCommand.self, HealthcheckCommand.self, ConfigCommand.self,
        ])
}

/// Where the settings come from, for every command.
struct SettingsOptions: ParsableArguments {
    @Option(
        name: .customLong("config"), help: "A file of NAME=value lines; the environment wins over it.",
        completion: .file())
    var file: String?

    func read() throws -> Settings {
        try Settings(environment: ProcessInfo.processInfo.environment, file: file)
    }
}

/// Runs a command's body: what goes wrong is told on stderr, exit 1.
func carryOut(_ body: () async throws -> Void) async throws {
    do {
        try await body()
    } catch let error as ExitCode {
        throw error
    } catch let error as Settings.Failure {
        for line in error.lines { complain(line) }
        throw ExitCode.failure
    } catch {
        complain("\(error)".replacingOccurrences(of: "\n", with: " "))
        throw ExitCode.failure
    }
}

func complain(_ line: String) {
    FileHandle.standardError.write(Data("hallpass: \(line)\n".utf8))
}

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the service until told to stop.",
        discussion: """
            Without DATABASE_URL it makes a private PostgreSQL cluster under HALLPASS_DATA, and stops it at the end. Ctrl-C \
            or SIGTERM finishes what is in flight first.
            """)

    @OptionGroup var settings: SettingsOptions

    func run() async throws {
        try await carryOut { try await Serve.run(settings.read()) }
    }
}
