import CLinux
import Foundation

/// Keeps what this process knows out of files and other processes.
enum Secrecy {
    /// No core dump, and no reading of this process's memory by others of the same user: both would hold tokens, the
    /// database's password and personal data.
    static func forbidCoreDumps() {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        linux_forbid_dumps()
    }
}
