import HTTPCore

/// A streamed body on its way out: gathered, compressed if the client takes it, framed. Used on the loop's thread alone.
final class BodyStream: @unchecked Sendable {
    // @unchecked: touched by the task that serves the connection, which prefers the connection's loop.
    private static let gatheredBytes = 16 * 1024

    private let connection: Connection
    private let isChunked: Bool
    private let deflater: Deflater?
    private var gathered: [UInt8]
    private var payload: [UInt8] = []
    private var sentBytes = 0
    private let headBytes: Int

    /// Bytes that have gone out behind the head, framing included.
    var bodyBytes: Int { max(0, sentBytes - headBytes) }

    /// - Parameter head: the response's head, which goes out with the first bytes.
    init(_ connection: Connection, head: [UInt8], isChunked: Bool, deflater: Deflater?) {
        self.connection = connection
        self.isChunked = isChunked
        self.deflater = deflater
        gathered = head
        headBytes = head.count
    }

    func write(_ bytes: [UInt8]) async throws {
        try Task.checkCancellation()
        if let deflater {
            deflater.deflate(bytes, .none, into: &payload)
        } else {
            payload.append(contentsOf: bytes)
        }
        if payload.count >= Self.gatheredBytes { try await send() }
    }

    func flush() async throws {
        try Task.checkCancellation()
        deflater?.deflate([], .sync, into: &payload)
        try await send()
    }

    /// Ends the body, also when the task has been cancelled.
    func finish() async throws(ClientGone) {
        deflater?.deflate([], .finish, into: &payload)
        frame()
        if isChunked { gathered.append(contentsOf: "0\r\n\r\n".utf8) }
        try await sendGathered()
    }

    private func send() async throws(ClientGone) {
        frame()
        try await sendGathered()
    }

    private func frame() {
        guard !payload.isEmpty else { return }
        if isChunked {
            gathered.append(contentsOf: String(payload.count, radix: 16).utf8)
            gathered.append(contentsOf: "\r\n".utf8)
        }
        gathered.append(contentsOf: payload)
        if isChunked { gathered.append(contentsOf: "\r\n".utf8) }
        payload.removeAll(keepingCapacity: true)
    }

    private func sendGathered() async throws(ClientGone) {
        let bytes = gathered
        gathered = []
        sentBytes += bytes.count
        try await connection.send(bytes)
    }
}
