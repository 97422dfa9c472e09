public import Foundation

/// An address to listen on or to connect to: `127.0.0.1:8080`, `[::1]:8080`, `unix:/path`.
public struct SocketAddress: Sendable, Hashable, CustomStringConvertible {
    /// What kind of address it is.
    public enum Content: Sendable, Hashable {
        /// Dotted quad and port.
        case ip4(host: String, port: UInt16)
        /// Without brackets, and port.
        case ip6(host: String, port: UInt16)
        /// A path; empty for an unnamed peer.
        case unix(path: String)
    }

    public let content: Content

    public init(_ content: Content) { self.content = content }

    /// Reads `host:port` (IPv4 or `localhost`), `[host]:port` (IPv6) or `unix:/path`.
    public init(parsing text: String) throws(SocketError) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard !path.isEmpty, path.utf8.count <= Self.maximumPathBytes, !path.utf8.contains(0) else {
                throw .badAddress("\(text) (a socket's path has 1 to \(Self.maximumPathBytes) bytes)")
            }
            self.init(.unix(path: path))
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw .badAddress(text)
        }
        let host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            let inner = String(host.dropFirst().dropLast())
            var address = in6_addr()
            guard inet_pton(AF_INET6, inner, &address) == 1 else { throw .badAddress(text) }
            self.init(.ip6(host: inner, port: port))
        } else {
            let quad = host == "localhost" ? "127.0.0.1" : host.isEmpty || host == "*" ? "0.0.0.0" : host
            var address = in_addr()
            guard inet_pton(AF_INET, quad, &address) == 1 else { throw .badAddress(text) }
            self.init(.ip4(host: quad, port: port))
        }
    }

    /// Longest path of a Unix socket, in bytes.
    public static let maximumPathBytes = 107

    /// The port, nil for a Unix socket.
    public var port: UInt16? {
        switch content {
        case .ip4(_, let port), .ip6(_, let port): port
        case .unix: nil
        }
    }

    /// The address without its port; `unix` for a Unix socket.
    public var host: String {
        switch content {
        case .ip4(let host, _), .ip6(let host, _): host
        case .unix: "unix"
        }
    }

    /// Whether only this machine can reach it.
    public var isLoopback: Bool {
        switch content {
        case .ip4(let host, _): host.hasPrefix("127.")
        case .ip6(let host, _): host == "::1"
        case .unix: true
        }
    }

    public var description: String {
        switch content {
        case .ip4(let host, let port): "\(host):\(port)"
        case .ip6(let host, let port): "[\(host)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// The address family (`AF_INET`, `AF_INET6`, `AF_UNIX`).
    public var family: Int32 {
        switch content {
        case .ip4: AF_INET
        case .ip6: AF_INET6
        case .unix: AF_UNIX
        }
    }

    /// Calls `body` with the address as the system has it.
    public func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var storage = sockaddr_storage()
        let length: Int
        switch content {
        case .ip4(let host, let port):
            length = MemoryLayout<sockaddr_in>.size
            withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
                    address.pointee.sin_family = sa_family_t(AF_INET)
                    address.pointee.sin_port = port.bigEndian
                    _ = inet_pton(AF_INET, host, &address.pointee.sin_addr)
                }
            }
        case .ip6(let host, let port):
            length = MemoryLayout<sockaddr_in6>.size
            withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
                    address.pointee.sin6_family = sa_family_t(AF_INET6)
                    address.pointee.sin6_port = port.bigEndian
                    _ = inet_pton(AF_INET6, host, &address.pointee.sin6_addr)
                }
            }
        case .unix(let path):
            length = MemoryLayout<sockaddr_un>.size
            withUnsafeMutablePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr_un.self, capacity: 1) { address in
                    address.pointee.sun_family = sa_family_t(AF_UNIX)
                    withUnsafeMutableBytes(of: &address.pointee.sun_path) { bytes in
                        bytes.copyBytes(from: path.utf8.prefix(Self.maximumPathBytes))
                    }
                }
            }
        }
        return withUnsafePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }

    /// The address in a system's structure. Nil for a family that is none of the three.
    public init?(_ storage: sockaddr_storage) {
        var storage = storage
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        switch Int32(storage.ss_family) {
        case AF_INET:
            let address = withUnsafePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee }
            }
            var host = address.sin_addr
            inet_ntop(AF_INET, &host, &text, socklen_t(text.count))
            self.init(.ip4(host: Self.string(text), port: UInt16(bigEndian: address.sin_port)))
        case AF_INET6:
            let address = withUnsafePointer(to: &storage) {
                $0.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee }
            }
            var host = address.sin6_addr
            inet_ntop(AF_INET6, &host, &text, socklen_t(text.count))
            self.init(.ip6(host: Self.string(text), port: UInt16(bigEndian: address.sin6_port)))
        case AF_UNIX: self.init(.unix(path: ""))
        default: return nil
        }
    }

    private static func string(_ text: [CChar]) -> String {
        String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
