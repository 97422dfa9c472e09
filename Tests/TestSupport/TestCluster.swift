import Foundation
public import Postgres

/// One throw-away PostgreSQL a test process, started when it is first asked for. It stops with the process: at its exit,
/// and when the process is killed by a watchdog that waits for its number to vanish.
public enum TestCluster {
    /// Started, or why not.
    public static let shared: Result<Cluster, ClusterError> = start(
        settings: ["deadlock_timeout": "100ms", "max_connections": "500"])

    /// The shared one, started on a thread of its own so that no task is held up.
    public static func get() async throws -> Cluster {
        try await onThread { try shared.get() }
    }

    /// Runs blocking work on a thread of its own.
    public static func onThread<Result: Sendable>(_ work: @escaping @Sendable () throws -> Result) async throws
        -> Result
    {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Swift.Result { try work() }) }
        }
    }

    /// A further cluster, for tests that kill it.
    public static func start(settings: [String: String]) -> Result<Cluster, ClusterError> {
        Result { () throws(ClusterError) in
            let cluster = try Cluster(folder: newFolder(), durability: .throwAway, settings: settings)
            try cluster.startBlocking(as: .owner)
            guardOver(cluster)
            return cluster
        }
    }

    /// An empty folder's name below /tmp; what is there at the end of the process is removed.
    public static func newFolder() -> String {
        let path = "/tmp/hallpass-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        removeAtExit(path)
        return path
    }

    /// Removes a folder when this process ends, however it ends, after stopping the server whose data lies in it.
    public static func removeAtExit(_ path: String) {
        spawnWatchdog(
            """
            while kill -0 \(getpid()) 2>/dev/null; do sleep 0.3; done
            [ -d '\(path)' ] || exit 0
            find '\(path)' -maxdepth 5 -name postmaster.pid 2>/dev/null | while read -r file; do
                kill -QUIT "$(head -1 "$file")" 2>/dev/null
            done
            sleep 0.5
            rm -rf '\(path)'
            """)
    }

    /// Kills a child of this process when this process ends, however it ends.
    public static func killAtExit(_ process: Int32) {
        spawnWatchdog(
            """
            while kill -0 \(getpid()) 2>/dev/null; do kill -0 \(process) 2>/dev/null || exit 0; sleep 0.3; done
            kill -KILL \(process) 2>/dev/null
            """)
    }

    private static func guardOver(_ cluster: Cluster) {
        ends.withLock { $0.append(cluster) }
        _ = registered
    }

    private static let ends = Locked<[Cluster]>([])
    private static let registered: Void = {
        atexit {
            for cluster in TestCluster.ends.withLock({ $0 }) {
                guard let process = cluster.process else { continue }
                kill(process, SIGQUIT)
            }
        }
    }()

    private static func spawnWatchdog(_ script: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/setsid")
        process.arguments = ["/bin/sh", "-c", script]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        do {
            try process.run()
        } catch {
            print("no watchdog: \(error)")
        }
    }
}

/// A value behind a lock.
public final class Locked<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    public init(_ value: Value) {
        self.value = value
    }

    public func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
