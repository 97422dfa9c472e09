import Foundation
import TestSupport

/// A PostgreSQL primary and its synchronous standby on loopback, to be failed over once.
struct StandbyPair: Sendable {
    /// For `DATABASE_URL`: both hosts, whichever takes writes.
    var url: String {
        "postgresql://postgres@127.0.0.1:\(primaryPort),127.0.0.1:\(standbyPort)/postgres?target_session_attrs=read-write"
    }

    private let folder: String
    private let primaryPort: Int
    private let standbyPort: Int

    static func start() async throws -> StandbyPair {
        let pair = StandbyPair(
            folder: TestCluster.newFolder(), primaryPort: try FreePort.find(), standbyPort: try FreePort.find())
        try await pair.make()
        return pair
    }

    /// Kills every process of the primary as a power cut would.
    func killPrimary() throws {
        kill(-(try process("primary")), SIGKILL)
    }

    /// The standby becomes the primary.
    func promote() async throws {
        try await shell(asServer("pg_ctl -D \(folder)/standby promote -w -t 20"))
    }

    func stop() throws {
        kill(try process("standby"), SIGQUIT)
    }

    private func process(_ name: String) throws -> Int32 {
        let file = try String(contentsOfFile: "\(folder)/\(name)/postmaster.pid", encoding: .utf8)
        guard let number = file.split(separator: "\n").first.flatMap({ Int32($0) }) else {
            throw ServiceProcess.Failure(description: "the \(name) does not run")
        }
        return number
    }

    /// What a query says at the server that was the standby.
    func askStandby(_ sql: String) async throws -> String { try await ask(sql, port: standbyPort) }

    private func make() async throws {
        try await shell(
            "install -d -m 0711 \(folder) && (id postgres >/dev/null 2>&1 && chown postgres \(folder) || true)")
        try await shell(
            asServer("initdb -D \(folder)/primary -U postgres --auth=trust --no-sync -E UTF8 --locale=C.UTF-8"))
        try await startServer("primary", port: primaryPort)
        try await shell(
            asServer(
                "pg_basebackup -D \(folder)/standby -R -X stream -c fast --no-sync "
                    + "-d 'host=127.0.0.1 port=\(primaryPort) user=postgres application_name=standby'"))
        try await startServer("standby", port: standbyPort)
        _ = try await ask("ALTER SYSTEM SET synchronous_standby_names = 'standby'", port: primaryPort)
        _ = try await ask("SELECT pg_reload_conf()", port: primaryPort)
        let end = ContinuousClock.now + .seconds(90)
        while try await ask("SELECT sync_state FROM pg_stat_replication", port: primaryPort) != "sync" {
            guard .now < end else { throw ServiceProcess.Failure(description: "the standby never became synchronous") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// In a process group of its own, whose number is the server's.
    private func startServer(_ name: String, port: Int) async throws {
        // What is not forced to disk survives the death of a process all the same.
        let options =
            "-c listen_addresses=127.0.0.1 -c port=\(port) -c unix_socket_directories= -c fsync=off -c shared_buffers=32MB"
        // Python closes what else is open; a server that kept it would look like a command that never ends.
        let detach =
            "import subprocess, sys; subprocess.Popen(sys.argv[2:], start_new_session=True, stdin=subprocess.DEVNULL, "
            + "stdout=open(sys.argv[1], 'ab'), stderr=subprocess.STDOUT)"
        try await shell(
            asServer("python3 -c \"\(detach)\" \(folder)/\(name).log postgres -D \(folder)/\(name) \(options)"))
        let end = ContinuousClock.now + .seconds(90)
        while true {
            do {
                if try await ask("SELECT 1", port: port) == "1" { return }
            } catch let failure as ServiceProcess.Failure {
                guard .now < end else { throw failure }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func ask(_ sql: String, port: Int) async throws -> String {
        try await shell("psql -XqAt -h 127.0.0.1 -p \(port) -U postgres -d postgres -c \"\(sql)\"")
    }

    /// PostgreSQL does not run as root.
    private func asServer(_ command: String) -> String {
        let path = "PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1):$PATH; cd /; \(command)"
        return geteuid() == 0
            ? "setpriv --reuid=postgres --regid=postgres --clear-groups sh -c '\(path.replacing("'", with: "'\\''"))'"
            : path
    }

    @discardableResult
    private func shell(_ command: String) async throws -> String {
        let ended = try await ServiceProcess.run(program: "/bin/sh", ["-c", command], ["LC_ALL": "C"])
        guard ended.status == 0 else {
            throw ServiceProcess.Failure(description: "\(command): \(ended.output)\(ended.errors)")
        }
        return ended.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// A port that nobody listens on just now.
enum FreePort {
    static func find() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isFound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isFound else { throw ServiceProcess.Failure(description: "no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
