import Foundation
import HTTPServer
import Logging
import Sockets

/// Bytes to a server and whatever it answers, on a blocking socket.
final class RawClient: @unchecked Sendable {
    // @unchecked: one thread uses it at a time.
    private let descriptor: Int32

    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let address = SocketAddress(.ip4(host: "127.0.0.1", port: port))
        guard address.withSockaddr({ connect(descriptor, $0, $1) }) == 0 else {
            throw SocketError.system(call: "connect", errno: errno)
        }
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    func send(_ text: String) { send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            sent += count
        }
    }

    func finishSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    /// Everything until the server closes.
    func readToEnd() -> String {
        var bytes: [UInt8] = []
        while let more = readSome() { bytes += more }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Until `text` has come.
    func read(until text: String) -> String {
        var bytes: [UInt8] = []
        while !String(decoding: bytes, as: UTF8.self).contains(text), let more = readSome() { bytes += more }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func readSome() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : nil
    }
}

/// A server on a port of its own for one test.
struct TestServer {
    let server: Server
    let loops: EventLoopGroup
    let port: UInt16

    init(
        limits configure: (inout ServerConfiguration) -> Void = { _ in }, hooks: ServerHooks = .init(),
        _ routes: (inout Router) -> Void
    ) async throws {
        var configuration = ServerConfiguration()
        configuration.addresses = [try SocketAddress(parsing: "127.0.0.1:0")]
        configure(&configuration)
        var router = Router()
        routes(&router)
        loops = EventLoopGroup(count: 2, name: "test")
        server = Server(
            configuration: configuration, loops: loops, router: router, hooks: hooks, logger: Logger(label: "test"))
        port = try await server.start()[0].port ?? 0
    }

    func client() throws -> RawClient { try RawClient(port: port) }

    /// One exchange: everything the server answers to `text` until it closes.
    func exchange(_ text: String) async throws -> String {
        let client = try client()
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                client.send(text)
                continuation.resume(returning: client.readToEnd())
            }
        }
    }

    func stop() async {
        await server.stop(deadline: .seconds(2))
        await loops.stop()
    }
}
