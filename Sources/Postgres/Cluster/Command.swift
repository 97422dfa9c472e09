internal import CLibpq
internal import Foundation

/// Another program, started by its path with its arguments; no shell in between.
struct Command {
    struct Outcome {
        let status: Int32
        let output: String

        /// The last line that says something.
        var lastLine: String {
            output.split(whereSeparator: \.isNewline).last.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
        }
    }

    /// Variables that are passed on.
    private static let inherited: Set<String> = ["PATH", "HOME", "TZ", "TZDIR", "TMPDIR", "LD_LIBRARY_PATH"]

    let arguments: [String]

    init(_ arguments: [String]) {
        self.arguments = arguments
    }

    /// Runs it to its end and collects what it printed on both streams. Blocks the thread. Nil: it could not be started.
    func run() -> Outcome? {
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { return nil }
        guard let process = spawn(output: ends[1], ownSession: false) else {
            close(ends[0])
            close(ends[1])
            return nil
        }
        close(ends[1])
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(ends[0], &buffer, buffer.count)
            if count > 0 {
                output.append(contentsOf: buffer[0..<count])
            } else if count == 0 || errno != EINTR {
                break
            }
        }
        close(ends[0])
        return Outcome(status: Self.wait(process), output: String(decoding: output, as: UTF8.self))
    }

    /// Starts it and leaves it running, its output going to a descriptor. With `ownSession` it is out of reach of a
    /// Ctrl-C meant for this process. Nil: it could not be started.
    func spawn(output: Int32, ownSession: Bool) -> pid_t? {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        posix_spawn_file_actions_addchdir_np(&actions, "/")
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A service may have blocked or ignored signals; what it starts must not inherit that.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigdefault(&attributes, &all)
        let newSession: Int32 = 0x80
        let flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | (ownSession ? newSession : 0)
        posix_spawnattr_setflags(&attributes, Int16(truncatingIfNeeded: flags))

        // Not the rest: a service's secrets may be in its environment, and systemd's sockets are not meant for PostgreSQL.
        var environment = ProcessInfo.processInfo.environment.filter { Self.inherited.contains($0.key) }
        environment["LC_ALL"] = "C"
        var argumentPointers = arguments.map { strdup($0) } + [nil]
        var environmentPointers = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for pointer in argumentPointers + environmentPointers { free(pointer) }
        }
        var process: pid_t = 0
        let status = posix_spawn(
            &process, arguments[0], &actions, &attributes, &argumentPointers, &environmentPointers)
        return status == 0 ? process : nil
    }

    private static func wait(_ process: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
    }
}
