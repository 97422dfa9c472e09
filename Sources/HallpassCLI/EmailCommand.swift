import ArgumentParser
import Hallpass

struct EmailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "email", abstract: "Try the mail server, and look at the e-mails.",
        subcommands: [Test.self, Preview.self])

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send a short e-mail by these settings, and print what the server said; exit 1 when it refused.")

        @Argument(help: "Where to.") var address: String
        @OptionGroup var settings: SettingsOptions
        @OptionGroup var output: OutputOptions

        func validate() throws {
            if let offence = Console.offence(inAddress: address) {
                throw ValidationError("\(address) \(offence).")
            }
        }

        func run() async throws {
            try await carryOut {
                try await Console(settings: settings.read(), json: output.json).testEmail(to: address)
            }
        }
    }

    struct Preview: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write an e-mail as it would look to files, and print where.",
            discussion: "Templates: \(Console.emailTemplates.joined(separator: " ")).")

        @Argument(
            help: "The template's name.",
            completion: .list(Console.emailTemplates)) var template: String
        @Option(
            name: .shortAndLong, help: "A folder; HALLPASS_DATA/preview when left out.",
            completion: .directory) var output: String?
        @Flag(name: .long, help: "Print JSON.") var json = false
        @OptionGroup var settings: SettingsOptions

        func validate() throws {
            if !Console.emailTemplates.contains(template) {
                throw ValidationError(
                    "There is no template named \(template); these are: \(Console.emailTemplates.joined(separator: " "))."
                )
            }
        }

        func run() async throws {
            try await carryOut {
                try Console(settings: settings.read(), json: json).previewEmail(template, folder: output)
            }
        }
    }
}
