internal import Foundation
internal import Synchronization

// A private PostgreSQL for one folder. Three lock files in the folder keep processes out of each other's way, and the
// kernel gives each back when its holder dies:
//   owner.lock   exclusively by the one long-lived service; a second service is refused while the first one lives.
//   users.lock   shared by everyone who uses the cluster: the service, and commands that need it for the while.
//   change.lock  exclusively while the server is made, started or stopped.
// Who leaves takes change.lock, lets go of users.lock and tries it exclusively: having it means nobody else is left, so
// the server is stopped; otherwise it stays for the others. A server that a killed process left running is found by its
// postmaster.pid and simply used. initdb works on `data.new`, renamed when it is whole, so that a kill in the midst of it
// leaves nothing that looks like a cluster.

/// How much a cluster's server cares about what it stores.
public enum ClusterDurability: Sendable {
    case durable
    /// For tests: nothing is forced to disk, a power cut loses everything.
    case throwAway
}

public final class Cluster: Sendable {
    /// Who is asking.
    public enum Role: Sendable {
        /// The service: there is one, for as long as it lives.
        case owner
        /// A command that needs the database for a while, beside a service or without one.
        case visitor
    }

    /// The folder asked for, absolute.
    public var folder: String { place.folder }
    /// Where the cluster lies.
    public var home: String { place.home }
    /// The server's log.
    public var logFile: String { place.log }
    /// The folder of the server's socket.
    public var socketFolder: String { place.socketFolder }
    /// What a person should be told at start, a line each.
    public var remarks: [String] { place.remarks }
    /// The role and the database of the service.
    public static let name = "hallpass"

    /// For libpq: the service's role and database.
    public var connection: String { connection(database: Self.name) }

    /// For libpq: the service's role, another database.
    public func connection(database: String, role: String = Cluster.name) -> String {
        func quoted(_ text: String) -> String {
            let escaped = text.replacing("\\", with: "\\\\").replacing("'", with: "\\'")
            return "'\(escaped)'"
        }
        return "host=\(quoted(place.socketFolder)) port=5432 user=\(quoted(role)) dbname=\(quoted(database))"
    }

    let place: ClusterPlace
    private let account: ClusterAccount
    private let durability: ClusterDurability
    private let extraSettings: [String: String]
    private let held = Mutex<HeldLocks?>(nil)

    /// Decides where the cluster lies and makes the folders; starts nothing.
    /// - Parameter settings: further settings for the server, over this class's own.
    public init(
        folder: String, durability: ClusterDurability = .durable, settings: [String: String] = [:]
    ) throws(ClusterError) {
        account = try ClusterAccount.current()
        place = try ClusterPlace.prepare(folder: folder, account: account)
        self.durability = durability
        extraSettings = settings
    }

    /// Whether the server runs, whoever started it.
    public var isRunning: Bool { Postmaster(of: place)?.isReady ?? false }

    /// The number of the server's main process, while it runs.
    public var process: Int32? { Postmaster(of: place)?.process }

    /// Makes the cluster when there is none, starts the server or uses the one that runs, and waits until it is ready.
    public func start(as role: Role) async throws(ClusterError) {
        try await blocking { () throws(ClusterError) in try self.startBlocking(as: role) }
    }

    /// Lets go of the cluster, and stops the server when nobody else uses it.
    public func stop() async {
        _ = try? await blocking { () throws(ClusterError) in self.stopBlocking() }  // stopping throws nothing
    }

    /// `start`, on the caller's thread.
    public func startBlocking(as role: Role) throws(ClusterError) {
        let locks = try HeldLocks(folder: place.folder)
        if role == .owner, !locks.owner.tryExclusively() { throw .inUse(folder: place.folder) }
        locks.change.lockExclusively()
        defer { locks.change.unlock() }
        let isNew = try makeData()
        try startServer()
        if isNew || !FileManager.default.fileExists(atPath: place.home + "/ready") { try makeRole() }
        locks.users.lockShared()
        held.withLock { $0 = locks }
    }

    /// `stop`, on the caller's thread.
    public func stopBlocking() {
        guard let locks = held.withLock({ held in held.take() }) else { return }
        locks.change.lockExclusively()
        locks.users.unlock()
        if locks.users.tryExclusively() { Postmaster(of: place)?.stop() }
        locks.users.unlock()
        locks.owner.unlock()
        locks.change.unlock()
    }

