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
}
