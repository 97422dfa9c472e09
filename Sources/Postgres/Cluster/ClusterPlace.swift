internal import Foundation

// Where a cluster lies. Asked for is a folder (HALLPASS_DATA); inside it `postgres/` holds `data`, `run` (the socket, mode
// 0700, owned by the server's account) and `postgres.log`. Two things can forbid that: the server's account cannot reach
// the folder (a clone under /root), then the cluster lies in /var/lib/hallpass/<hash of the folder>; or the socket's path
// would be longer than the 107 bytes a sockaddr_un holds, then only the socket moves, to a run-time folder.
// The lock files always lie in the folder asked for: that is what two processes would have in common.

struct ClusterPlace: Sendable {
    /// The folder asked for, absolute.
    let folder: String
    /// The folder of the cluster: `data`, `postgres.log`.
    let home: String
    /// The folder of the socket.
    let socketFolder: String
    /// What a person should be told, a line each.
    let remarks: [String]

    var data: String { home + "/data" }
    var log: String { home + "/postgres.log" }
    var postmasterFile: String { data + "/postmaster.pid" }
    var socketLock: String { socketFolder + Self.socketName + ".lock" }

    /// The longest path a Unix socket can have on Linux.
    private static let longestSocketPath = 107
    private static let socketName = "/.s.PGSQL.5432"

    /// Makes the folders that are missing.
    static func prepare(folder given: String, account: ClusterAccount) throws(ClusterError) -> ClusterPlace {
        try makeFolder(given, mode: account.isOther ? 0o711 : 0o700)
        guard let resolved = realpath(given, nil) else {
            throw .folderNotUsable(path: given, reason: SystemFailure().text)
        }
        defer { free(resolved) }
        let folder = String(cString: resolved)
        guard access(folder, W_OK | X_OK) == 0 else {
            throw .folderNotUsable(path: folder, reason: SystemFailure().text)
        }
        var remarks: [String] = []
        var home = folder + "/postgres"
        let elsewhere = "/var/lib/hallpass/" + hash(folder)
        if account.isOther {
            let canBeHere = access(elsewhere + "/data", F_OK) != 0 && makeOwned(home, by: account)
            if !canBeHere {
                home = elsewhere
                try makeFolder("/var/lib/hallpass", mode: 0o711)
                guard makeOwned(home, by: account) else {
                    throw .folderNotUsable(path: home, reason: "the account postgres cannot reach it")
                }
                remarks.append("The account postgres cannot reach \(folder), so the database lies in \(home).")
            }
        } else {
            try makeFolder(home, mode: 0o700)
        }
        var socketFolder = home + "/run"
        if socketFolder.utf8.count + socketName.utf8.count > longestSocketPath {
            socketFolder = runtimeFolder(folder)
            remarks.append(
                "The path of \(home) is too long for a socket, so the database's socket lies in \(socketFolder).")
        }
        if account.isOther {
            guard makeOwned(socketFolder, by: account) else {
                throw .folderNotUsable(path: socketFolder, reason: "the account postgres cannot reach it")
            }
        } else {
            try makeFolder(socketFolder, mode: 0o700)
            var facts = stat()
            guard lstat(socketFolder, &facts) == 0, facts.st_uid == account.userID, facts.st_mode & 0o077 == 0 else {
                throw .folderNotUsable(path: socketFolder, reason: "it is not this account's own")
            }
        }
        return ClusterPlace(folder: folder, home: home, socketFolder: socketFolder, remarks: remarks)
    }

    private static func runtimeFolder(_ folder: String) -> String {
        if geteuid() == 0 { return "/run/hallpass-" + hash(folder) }
        if let run = ProcessInfo.processInfo.environment["XDG_RUNTIME_DIR"], run.hasPrefix("/"), run.utf8.count < 60,
            access(run, W_OK | X_OK) == 0
        {
            return "\(run)/hallpass-\(hash(folder))"
        }
        return "/tmp/hallpass-\(geteuid())-\(hash(folder))"
    }

    /// Makes a folder and the ones above it; one that is there already stays as it is.
    private static func makeFolder(_ path: String, mode: mode_t) throws(ClusterError) {
        if mkdir(path, mode) == 0 || errno == EEXIST { return }
        let failure = SystemFailure()
        let parent = (path as NSString).deletingLastPathComponent
        guard failure.code == ENOENT, !parent.isEmpty, parent != path else {
            throw .folderNotUsable(path: path, reason: failure.text)
        }
        try makeFolder(parent, mode: mode == 0o711 ? 0o755 : mode)
        guard mkdir(path, mode) == 0 || errno == EEXIST else {
            throw .folderNotUsable(path: path, reason: SystemFailure().text)
        }
    }

    /// Makes a folder of the server's account; false when that account cannot get there.
    private static func makeOwned(_ path: String, by account: ClusterAccount) -> Bool {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { return false }
        var facts = stat()
        guard lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR else { return false }
        if facts.st_uid != account.userID {
            guard facts.st_uid == geteuid(), lchown(path, account.userID, account.groupID) == 0 else { return false }
        }
        guard chmod(path, 0o700) == 0 else { return false }
        if account.canUse(path) { return true }
        // Left empty, it would look like a cluster that is not there.
        rmdir(path)
        return false
    }

    /// FNV-1a, 64 bits: a short name for a path, no secret.
    static func hash(_ text: String) -> String {
        var value: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text.utf8 {
            value ^= UInt64(byte)
            value = value &* 0x100_0000_01b3
        }
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
