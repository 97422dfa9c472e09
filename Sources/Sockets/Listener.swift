import CLinux
import Foundation

// A listener for each loop on the same address (SO_REUSEPORT), so the kernel spreads connections and no loop hands one to
// another. SO_REUSEPORT would also let a second process bind the address and take half of the connections: so the first
// bind is done without it, which fails when anybody else is there, and closed again before the shared ones are bound.

/// Listening sockets on one address.
public struct Listener: Sendable {
    /// Non-blocking listening descriptors, one for each loop that asked. The caller closes them.
    public let descriptors: [Int32]
    /// The address with the port that the system chose for port 0.
    public let address: SocketAddress

    /// - Parameters:
    ///   - count: sockets on the address; a Unix socket has one, shared by all loops.
    ///   - backlog: connections that the system keeps until they are accepted.
    /// - Throws: `addressInUse` when another process listens there.
    public init(_ address: SocketAddress, count: Int, backlog: Int32 = 4096) throws(SocketError) {
        if case .unix(let path) = address.content {
            self = try Self.unix(path, backlog: backlog)
            return
        }
        let probe = try Self.open(address, sharesPort: false)
        let bound = try Self.localAddress(of: probe.number)
        _ = consume probe
        var descriptors: [Int32] = []
        do throws(SocketError) {
            for _ in 0..<count {
                let socket = try Self.open(bound, sharesPort: true)
                guard listen(socket.number, backlog) == 0 else { throw .system(call: "listen", errno: errno) }
                descriptors.append(socket.release())
            }
        } catch {
            for descriptor in descriptors { close(descriptor) }
            throw error
        }
        self.descriptors = descriptors
        self.address = bound
    }

    /// Whether an address can be listened on just now: binds it and lets go, without listening.
    /// - Throws: `addressInUse` when another process listens there.
    public static func check(_ address: SocketAddress) throws(SocketError) {
        guard case .unix(let path) = address.content else {
            _ = try open(address, sharesPort: false)
            return
        }
        _ = try isStale(path, address)
        let folder = (path as NSString).deletingLastPathComponent
        guard access(folder.isEmpty ? "." : folder, W_OK | X_OK) == 0 else {
            throw .system(call: "bind \(address)", errno: errno)
        }
    }

    /// Listening sockets handed over by a supervisor (systemd's `LISTEN_FDS`).
    public init(inherited descriptor: Int32) throws(SocketError) {
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw .system(call: "fcntl", errno: errno)
        }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        descriptors = [descriptor]
        address = try Self.localAddress(of: descriptor)
        Self.tune(descriptor, family: address.family)
    }

    private init(descriptors: [Int32], address: SocketAddress) {
        self.descriptors = descriptors
        self.address = address
    }

    /// Whether there is a socket file that nobody listens on, which is what a killed process left, to be taken over.
    /// - Throws: `addressInUse` when somebody does, `badAddress` when it is another kind of file.
    private static func isStale(_ path: String, _ address: SocketAddress) throws(SocketError) -> Bool {
        var status = stat()
        guard lstat(path, &status) == 0 else { return false }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .badAddress("\(address): a file that is no socket") }
        let probe = Descriptor(socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        guard probe.number >= 0 else { throw .system(call: "socket", errno: errno) }
        if address.withSockaddr({ connect(probe.number, $0, $1) }) == 0 || errno != ECONNREFUSED {
            throw .addressInUse(address.description)
        }
        return true
    }

    /// What accepted connections inherit: no waiting to fill a segment, and no more than this unsent in the kernel, so that a
    /// slow client's progress shows and its unread answers take little of the machine's memory.
    private static func tune(_ descriptor: Int32, family: Int32) {
        guard family != AF_UNIX else { return }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, 4)
        var unsentBytes: Int32 = 128 * 1024
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &unsentBytes, 4)
    }

    private static func unix(_ path: String, backlog: Int32) throws(SocketError) -> Listener {
        let address = SocketAddress(.unix(path: path))
        if try isStale(path, address) { unlink(path) }
        let socket = try open(address, sharesPort: false)
        guard listen(socket.number, backlog) == 0 else { throw .system(call: "listen", errno: errno) }
        return Listener(descriptors: [socket.release()], address: address)
    }

    private static func open(_ address: SocketAddress, sharesPort: Bool) throws(SocketError) -> Descriptor {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = Descriptor(socket(address.family, kind, 0))
        guard descriptor.number >= 0 else { throw .system(call: "socket", errno: errno) }
        var one: Int32 = 1
        setsockopt(descriptor.number, SOL_SOCKET, SO_REUSEADDR, &one, 4)
        if sharesPort { setsockopt(descriptor.number, SOL_SOCKET, SO_REUSEPORT, &one, 4) }
        tune(descriptor.number, family: address.family)
        if address.family == AF_INET6 { setsockopt(descriptor.number, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &one, 4) }
        guard address.withSockaddr({ bind(descriptor.number, $0, $1) }) == 0 else {
            if errno == EADDRINUSE { throw .addressInUse(address.description) }
            throw .system(call: "bind \(address)", errno: errno)
        }
        return descriptor
    }

    private static func localAddress(of descriptor: Int32) throws(SocketError) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0, let address = SocketAddress(storage) else {
            throw .system(call: "getsockname", errno: errno)
        }
        return address
    }

    /// Takes a waiting connection: its non-blocking descriptor and the peer. Nil when none waits.
    /// - Throws: `system` when the process or the machine is out of descriptors (`EMFILE`, `ENFILE`), or worse.
    public static func accept(on descriptor: Int32) throws(SocketError) -> (descriptor: Int32, peer: SocketAddress)? {
        var storage = sockaddr_storage()
        while true {
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let connection = withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { linux_accept(descriptor, $0, &length) }
            }
            if connection >= 0 { return (connection, SocketAddress(storage) ?? SocketAddress(.unix(path: ""))) }
            switch errno {
            case EAGAIN: return nil
            case EINTR, ECONNABORTED, EPROTO: continue
            default: throw .system(call: "accept", errno: errno)
            }
        }
    }
}
