import Foundation
import Sockets

/// A connection that was turned away: what its client still sends is read past until it has seen why, since a socket closed
/// with bytes unread resets the connection, and the reset could overtake the answer. Used on the loop's thread alone.
final class Farewell {
    private static let seconds = 1.0

    private let descriptor: Int32
    private var registration: Registration?
    private var timer: LoopTimer?
    private let ended: (Farewell) -> Void

    /// - Parameters:
    ///   - descriptor: an open socket, closed by this in the end.
    ///   - ended: called once, when it is closed.
    init(_ descriptor: Int32, on loop: EventLoop, ended: @escaping (Farewell) -> Void) throws(SocketError) {
        self.descriptor = descriptor
        self.ended = ended
        registration = try loop.register(descriptor, interest: .read) { [unowned self] _ in readPast() }
        timer = loop.schedule(after: .seconds(Self.seconds)) { [weak self] in self?.end() }
    }

    private func readPast() {
        let count = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) {
            recv(descriptor, $0.baseAddress, $0.count, 0)
        }
        if count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR)) { return }
        end()
    }

    private func end() {
        guard let registration else { return }
        registration.cancel()
        self.registration = nil
        timer?.cancel()
        close(descriptor)
        ended(self)
    }
}
