internal import Foundation

/// Who runs the server: this process's own account, or `postgres` when it is root (the server refuses to be root).
struct ClusterAccount {
    static let serverName = "postgres"

    let userID: uid_t
    let groupID: gid_t
    /// What goes in front of a program's arguments to run it as this account; empty for one's own.
    let prefix: [String]

    /// The account for this process.
    static func current() throws(ClusterError) -> ClusterAccount {
        guard geteuid() == 0 else { return ClusterAccount(userID: geteuid(), groupID: getegid(), prefix: []) }
        guard let entry = getpwnam(serverName) else { throw .accountMissing(serverName) }
        let prefix: [String]
        if let setpriv = find("setpriv") {
            prefix = [setpriv, "--reuid=\(serverName)", "--regid=\(serverName)", "--init-groups", "--"]
        } else if let runuser = find("runuser") {
            prefix = [runuser, "-u", serverName, "--"]
        } else {
            throw .commandFailed(program: "setpriv", lastLine: "it is not installed (Debian's util-linux)")
        }
        return ClusterAccount(userID: entry.pointee.pw_uid, groupID: entry.pointee.pw_gid, prefix: prefix)
    }

    var isOther: Bool { !prefix.isEmpty }

    func command(_ arguments: [String]) -> Command {
        Command(prefix + arguments)
    }

    /// Whether this account can enter a folder and write in it.
    func canUse(_ folder: String) -> Bool {
        let test = command(["/bin/sh", "-c", "cd -- \"$0\" && [ -w . ] && [ -x . ]", folder])
        return test.run()?.status == 0
    }

    private static func find(_ program: String) -> String? {
        ["/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"].map { $0 + program }.first { access($0, X_OK) == 0 }
    }
}
