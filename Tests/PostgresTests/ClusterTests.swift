import Foundation
import TestSupport
import Testing

@testable import Postgres

@Suite("The private cluster", .serialized, .timeLimit(.minutes(15)))
struct ClusterTests {
    func start(_ cluster: Cluster, as role: Cluster.Role = .owner) async throws {
        try await cluster.start(as: role)
    }

    func isWorking(_ cluster: Cluster) async throws -> Bool {
        try await TestCluster.onThread {
            let session = try BlockingSession(cluster.connection)
            return try !session.isEmpty("SELECT 1")
        }
    }

    @Test("made, stopped and started again it keeps what it stored; nobody outside reaches it")
    func lifeCycle() async throws {
        let folder = TestCluster.newFolder()
        let cluster = try Cluster(folder: folder, durability: .throwAway)
        try await start(cluster)
        #expect(try await isWorking(cluster))
        try await TestCluster.onThread {
            try BlockingSession(cluster.connection).run("CREATE TABLE kept AS SELECT 7 AS n")
        }
        var facts = stat()
        #expect(stat(cluster.socketFolder, &facts) == 0 && facts.st_mode & 0o777 == 0o700)
        #expect(stat(cluster.home + "/data", &facts) == 0 && facts.st_mode & 0o777 == 0o700)
        if geteuid() == 0 { #expect(facts.st_uid == getpwnam("postgres")?.pointee.pw_uid) }
        await cluster.stop()
        #expect(!cluster.isRunning)

        let again = try Cluster(folder: folder, durability: .throwAway)
        try await start(again)
        let isEmpty = try await TestCluster.onThread {
            let session = try BlockingSession(again.connection)
            return try session.isEmpty("SELECT * FROM kept WHERE current_setting('data_checksums') = 'on'")
        }
        #expect(!isEmpty)
        await again.stop()
    }

    @Test(
        "a second owner is refused while the first one lives, a visitor is not, and the last one out stops the server")
    func owners() async throws {
        let folder = TestCluster.newFolder()
        let first = try Cluster(folder: folder, durability: .throwAway)
        try await start(first)
        let second = try Cluster(folder: folder, durability: .throwAway)
        await #expect(throws: ClusterError.inUse(folder: first.folder)) { try await start(second) }
        try await start(second, as: .visitor)
        await first.stop()
        #expect(try await isWorking(second))
        let third = try Cluster(folder: folder, durability: .throwAway)
        try await start(third)
        await second.stop()
        #expect(try await isWorking(third))
        await third.stop()
        #expect(!third.isRunning)
    }

    @Test("what a killed owner left running is used as it is; a dead server's leftovers are coped with")
    func takenOver() async throws {
        let folder = TestCluster.newFolder()
        let killed = try Cluster(folder: folder, durability: .throwAway)
        try await start(killed)
        let process = try #require(killed.process)
        // As the kernel does with a killed process's locks; the server goes on.
        killed.letGo()
        let next = try Cluster(folder: folder, durability: .throwAway)
        try await start(next)
        #expect(next.process == process)

        kill(process, SIGKILL)
        while next.isRunning { try await Task.sleep(for: .milliseconds(1)) }
        next.letGo()
        let third = try Cluster(folder: folder, durability: .throwAway)
        try await start(third)
        #expect(try await isWorking(third))
        let postmaster = try #require(third.process)
        await third.stop()

        // A stale file whose number now belongs to someone else: this very process.
        let stale = try String(contentsOfFile: "/proc/self/stat", encoding: .utf8).prefix { $0 != " " }
        try "\(stale)\n\(third.home)/data\n".write(
            toFile: third.home + "/data/postmaster.pid", atomically: false, encoding: .utf8)
        #expect(postmaster != getpid())
        let fourth = try Cluster(folder: folder, durability: .throwAway)
        try await start(fourth)
        #expect(try await isWorking(fourth))
        await fourth.stop()
    }

    @Test("an initdb that was killed leaves nothing in the way")
    func unfinished() async throws {
        let folder = TestCluster.newFolder()
        let cluster = try Cluster(folder: folder, durability: .throwAway)
        try FileManager.default.createDirectory(
            atPath: cluster.home + "/data.new/base", withIntermediateDirectories: true)
        try "15\n".write(toFile: cluster.home + "/data.new/PG_VERSION", atomically: false, encoding: .utf8)
        if geteuid() == 0 {
            let entry = try #require(getpwnam("postgres"))
            for path in ["", "/base", "/PG_VERSION"] {
                chown(cluster.home + "/data.new" + path, entry.pointee.pw_uid, entry.pointee.pw_gid)
            }
        }
        try await start(cluster)
        #expect(try await isWorking(cluster))
        await cluster.stop()
    }

    @Test("a path too long for a socket gets one in the run-time folder, and says so")
    func longPath() async throws {
        let folder = TestCluster.newFolder() + "/" + String(repeating: "long-", count: 20) + "'quoted name"
        let cluster = try Cluster(folder: folder, durability: .throwAway)
        #expect(cluster.socketFolder.utf8.count < 90)
        #expect(cluster.remarks.count == 1)
        TestCluster.removeAtExit(cluster.socketFolder)
        try await start(cluster)
        #expect(try await isWorking(cluster))
        await cluster.stop()
    }

    @Test(
        "as root in a folder the server's account cannot reach, it lies in the system's state folder, and says so",
        .enabled(if: geteuid() == 0))
    func unreachable() async throws {
        let closed = TestCluster.newFolder()
        mkdir(closed, 0o700)
        let folder = closed + "/data"
        let cluster = try Cluster(folder: folder, durability: .throwAway)
        TestCluster.removeAtExit(cluster.home)
        #expect(cluster.home.hasPrefix("/var/lib/hallpass/"))
        #expect(cluster.remarks.contains { $0.contains(cluster.home) })
        try await start(cluster)
        #expect(try await isWorking(cluster))
        await cluster.stop()
        // The next one finds it there.
        #expect(try Cluster(folder: folder).home == cluster.home)
        try FileManager.default.removeItem(atPath: cluster.home)
    }

    @Test("a damaged cluster is named, with the server's last words; one of another version too")
    func damaged() async throws {
        let folder = TestCluster.newFolder()
        let cluster = try Cluster(folder: folder, durability: .throwAway)
        try await start(cluster)
        await cluster.stop()
        let control = cluster.home + "/data/global/pg_control"
        let sound = try Data(contentsOf: URL(fileURLWithPath: control))
        let file = try #require(FileHandle(forWritingAtPath: control))
        file.write(Data(repeating: 0xAA, count: 300))
        try file.close()
        await #expect {
            try await start(cluster)
        } throws: { error in
            guard case .damaged(let path, let line) = error as? ClusterError else { return false }
            return path == cluster.home && line == "FATAL:  database files are incompatible with server"
        }
        let repaired = try #require(FileHandle(forWritingAtPath: control))
        repaired.write(sound)
        try repaired.close()

        let version = try #require(FileHandle(forWritingAtPath: cluster.home + "/data/PG_VERSION"))
        version.write(Data("12\n".utf8))
        try version.close()
        await #expect {
            try await start(cluster)
        } throws: { error in
            guard case .versionMismatch(_, "12", let installed) = error as? ClusterError else { return false }
            return !installed.isEmpty
        }
        unlink(cluster.home + "/data/PG_VERSION")
        await #expect(throws: ClusterError.self) { try await start(cluster) }
    }

    @Test("a folder that cannot be used is named")
    func notUsable() {
        #expect {
            _ = try Cluster(folder: "/proc/hallpass")
        } throws: { error in
            guard case .folderNotUsable(let path, _) = error as? ClusterError else { return false }
            return path == "/proc/hallpass"
        }
    }

    @Test("the server is given nothing of the service's environment but what it needs")
    func environment() async throws {
        setenv("CLUSTER_TEST_SECRET", "geheim", 1)
        defer { unsetenv("CLUSTER_TEST_SECRET") }
        let cluster = try Cluster(folder: TestCluster.newFolder(), durability: .throwAway)
        try await start(cluster)
        let postmaster = try String(contentsOfFile: cluster.home + "/data/postmaster.pid", encoding: .utf8)
        let process = try #require(postmaster.split(separator: "\n").first)
        let environment = try Data(contentsOf: URL(filePath: "/proc/\(process)/environ"))
        #expect(!environment.isEmpty)
        #expect(environment.range(of: Data("geheim".utf8)) == nil)
        await cluster.stop()
    }

    @Test("the server is in a session of its own, so a Ctrl-C meant for the service does not reach it")
    func ownSession() async throws {
        let cluster = try await TestCluster.get()
        let process = try #require(cluster.process)
        #expect(getsid(process) != getsid(0))
        #expect(getpgid(process) != getpgrp())
    }

    @Test(
        "every error is one line",
        arguments: [
            ClusterError.programsMissing, .accountMissing("postgres"), .folderNotUsable(path: "/x", reason: "no"),
            .inUse(folder: "/x"), .versionMismatch(path: "/x", cluster: "14", installed: ["15"]),
            .damaged(path: "/x", lastLine: "PANIC"), .commandFailed(program: "initdb", lastLine: "no"),
            .notReady(path: "/x", seconds: 1),
        ])
    func oneLine(error: ClusterError) {
        #expect(!error.description.contains("\n"))
        #expect(error.description.count > 15)
    }
}
