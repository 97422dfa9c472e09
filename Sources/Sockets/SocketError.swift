import Foundation

/// What can go wrong with a socket.
public enum SocketError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A system call failed; `errno` says why.
    case system(call: String, errno: Int32)
    /// The address cannot be read, or its name does not resolve.
    case badAddress(String)
    /// Another process listens on the address.
    case addressInUse(String)

    public var description: String {
        switch self {
        case .system(let call, let errno): "\(call): \(String(cString: strerror(errno)))"
        case .badAddress(let text): "not an address: \(text) (write 127.0.0.1:8080, [::1]:8080 or unix:/path)"
        case .addressInUse(let text): "another process listens on \(text)"
        }
    }
}
