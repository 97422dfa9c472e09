import Foundation
import Logging
import Postgres

extension Doctor {
    private static let leastVersion = 140_000

    /// The database: reachable, its version and settings, the schema, the clock, and the work that waits in it.
    func database() async -> [Finding] {
        if configuration.databaseURL == nil,
            !FileManager.default.fileExists(atPath: configuration.dataFolder + "/postgresql")
        {
            return [
                .warning(
                    "database", "there is none yet under \(configuration.dataFolder)",
                    "start `hallpass serve` once, which makes it, or set DATABASE_URL")
            ]
        }
        do {
            return try await console.withDatabase { backend in
                await [
                    attempt("database") { try await version(backend.database) },
                    attempt("durability") { try await durability(backend.database) },
                    attempt("connections") { try await connections(backend.database) },
                    attempt("clock") { try await clock(backend.database) },
                    attempt("schema") { try await schema(backend.database) },
                ] + work(backend.database)
            }
        } catch {
            let text = "\(error)"
            return [.failure("database", text, "start the database, or set DATABASE_URL to one that can be reached")]
        }
    }

    private func attempt(_ check: String, _ body: () async throws -> Finding) async -> Finding {
        do {
            return try await body()
        } catch {
            return .failure(check, "\(error)", "look into the database's log")
        }
    }

    private func version(_ database: Database) async throws -> Finding {
        let rows = try await database.query(
            Query(
                "doctor.version",
                """
                SELECT current_setting('server_version_num')::int, current_setting('server_version'),
                    current_setting('server_encoding'), r.rolsuper
                FROM pg_roles r WHERE r.rolname = current_user
                """))
        guard let row = rows.first else { return .failure("database", "the role is unknown", "check DATABASE_URL") }
        let (number, name) = (try row.get(0, as: Int32.self), try row.get(1, as: String.self))
        let encoding = try row.get(2, as: String.self)
        if number < Self.leastVersion {
            return .failure("database", "PostgreSQL \(name) is too old", "upgrade to PostgreSQL 14 or later")
        }
        if encoding != "UTF8" {
            return .failure(
                "database", "its encoding is \(encoding)", "make the database anew with ENCODING 'UTF8'")
        }
        if try row.get(3, as: Bool.self) {
            return .warning(
                "database", "PostgreSQL \(name), reached as a superuser",
                "give Hallpass a role of its own that owns its database and nothing else")
        }
        return .ok("database", "PostgreSQL \(name), read and written")
    }

    private func durability(_ database: Database) async throws -> Finding {
        let rows = try await database.query(
            Query(
                "doctor.durability",
                """
                SELECT name FROM pg_settings
                WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off' ORDER BY name
                """))
        let off = try rows.map { try $0.get(0, as: String.self) }
        if off.isEmpty { return .ok("durability", "what is answered is on disk") }
        return .failure(
            "durability", "\(off.joined(separator: ", ")) is off: a crash loses what was answered",
            "turn it on in postgresql.conf")
    }

    private func connections(_ database: Database) async throws -> Finding {
        let rows = try await database.query(
            Query(
                "doctor.connections",
                """
                SELECT current_setting('max_connections')::int
                    - current_setting('superuser_reserved_connections')::int
                """))
        let most = try Int(rows[0].get(0, as: Int32.self))
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let loops = configuration.loops > 0 ? configuration.loops : cores
        let limits = DatabaseLimits(connectionsPerLoop: configuration.databaseConnections, loops: loops)
        if limits.connections > most {
            return .warning(
                "connections", "an instance may open \(limits.connections), and the server takes \(most)",
                "raise max_connections, or lower HALLPASS_DB_CONNECTIONS")
        }
        return .ok("connections", "an instance opens at most \(limits.connections) of \(most)")
    }

