/// Why a private cluster cannot be used. Each description is one line that says what to do.
public enum ClusterError: Error, Hashable, Sendable, CustomStringConvertible {
    case programsMissing
    /// Running as root, and there is no account to give the server to.
    case accountMissing(String)
    case folderNotUsable(path: String, reason: String)
    /// Another process that is still alive owns the cluster.
    case inUse(folder: String)
    /// What the folder holds was made by a version whose programs are not installed.
    case versionMismatch(path: String, cluster: String, installed: [String])
    /// The server would not start; the last line it logged.
    case damaged(path: String, lastLine: String)
    case commandFailed(program: String, lastLine: String)
    case notReady(path: String, seconds: Int)

    public var description: String {
        switch self {
        case .programsMissing:
            "PostgreSQL's server programs are not installed: run .ci/setup (or apt-get install postgresql), "
                + "or set DATABASE_URL to use another server"
        case .accountMissing(let account):
            "running as root needs an account “\(account)” to run PostgreSQL as: install Debian's postgresql package, "
                + "or run as an ordinary user"
        case .folderNotUsable(let path, let reason):
            "cannot use the folder \(path): \(reason); make it writable, or set HALLPASS_DATA to another folder"
        case .inUse(let folder):
            "another hallpass that is still running uses \(folder): stop it, or set HALLPASS_DATA to another folder"
        case .versionMismatch(let path, let cluster, let installed):
            "the cluster in \(path) was made by PostgreSQL \(cluster), installed is \(installed.joined(separator: ", ")): "
                + "install postgresql-\(cluster), or move the folder away"
        case .damaged(let path, let lastLine):
            "the PostgreSQL cluster in \(path) does not start (\(lastLine)): restore it from a backup, or move it away"
        case .commandFailed(let program, let lastLine): "\(program) failed: \(lastLine)"
        case .notReady(let path, let seconds):
            "PostgreSQL in \(path) was not ready after \(seconds) s: see postgres.log there"
        }
    }
}
