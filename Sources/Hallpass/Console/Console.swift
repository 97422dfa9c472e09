import Foundation
import Logging
import Postgres

/// What commands share: the settings, a database for the while, and output for people and for scripts.
public struct Console: Sendable {
    let settings: Settings
    /// JSON instead of text.
    let isJSON: Bool

    public init(settings: Settings, json: Bool = false) {
        self.settings = settings
        isJSON = json
    }

    var configuration: Configuration { settings.configuration }

    /// Opens the database for a command, and closes it whatever happens.
    func withDatabase<Result>(_ body: (Backend) async throws -> Result) async throws -> Result {
        if configuration.databaseURL == nil { try DataFolder.prepare(configuration.dataFolder) }
        var logger = LogSetup.logger(configuration)
        logger.logLevel = max(logger.logLevel, .warning)
        let backend = try await Backend.open(configuration, as: .visitor, logger: logger)
        do {
            let result = try await body(backend)
            await backend.close()
            return result
        } catch {
            await backend.close()
            throw error
        }
    }

    /// The application over a database whose schema is current.
    func withApplication<Result>(_ body: (Application) async throws -> Result) async throws -> Result {
        try await withDatabase { backend in
            let status = try await Migrator(database: backend.database, migrations: Migration.embedded).status()
            guard status.isCurrent else { throw StartError("the schema is not current; run `hallpass migrate` first") }
            let application = Application(
                configuration: configuration, loops: backend.loops, database: backend.database,
                logger: LogSetup.logger(configuration), webhookSecrets: WebhookSecrets(secrets: []),
                mailComposer: try MailComposer(configuration))
            return try await body(application)
        }
    }

    func say(_ text: String) { FileHandle.standardOutput.write(Data("\(text)\n".utf8)) }

    func say(json write: (inout JSONWriter) -> Void) {
        var writer = JSONWriter()
        write(&writer)
        say(String(decoding: writer.bytes, as: UTF8.self))
    }

    /// A table whose columns are as wide as they must be; the last is cut where the terminal ends.
    func say(table rows: [[String]], header: [String]) {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        for row in all {
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                if column + 1 < row.count { line += String(repeating: " ", count: widths[column] - cell.count + 2) }
            }
            if let width = Self.terminalWidth, line.count > width { line = line.prefix(max(1, width - 1)) + "…" }
            say(line)
        }
    }

    /// Text behind a beginning, broken between words where the terminal ends; what follows is indented by `width`.
    func say(wrapping beginning: String, width: Int, _ text: String) {
        guard let columns = Self.terminalWidth, columns > width + 20 else { return say(beginning + text) }
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + word.count + 1 > columns - width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? "\(word)" : " \(word)"
        }
        lines.append(line)
        say(
            lines.enumerated().map { ($0.offset == 0 ? beginning : String(repeating: " ", count: width)) + $0.element }
                .joined(separator: "\n"))
    }

    private static var terminalWidth: Int? {
        guard isatty(STDOUT_FILENO) == 1 else { return nil }
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return Int(size.ws_col)
    }
}
