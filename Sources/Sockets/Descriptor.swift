import Foundation

/// The owner of a file descriptor: closes it when it goes.
public struct Descriptor: ~Copyable, Sendable {
    /// The descriptor's number; it stays this owner's.
    public let number: Int32

    /// Takes over an open descriptor.
    public init(_ number: Int32) { self.number = number }

    /// Gives the number away without closing it.
    public consuming func release() -> Int32 {
        let number = self.number
        discard self
        return number
    }

    deinit { close(number) }

    /// Makes reads and writes return at once (`O_NONBLOCK`).
    public func setNonBlocking() throws(SocketError) {
        let flags = fcntl(number, F_GETFL)
        guard flags >= 0, fcntl(number, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw .system(call: "fcntl", errno: errno)
        }
    }
}
