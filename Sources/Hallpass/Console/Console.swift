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

    /// Shows on a terminal what takes long, and for how long so far; elsewhere nothing.
    func withProgress<Result>(_ what: String, _ body: () async throws -> Result) async rethrows -> Result {
        guard isatty(STDERR_FILENO) == 1 else { return try await body() }
        let began = ContinuousClock.now
        let shown = Task.detached {
            try await Task.sleep(for: .milliseconds(700))
            while true {
                let seconds = Int(began.duration(to: .now) / .seconds(1))
                FileHandle.standardError.write(Data("\r\(what) … \(seconds) s".utf8))
                try await Task.sleep(for: .seconds(1))
            }
        }
        defer {
            shown.cancel()
            FileHandle.standardError.write(Data("\r\u{1B}[K".utf8))
        }
        return try await body()
    }

    /// A table whose columns are as wide as they must be. On a terminal that is too narrow, the widest columns but the
    /// first are cut; the first is what a person copies.
    func say(table rows: [[String]], header: [String]) {
        for line in Self.lines(table: rows, header: header, width: Self.terminalWidth) { say(line) }
    }

    static func lines(table rows: [[String]], header: [String], width: Int?) -> [String] {
        let all = [header] + rows
        var widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        if let width {
            let least = 8
            while widths.reduce(2 * (widths.count - 1), +) > width,
                let widest = widths.indices.dropFirst().max(by: { widths[$0] < widths[$1] }), widths[widest] > least
            {
                widths[widest] -= 1
            }
        }
        return all.map { row in
            zip(row, widths).map { cell, width in
                cell.count > width
                    ? cell.prefix(width - 1) + "…" : cell + String(repeating: " ", count: width - cell.count)
            }.joined(separator: "  ").trimmingSuffix { $0 == " " }
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

extension String {
    fileprivate func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> String {
        var text = Substring(self)
        while let last = text.last, isTrimmed(last) { text.removeLast() }
        return String(text)
    }
}