    /// Gives the locks back and leaves the server running, as the kernel does for a killed process.
    func letGo() {
        held.withLock { $0 = nil }
    }

    /// Starts the server again if it died; for a service that outlives its server. Blocks. False when it was running.
    public func reviveBlocking() throws(ClusterError) -> Bool {
        if Postmaster(of: place) != nil { return false }
        let locks = try HeldLocks(folder: place.folder)
        locks.change.lockExclusively()
        defer { locks.change.unlock() }
        guard Postmaster(of: place) == nil else { return false }
        try startServer()
        return true
    }

    /// Makes a further database, owned by the service's role. Blocks.
    public func createDatabase(_ name: String, template: String? = nil) throws(ClusterError) {
        let session = try BlockingSession(connection(database: "postgres", role: "postgres"))
        let from = template.map { " TEMPLATE \"\($0)\"" } ?? ""
        try session.run("CREATE DATABASE \"\(name)\" OWNER \(Self.name)\(from)")
    }

    /// Removes a database and whoever is connected to it. Blocks.
    public func dropDatabase(_ name: String) throws(ClusterError) {
        let session = try BlockingSession(connection(database: "postgres", role: "postgres"))
        try session.run("DROP DATABASE IF EXISTS \"\(name)\" WITH (FORCE)")
    }

    // MARK: Making it

    /// True when the cluster was made just now.
    private func makeData() throws(ClusterError) -> Bool {
        guard Postmaster(of: place) == nil else { return false }
        guard access(place.data, F_OK) != 0 else { return false }
        let programs = ClusterPrograms.installed()
        guard let newest = programs.first else { throw .programsMissing }
        let unfinished = place.data + ".new"
        _ = account.command(["/bin/rm", "-rf", "--", unfinished]).run()
        var arguments = [
            newest.initdb, "-D", unfinished, "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8",
            "--data-checksums", "--auth-local=trust", "--auth-host=reject",
        ]
        if durability == .throwAway { arguments.append("--no-sync") }
        guard let outcome = account.command(arguments).run() else { throw .programsMissing }
        guard outcome.status == 0 else {
            _ = account.command(["/bin/rm", "-rf", "--", unfinished]).run()
            throw .commandFailed(program: "initdb", lastLine: Self.reason(in: outcome.output))
        }
        guard rename(unfinished, place.data) == 0 else {
            throw .folderNotUsable(path: place.data, reason: SystemFailure().text)
        }
        return true
    }

    private static func reason(in output: String) -> String {
        let lines = output.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
        let line =
            lines.last { $0.contains("error:") || $0.contains("FATAL:") || $0.contains("PANIC:") } ?? lines.last ?? ""
        // Without the time and the process in front.
        let marks = ["PANIC:", "FATAL:"].compactMap { line.range(of: $0) }
        return marks.first.map { String(line[$0.lowerBound...]) } ?? line
    }

    /// The service's role and database. Done again until it once was done whole.
    private func makeRole() throws(ClusterError) {
        let session = try BlockingSession(connection(database: "postgres", role: "postgres"))
        if try session.isEmpty("SELECT 1 FROM pg_roles WHERE rolname = '\(Self.name)'") {
            let rights = durability == .throwAway ? "LOGIN CREATEDB REPLICATION" : "LOGIN"
            try session.run("CREATE ROLE \(Self.name) \(rights)")
        }
        if try session.isEmpty("SELECT 1 FROM pg_database WHERE datname = '\(Self.name)'") {
            try session.run("CREATE DATABASE \(Self.name) OWNER \(Self.name)")
        }
        guard account.command(["/usr/bin/touch", place.home + "/ready"]).run()?.status == 0 else {
            throw .folderNotUsable(path: place.home, reason: "it takes no files")
        }
    }

    // MARK: Starting it

    private func startServer() throws(ClusterError) {
        let began = ContinuousClock.now
        if Postmaster(of: place) != nil {
            try waitUntilReady(started: nil)
            return
        }
        let programs = try programsForData()
        while true {
            // Stale, since no live server has them; their number may belong to another process by now.
            _ = account.command(["/bin/rm", "-f", "--", place.postmasterFile, place.socketLock]).run()
            do {
                return try launch(programs)
            } catch .damaged(_, let line) where line.contains("shared memory block") || line.contains("lock file") {
                // A killed server, or its last children, are still going.
                guard ContinuousClock.now - began < .seconds(15) else {
                    throw .damaged(path: place.home, lastLine: line)
                }
                usleep(100_000)
            }
        }
    }

