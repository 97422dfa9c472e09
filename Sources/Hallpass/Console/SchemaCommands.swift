import Foundation
import Postgres

extension Console {
    /// `hallpass migrate`
    public func migrate() async throws {
        try await withDatabase { backend in
            let migrator = try Migrator(database: backend.database, migrations: Migration.embedded)
            let done = try await withProgress("migrating") { _ in try await migrator.run() }
            report(done, verb: "applied")
        }
    }

    /// `hallpass migrate --dry-run`
    public func migrateDry() async throws {
        try await withDatabase { backend in
            let migrator = try Migrator(database: backend.database, migrations: Migration.embedded)
            let done = try await withProgress("rehearsing") { _ in try await migrator.run(dryRun: true) }
            report(done, verb: "would be applied")
        }
    }

    /// `hallpass migrate --status`
    public func migrationStatus() async throws {
        try await withDatabase { backend in
            let status = try await Migrator(database: backend.database, migrations: Migration.embedded).status()
            if isJSON {
                say(json: { writer in
                    writer.array { writer in
                        for entry in status.entries {
                            writer.object { writer in
                                writer.member("version", entry.version)
                                writer.member("name", entry.name)
                                writer.member("applied_at", entry.appliedAt)
                            }
                        }
                    }
                })
            } else {
                say(
                    table: status.entries.map { [String($0.version), $0.name, $0.appliedAt ?? "pending"] },
                    header: ["VERSION", "NAME", "APPLIED"])
            }
        }
    }

    private func report(_ names: [String], verb: String) {
        if isJSON {
            say(json: { writer in writer.array { writer in for name in names { writer.string(name) } } })
        } else if names.isEmpty {
            say("The schema is current.")
        } else {
            for name in names { say("\(name) \(verb)") }
        }
    }

    /// `hallpass config`
    public func showConfiguration() {
        if isJSON {
            say(json: { writer in
                writer.array { writer in
                    for row in settings.rows {
                        writer.object { writer in
                            writer.member("name", row.name)
                            writer.member("value", row.value)
                            writer.member("origin", row.origin.rawValue)
                            writer.member("meaning", row.meaning)
                        }
                    }
                }
            })
        } else {
            say(
                table: settings.rows.map { [$0.name, $0.origin.rawValue, $0.value ?? "(\($0.standard))", $0.meaning] },
                header: ["NAME", "FROM", "VALUE", "MEANING"])
        }
    }
}
