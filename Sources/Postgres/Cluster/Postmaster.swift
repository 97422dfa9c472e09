internal import Foundation

// The server's main process, found by the file it keeps in its data folder: its number on line 1, "ready" on line 8 once
// it takes connections. The file alone proves nothing: after a kill the number may have gone to another process. A
// postmaster's working directory is its data folder, so that is what is checked.

struct Postmaster: Sendable {
    let process: pid_t
    let isReady: Bool

    /// The live server of a data folder, if there is one.
    init?(of place: ClusterPlace) {
        guard let contents = FileManager.default.contents(atPath: place.postmasterFile) else { return nil }
        let lines = String(decoding: contents, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        guard let first = lines.first, let process = pid_t(first.trimmingCharacters(in: .whitespaces)), process > 1,
            Self.isAlive(process, in: place.data)
        else { return nil }
        self.process = process
        isReady = lines.count > 7 && lines[7].hasPrefix("ready")
    }

    var isAlive: Bool { kill(process, 0) == 0 || errno == EPERM }

    /// Stops the server and waits until it is gone: connections are ended, changes are on disk. Blocks the thread.
    func stop() {
        kill(process, SIGINT)
        let began = ContinuousClock.now
        var isHurried = false
        while !Self.isGone(process) {
            let waited = ContinuousClock.now - began
            if waited > .seconds(30), !isHurried {
                kill(process, SIGQUIT)
                isHurried = true
            }
            if waited > .seconds(40) { return }
            usleep(10_000)
        }
    }

    /// Reaps it when it was this process's child.
    static func isGone(_ process: pid_t) -> Bool {
        if waitpid(process, nil, WNOHANG) == process { return true }
        return kill(process, 0) != 0 && errno == ESRCH
    }

    private static func isAlive(_ process: pid_t, in folder: String) -> Bool {
        guard !isGone(process) else { return false }
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/\(process)/cwd", &buffer, buffer.count - 1)
        // Another account's process: not this one's server.
        guard length > 0 else { return false }
        let directory = String(decoding: buffer[0..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let resolved = realpath(folder, nil) else { return false }
        defer { free(resolved) }
        return directory == String(cString: resolved)
    }
}
