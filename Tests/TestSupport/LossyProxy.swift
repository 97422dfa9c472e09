import Foundation

/// A TCP port that leads to a server's Unix socket, and can drop what passes through: the connections stay, the bytes do
/// not arrive, as when a cable is pulled.
public final class LossyProxy: @unchecked Sendable {
    // @unchecked: everything that changes is behind `lock`.
    public enum Mode: Sendable {
        case forwarding
        /// Nothing passes, in either direction, and nobody is let in.
        case dropping
        /// What the client sends arrives; what the server says does not.
        case droppingAnswers
        /// New connections are refused, those there are were ended.
        case refusing
    }

    public let port: UInt16
    private let listener: Int32
    private let socketPath: String
    private let lock = NSLock()
    private var mode = Mode.forwarding
    private var marker: [UInt8]?
    private var isClosed = false
    private var pairs: [(Int32, Int32)] = []

    /// A Unix socket in `folder` whose queue takes hardly anybody; nobody is let in before `start`.
    public init(queueIn folder: String, socketFolder: String) throws {
        socketPath = "\(socketFolder)/.s.PGSQL.5432"
        port = 0
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = Self.address("\(folder)/.s.PGSQL.5432")
        let listener = listener
        let isListening = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listener, generic, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 && listen(listener, 0) == 0
            }
        }
        guard isListening else { throw POSIXError(.EADDRINUSE) }
    }

    public func start() {
        Thread.detachNewThread { [self] in accept() }
    }

    private static func address(_ path: String) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return address
    }

    /// Connects to a Unix socket without waiting; -1 when its queue is full.
    public static func connect(toSocketIn folder: String) -> Int32 {
        connect("\(folder)/.s.PGSQL.5432", flags: Int32(SOCK_NONBLOCK.rawValue))
    }

    private static func connect(_ path: String, flags: Int32) -> Int32 {
        let server = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | flags, 0)
        var address = address(path)
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(server, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        if isConnected { return server }
        close(server)
        return -1
    }

    public init(socketFolder: String, socketPort: Int = 5432) throws {
        socketPath = "\(socketFolder)/.s.PGSQL.\(socketPort)"
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let found = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(listener, generic, length) == 0 && listen(listener, 128) == 0
                    && getsockname(listener, generic, &length) == 0
            }
        }
        guard found else { throw POSIXError(.EADDRINUSE) }
        port = UInt16(bigEndian: address.sin_port)
        start()
    }

    public func connection(database: String, role: String = "hallpass") -> String {
        "host=127.0.0.1 port=\(port) user=\(role) dbname=\(database) sslmode=disable gssencmode=disable"
    }

    public func set(_ mode: Mode) {
        let ended = lock.withLock {
            self.mode = mode
            guard mode == .refusing else { return [(Int32, Int32)]() }
            defer { pairs = [] }
            return pairs
        }
        for (one, other) in ended {
            shutdown(one, Int32(SHUT_RDWR))
            shutdown(other, Int32(SHUT_RDWR))
        }
    }

    /// From the moment on at which a client sends this text, what the server says is dropped; the text itself arrives.
    public func dropAnswers(after text: String) {
        lock.withLock { marker = Array(text.utf8) }
    }

    private func look(at bytes: ArraySlice<UInt8>) {
        lock.withLock {
            guard let marker, bytes.firstRange(of: marker) != nil else { return }
            self.marker = nil
            mode = .droppingAnswers
        }
    }

    public func stop() {
        set(.refusing)
        lock.withLock { isClosed = true }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private var current: Mode { lock.withLock { mode } }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            if lock.withLock({ isClosed }) || client < 0 { break }
            while current == .dropping { usleep(5000) }
            let server = current == .refusing ? -1 : connectToServer()
            guard server >= 0 else {
                close(client)
                continue
            }
            lock.withLock { pairs.append((client, server)) }
            Thread.detachNewThread { [self] in pump(client, server, isAnswer: false) }
            Thread.detachNewThread { [self] in pump(server, client, isAnswer: true) }
        }
        close(listener)
    }

    private func connectToServer() -> Int32 { Self.connect(socketPath, flags: 0) }

    private func pump(_ from: Int32, _ to: Int32, isAnswer: Bool) {
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(from, &buffer, buffer.count)
            guard count > 0 else { break }
            if !isAnswer { look(at: buffer[..<count]) }
            // Lost for good: a dropped packet would be sent again, but the tests want to see it missing.
            let mode = current
            if mode == .dropping || (mode == .droppingAnswers && isAnswer) { continue }
            var sent = 0
            while sent < count {
                let step = buffer.withUnsafeBytes {
                    send(to, $0.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL))
                }
                guard step > 0 else { break }
                sent += step
            }
        }
        // An end that is dropped as well is not passed on.
        while current == .dropping || (current == .droppingAnswers && isAnswer) { usleep(5000) }
        shutdown(to, Int32(SHUT_RDWR))
    }
}
