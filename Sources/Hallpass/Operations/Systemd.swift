import Foundation
import ServiceLifecycle
import Sockets
import Synchronization

/// Sockets that systemd listens on for the service (sd_listen_fds(3)). They keep the address open while the service starts
/// anew, and no client is turned away meanwhile.
struct SystemdSockets: Sendable, Hashable {
    /// They take the place of `HALLPASS_LISTEN`.
    var main: [Int32] = []
    /// Those named `probes` (`FileDescriptorName=`), in the place of `HALLPASS_PROBE_LISTEN`, when that is set.
    var probes: [Int32] = []

    /// Descriptors from `first` on, as many as `LISTEN_FDS` says, when `LISTEN_PID` names this process. None is handed on to
    /// children.
    static func take(
        _ environment: [String: String] = ProcessInfo.processInfo.environment, process: Int32 = getpid(),
        hasProbeListener: Bool, first: Int32 = 3
    ) -> SystemdSockets {
        var sockets = SystemdSockets()
        guard environment["LISTEN_PID"].flatMap({ Int32($0) }) == process,
            let count = environment["LISTEN_FDS"].flatMap({ Int32($0) }), (1...1024).contains(count)
        else { return sockets }
        let names = (environment["LISTEN_FDNAMES"] ?? "").split(separator: ":", omittingEmptySubsequences: false)
        for index in 0..<Int(count) {
            let descriptor = first + Int32(index)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            if hasProbeListener, index < names.count, names[index] == "probes" {
                sockets.probes.append(descriptor)
            } else {
                sockets.main.append(descriptor)
            }
        }
        return sockets
    }
}

/// Whether the journal reads what is written to a descriptor (systemd.exec(5), `JOURNAL_STREAM`).
enum SystemdJournal {
    static func reads(
        _ descriptor: Int32, _ environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> Bool {
        guard let stream = environment["JOURNAL_STREAM"] else { return false }
        var facts = stat()
        return fstat(descriptor, &facts) == 0 && stream == "\(facts.st_dev):\(facts.st_ino)"
    }
}

/// Tells systemd how the service is (sd_notify(3)); nothing without `NOTIFY_SOCKET`.
enum SystemdNotice {
    static func send(_ state: String, _ environment: [String: String] = ProcessInfo.processInfo.environment) {
        guard let path = environment["NOTIFY_SOCKET"], !path.isEmpty else { return }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // A leading @ stands for the abstract namespace: a NUL byte.
        var bytes = Array(path.utf8)
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let message = Array(state.utf8)
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                _ = sendto(descriptor, message, message.count, Int32(MSG_NOSIGNAL), pointer, length)
            }
        }
    }
}

/// Tells systemd's watchdog (`WatchdogSec=`) that the service lives, as long as every event loop takes its turns. A loop
/// that hangs silences it, and systemd starts the service anew. Nothing without `WATCHDOG_USEC`.
struct Watchdog: Service {
    private let loops: [EventLoop]
    private let interval: Duration

    /// Nil when nobody watches this process. A service that ended at once instead could do so while the group already
    /// stops, which the group takes for a failure.
    init?(loops: [EventLoop]) {
        guard let interval = Self.interval(ProcessInfo.processInfo.environment, process: getpid()) else { return nil }
        self.loops = loops
        self.interval = interval
    }

    func run() async throws {
        for await _ in AsyncTimer.ticks(every: interval).cancelOnGracefulShutdown() {
            await Self.passThrough(loops)
            SystemdNotice.send("WATCHDOG=1")
        }
    }

    /// Half of what systemd waits; nil when nobody watches this process.
    static func interval(_ environment: [String: String], process: Int32) -> Duration? {
        guard let microseconds = environment["WATCHDOG_USEC"].flatMap({ Int64($0) }), microseconds > 0,
            environment["WATCHDOG_PID"].map({ $0 == String(process) }) ?? true
        else { return nil }
        return .microseconds(microseconds / 2)
    }

    /// Returns once every loop has run something.
    static func passThrough(_ loops: [EventLoop]) async {
        for loop in loops {
            await withCheckedContinuation { continuation in loop.execute { continuation.resume() } }
        }
    }
}

/// Ticks from now on, until the reader is done.
enum AsyncTimer {
    static func ticks(every interval: Duration) -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let timer = Task {
            while !Task.isCancelled {
                continuation.yield()
                try await Task.sleep(for: interval)
            }
        }
        continuation.onTermination = { _ in timer.cancel() }
        return stream
    }
}
