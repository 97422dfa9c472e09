internal import Foundation

/// An advisory lock on a file (`flock`): the kernel gives it back when the process ends, however it ends.
final class LockFile: Sendable {
    private let descriptor: Int32

    /// Opens the file, making it when it is missing.
    init(_ path: String) throws(ClusterError) {
        // Not inherited: a server started with the descriptor open would hold the lock for as long as it runs.
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .folderNotUsable(path: path, reason: SystemFailure().text) }
    }

    deinit {
        close(descriptor)
    }

    func lockShared() {
        while flock(descriptor, LOCK_SH) != 0, errno == EINTR {}
    }

    func lockExclusively() {
        while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
    }

    /// False when someone else holds it.
    func tryExclusively() -> Bool {
        flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }

    func unlock() {
        flock(descriptor, LOCK_UN)
    }
}

/// A failed system call, by what the system says about it.
struct SystemFailure: Error {
    let code: Int32

    init(_ code: Int32 = errno) {
        self.code = code
    }

    var text: String { String(cString: strerror(code)) }
}
