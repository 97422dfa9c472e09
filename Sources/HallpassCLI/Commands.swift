import ArgumentParser
import Hallpass

/// Output for scripts.
struct OutputOptions: ParsableArguments {
    @Flag(name: .long, help: "Print JSON.")
    var json = false
}

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate", abstract: "Bring the database's schema up to date.",
        discussion: "`serve` does so at every start. Concurrent runs wait for one another.")

    @Flag(help: "Show what was applied when, and what is pending.") var status = false
    @Flag(help: "Run what is pending, and take it back.") var dryRun = false
    @OptionGroup var settings: SettingsOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        if status, dryRun { throw ValidationError("--status and --dry-run do not go together.") }
    }

    func run() async throws {
        try await carryOut {
            let console = Console(settings: try settings.read(), json: output.json)
            if status {
                try await console.migrationStatus()
            } else if dryRun {
                try await console.migrateDry()
            } else {
                try await console.migrate()
            }
        }
    }
}

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Make, list and revoke API tokens.",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a token and print it; it is shown this once.",
            discussion:
                "Roles, each holding the ones before it: viewer (reads), submitter (creates requests), manager (decides), admin."
        )

        @Option(help: "Whose it is; the audit trail calls the actor so.") var name: String
        @Option(
            help: "viewer, submitter, manager or admin.",
            completion: .list(["viewer", "submitter", "manager", "admin"])) var role: String
        @Option(help: "When it ends, such as 2027-11-23T16:05:00Z; never when left out.") var expiresAt: String?
        @OptionGroup var settings: SettingsOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if let offence = Console.offence(name: name, role: role, expiresAt: expiresAt) {
                throw ValidationError(offence)
            }
        }

        func run() async throws {
            try await carryOut {
                try await Console(settings: settings.read(), json: output.json)
                    .createToken(name: name, role: role, expiresAt: expiresAt)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the tokens that are not revoked.")

        @OptionGroup var settings: SettingsOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await carryOut { try await Console(settings: settings.read(), json: output.json).listTokens() }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Revoke a token; it stops at once, everywhere.")

        @Argument(help: "The token's id, as `token list` shows it.") var id: String
        @OptionGroup var settings: SettingsOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if !Console.isIdentifier(id) {
                throw ValidationError("\(id) is not an id; `hallpass token list` shows them")
            }
        }

        func run() async throws {
            try await carryOut { try await Console(settings: settings.read(), json: output.json).revokeToken(id) }
        }
    }
}

struct WebhookCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhook", abstract: "Sign and send callbacks, as a relay does.",
        subcommands: [Sign.self, Send.self])

    struct Sign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the three header fields that vouch for a body.",
            discussion: "For curl: hallpass webhook sign body.json | curl -H @- --data-binary @body.json URL")

        @Argument(help: "A file with the body, or - for standard input.", completion: .file()) var file: String
        @Option(help: "The webhook-id; a new one when left out.") var id: String?
        @Option(help: "Unix seconds; now when left out.") var timestamp: Int?
        @OptionGroup var settings: SettingsOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await carryOut {
                try Console(settings: settings.read(), json: output.json).signWebhook(
                    file: file, id: id, timestamp: timestamp)
            }
        }
    }

    struct Send: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Sign a body, post it, and print the answer.")

        @Argument(help: "A file with the body, or - for standard input.", completion: .file()) var file: String
        @Option(help: "Where to; the service of these settings when left out.") var url: String?
        @Option(help: "The webhook-id; a new one when left out.") var id: String?
        @Option(help: "Unix seconds; now when left out.") var timestamp: Int?
        @OptionGroup var settings: SettingsOptions

        func run() async throws {
            try await carryOut {
                try await Console(settings: settings.read())
                    .sendWebhook(file: file, url: url, id: id, timestamp: timestamp)
            }
        }
    }
}

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Check the audit trail.", subcommands: [Verify.self])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Walk every chain of the audit trail, and name the first entry that was altered, inserted or removed.")

        @OptionGroup var settings: SettingsOptions
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await carryOut { try await Console(settings: settings.read(), json: output.json).verifyAudit() }
        }
    }
}

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Look at everything that the service needs, and say what to do.",
        discussion: """
            Database (reachable, version, durability, connections, clock, schema), late launches, the outbox, parked \
            callbacks, tokens, the SMTP server (login, certificate, sender), webhook secrets, modes of files, disk space, \
            time-zone data, descriptors, and whether the service answers. Each line is ok, warning or failure. Exit 1 when \
            there is a failure.
            """)

    @OptionGroup var settings: SettingsOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await carryOut { try await Console(settings: settings.read(), json: output.json).examine() }
    }
}

struct HealthcheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck", abstract: "Ask the running service whether it is ready; exit 1 when it is not.")

    @Option(help: "The service's address; that of these settings when left out.") var url: String?
    @OptionGroup var settings: SettingsOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await carryOut { try await Console(settings: settings.read(), json: output.json).checkHealth(url: url) }
    }
}

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Show the effective settings, where each came from, and what it means.")

    @OptionGroup var settings: SettingsOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await carryOut { Console(settings: try settings.read(), json: output.json).showConfiguration() }
    }
}
