import HTTPCore
import Sockets

// Takes a body off its connection, piece by piece. A client earns time by sending: each byte is worth
// 1 / `minimumBodyBytesPerSecond` seconds of waiting, up to `bodyGraceSeconds` in store, with which it begins. So neither a
// trickle nor a stall after a quick beginning lasts, and a handler that is slow itself costs its client nothing.

/// Used on the loop's thread alone.
final class BodyReader: @unchecked Sendable {
    // @unchecked: touched by the task that serves the connection, which prefers the connection's loop.
    private let connection: Connection
    private var framing: Framing
    private let limit: Int?
    private var mustSendContinue: Bool
    private var secondsInStore: Double
    private(set) var receivedBytes = 0
    private(set) var isFinished = false
    private(set) var failure: BodyError?

    private enum Framing {
        case length(left: Int)
        case chunked(ChunkDecoder)
    }

    init(_ connection: Connection, _ framing: BodyFraming, limit: Int?, expectsContinue: Bool) {
        self.connection = connection
        switch framing {
        case .length(let count): self.framing = .length(left: count)
        case .chunked, .none: self.framing = .chunked(ChunkDecoder(limits: connection.owner.configuration.parser))
        }
        self.limit = limit
        mustSendContinue = expectsContinue
        secondsInStore = connection.owner.configuration.bodyGraceSeconds
    }

    /// Whether what is left may be read past, so that the connection can carry another request: not when the client still
    /// waits to be told to send it (RFC 9110 §10.1.1), nor when it is known to be too much.
    func canDrain(limit: Int) -> Bool {
        if isFinished { return true }
        if failure != nil || (mustSendContinue && receivedBytes == 0 && connection.unreadCount == 0) { return false }
        if case .length(let left) = framing { return left <= limit }
        return true
    }

    /// The answer has begun: `100 Continue` would come too late.
    func stopExpecting() { mustSendContinue = false }

    func collect(limit: Int) async throws -> [UInt8] {
        var body: [UInt8] = []
        while let piece = try await next() {
            if body.count + piece.count > limit { throw BodyError.tooLarge }
            body.append(contentsOf: piece)
        }
        return body
    }

    /// The next piece as sent, nil at the end.
    func next() async throws -> ArraySlice<UInt8>? {
        if let failure { throw failure }
        do {
            return try await piece()
        } catch let error as BodyError {
            failure = error
            throw error
        }
    }

    private func piece() async throws -> ArraySlice<UInt8>? {
        while true {
            if isFinished { return nil }
            if let piece = try take() {
                receivedBytes += piece.count
                if let limit, receivedBytes > limit { throw BodyError.tooLarge }
                let configuration = connection.owner.configuration
                secondsInStore = min(
                    configuration.bodyGraceSeconds,
                    secondsInStore + Double(piece.count) / configuration.minimumBodyBytesPerSecond)
                return piece
            }
            if isFinished { return nil }
            if mustSendContinue {
                mustSendContinue = false
                if receivedBytes == 0 { try await connection.send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) }
            }
            try await wait()
        }
    }

    private func wait() async throws {
        let begin = connection.owner.loop.now
        connection.setDeadline(after: max(0, secondsInStore))
        defer { connection.clearDeadline() }
        guard await connection.waitForBytes() else {
            if connection.isBroken { throw ClientGone() }
            throw BodyError.incomplete
        }
        secondsInStore -= (connection.owner.loop.now - begin).inSeconds
    }

    /// A piece of what has come already, nil when there is none.
    private func take() throws -> ArraySlice<UInt8>? {
        switch framing {
        case .length(let left):
            guard connection.unreadCount > 0 else { return nil }
            let piece = connection.withUnread { Array($0.prefix(left)) }
            connection.consume(piece.count)
            framing = .length(left: left - piece.count)
            isFinished = left == piece.count
            return piece[...]
        case .chunked(var decoder):
            defer { framing = .chunked(decoder) }
            do throws(ParseFailure) {
                let (piece, count, ended) = try connection.withUnread { (bytes) throws(ParseFailure) in
                    try Self.decode(bytes, &decoder)
                }
                connection.consume(count)
                isFinished = ended
                return piece.isEmpty ? nil : piece[...]
            } catch {
                throw BodyError.malformedFraming
            }
        }
    }

    private static func decode(
        _ bytes: UnsafeBufferPointer<UInt8>, _ decoder: inout ChunkDecoder
    ) throws(ParseFailure) -> (piece: [UInt8], count: Int, ended: Bool) {
        var piece: [UInt8] = []
        var index = 0
        while true {
            switch try decoder.step(bytes, &index) {
            case .needMore: return (piece, index, false)
            case .end: return (piece, index, true)
            case .body(let range): piece.append(contentsOf: bytes[range])
            }
        }
    }

    /// Reads what is left and throws it away, up to `limit` bytes. False when the connection cannot be kept.
    func drain(limit: Int) async -> Bool {
        guard canDrain(limit: limit) else { return false }
        let before = receivedBytes
        do {
            while try await next() != nil {
                if receivedBytes - before > limit { return false }
            }
            return true
        } catch {
            return false
        }
    }
}