    private func programsForData() throws(ClusterError) -> ClusterPrograms {
        let installed = ClusterPrograms.installed()
        guard !installed.isEmpty else { throw .programsMissing }
        let reply = account.command(["/bin/cat", place.data + "/PG_VERSION"]).run()
        guard let reply, reply.status == 0, !reply.lastLine.isEmpty, reply.lastLine.allSatisfy(\.isNumber) else {
            throw .damaged(path: place.home, lastLine: "PG_VERSION is missing or unreadable")
        }
        guard let matching = installed.first(where: { $0.major == reply.lastLine }) else {
            throw .versionMismatch(
                path: place.home, cluster: reply.lastLine, installed: installed.map(\.major))
        }
        return matching
    }

    private func launch(_ programs: ClusterPrograms) throws(ClusterError) {
        let log = try openLog()
        defer { close(log.descriptor) }
        var arguments = [programs.postgres, "-D", place.data]
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) { arguments += ["-c", "\(name)=\(value)"] }
        guard let child = account.command(arguments).spawn(output: log.descriptor, ownSession: true) else {
            throw .commandFailed(program: "postgres", lastLine: SystemFailure().text)
        }
        try waitUntilReady(started: (child, log.length))
    }

    private var settings: [String: String] {
        var settings = [
            "listen_addresses": "", "port": "5432", "unix_socket_directories": "\"\(place.socketFolder)\"",
            "unix_socket_permissions": "0700", "max_connections": "200", "shared_buffers": "128MB",
            "log_checkpoints": "off", "log_timezone": "UTC", "timezone": "UTC", "lc_messages": "C",
            "log_line_prefix": "%m [%p] ", "logging_collector": "off", "log_destination": "stderr",
            "cluster_name": "hallpass",
        ]
        if durability == .throwAway {
            settings.merge([
                "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off",
                "shared_buffers": "64MB", "max_connections": "400", "log_min_messages": "fatal",
            ]) { $1 }
        }
        return settings.merging(extraSettings) { $1 }
    }

    /// The server's log, opened to append; one that has grown beyond 8 MiB is put aside first.
    private func openLog() throws(ClusterError) -> (descriptor: Int32, length: Int) {
        var facts = stat()
        if stat(place.log, &facts) == 0, facts.st_size > 8 << 20 { rename(place.log, place.log + ".old") }
        let descriptor = open(place.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .folderNotUsable(path: place.log, reason: SystemFailure().text) }
        fstat(descriptor, &facts)
        if account.isOther { fchown(descriptor, account.userID, account.groupID) }
        return (descriptor, Int(facts.st_size))
    }

    private func waitUntilReady(started: (child: pid_t, logLength: Int)?) throws(ClusterError) {
        // Recovery after a crash may replay much; each second of it is a second of work that was not lost.
        let limit = 120
        let began = ContinuousClock.now
        while ContinuousClock.now - began < .seconds(limit) {
            if let started, Postmaster.isGone(started.child) {
                throw .damaged(path: place.home, lastLine: lastLogLine(after: started.logLength))
            }
            let postmaster = Postmaster(of: place)
            if let postmaster, postmaster.isReady { return }
            if started == nil, postmaster == nil {
                throw .damaged(path: place.home, lastLine: lastLogLine(after: 0))
            }
            usleep(5_000)
        }
        throw .notReady(path: place.home, seconds: limit)
    }

    private func lastLogLine(after length: Int) -> String {
        guard let contents = FileManager.default.contents(atPath: place.log) else { return "no log" }
        return Self.reason(in: String(decoding: contents.dropFirst(length), as: UTF8.self))
    }
}

/// The lock files one process holds open.
private struct HeldLocks: Sendable {
    let owner: LockFile
    let users: LockFile
    let change: LockFile

    init(folder: String) throws(ClusterError) {
        owner = try LockFile(folder + "/owner.lock")
        users = try LockFile(folder + "/users.lock")
        change = try LockFile(folder + "/change.lock")
    }
}

/// Runs blocking work on a thread of its own.
func blocking<Result: Sendable, Failure: Error>(
    _ work: @escaping @Sendable () throws(Failure) -> Result
) async throws(Failure) -> Result {
    try await withCheckedContinuation { (continuation: CheckedContinuation<Swift.Result<Result, Failure>, Never>) in
        Thread.detachNewThread {
            do throws(Failure) {
                continuation.resume(returning: .success(try work()))
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
    }.get()
}