    private func clock(_ database: Database) async throws -> Finding {
        let before = Date()
        let rows = try await database.query(Query("doctor.clock", "SELECT clock_timestamp()"))
        let after = Date()
        // The answer is from between the two: no more is known than that.
        let middle = before.addingTimeInterval(after.timeIntervalSince(before) / 2)
        let off = abs(try rows[0].get(0, as: Date.self).timeIntervalSince(middle))
        let milliseconds = Int((off * 1000).rounded())
        if off > 1 {
            let text = "the database's clock and this machine's are \(milliseconds) ms apart"
            let advice = "let both keep time by NTP: launches happen by this machine's clock"
            return off > 5 ? .failure("clock", text, advice) : .warning("clock", text, advice)
        }
        return .ok("clock", "within \(milliseconds) ms of the database's")
    }

    private func schema(_ database: Database) async throws -> Finding {
        do {
            let status = try await Migrator(database: database, migrations: Migration.embedded).status()
            if status.isCurrent { return .ok("schema", "current, \(status.entries.last?.name ?? "empty")") }
            return .failure(
                "schema", "\(status.pending.count) of \(status.entries.count) migrations are pending",
                "run `hallpass migrate`, or start `hallpass serve`, which does")
        } catch let error as MigrationError {
            return .failure("schema", "\(error)", "run the version of Hallpass that fits this database")
        }
    }

    // MARK: What waits

    private func work(_ database: Database) async -> [Finding] {
        let now = Date()
        guard let row = try? await database.query(Self.waiting(now)).first else {  // told by the schema's line
            return []
        }
        do {
            let late = try row.get(0, as: Int.self)
            let oldest = try row.get(1, as: Date?.self).map { Int(now.timeIntervalSince($0)) } ?? 0
            let (failed, parked) = (try row.get(2, as: Int.self), try row.get(3, as: Int.self))
            let admins = try row.get(4, as: Int.self)
            return [
                late == 0
                    ? .ok("launches", "none is late")
                    : .failure("launches", "\(late) should have happened", "start `hallpass serve`, and see its log"),
                oldest > 600
                    ? .warning(
                        "outbox", "the oldest e-mail has waited for \(oldest / 60) minutes",
                        "see the timeline of its request, or GET /v1/emails?status=queued")
                    : failed > 0
                        ? .warning(
                            "outbox", "\(failed) e-mails failed",
                            "see GET /v1/emails?status=failed, then retry or cancel")
                        : .ok("outbox", "nothing waits for long, nothing failed"),
                parked == 0
                    ? .ok("callbacks", "none is parked")
                    : .warning(
                        "callbacks", "\(parked) are parked", "see GET /v1/webhook-deliveries?status=parked"),
                admins > 0
                    ? .ok("tokens", "\(admins) of an admin")
                    : .failure(
                        "tokens", "no admin token can be used",
                        "run `hallpass token create --name NAME --role admin`"),
            ]
        } catch {
            return [.failure("work", "\(error)", "report this")]
        }
    }

    private static func waiting(_ now: Date) -> Query {
        Query(
            "doctor.waiting",
            """
            SELECT (SELECT count(*) FROM request WHERE launch_status = 'scheduled'
                    AND launch_at < \(now.addingTimeInterval(-5))),
                (SELECT min(created_at) FROM email WHERE status = 'queued'),
                (SELECT count(*) FROM email WHERE status = 'failed'),
                (SELECT count(*) FROM webhook_delivery WHERE status = 'parked'),
                (SELECT count(*) FROM token WHERE role = 'admin' AND revoked_at IS NULL
                    AND (expires_at IS NULL OR expires_at > \(now)))
            """)
    }
}

/// How many connections one instance opens at most.
struct DatabaseLimits: Sendable {
    var connectionsPerLoop: Int
    var loops: Int

    /// Transactions', readers', streams' and bulk calls' of each loop, one that watches and listens, and the
    /// outbox's four.
    var connections: Int { loops * (connectionsPerLoop + 6) + 5 }
}
