import HTTPCore
import Sockets

/// Why a body could not be read.
public enum BodyError: Error, Sendable, Hashable {
    /// Over the route's limit, as sent or inflated (413).
    case tooLarge
    /// gzip that is damaged, cut short, followed by something else, or inflates beyond all proportion (400).
    case malformedEncoding
    /// A `Content-Encoding` other than `gzip` and `identity` (415).
    case unsupportedEncoding
    /// Chunked framing that is broken (400).
    case malformedFraming
    /// The client stopped sending (408, or nobody to answer).
    case incomplete
}

/// A request's body, read when a handler asks for it. It can be read once.
public struct RequestBody: Sendable {
    let reader: BodyReader?
    let encoding: String?
    let options: RouteOptions

    /// The `Content-Encoding` as it came, in lower case; nil without one.
    public var contentEncoding: String? { encoding }

    /// The whole body, inflated. - Throws: `BodyError`.
    public func collect(limit: Int? = nil) async throws -> [UInt8] {
        let limit = limit ?? options.inflatedLimit
        guard let reader else {
            if !isIdentity, encoding != "gzip" { throw BodyError.unsupportedEncoding }
            return []
        }
        if isIdentity { return try await reader.collect(limit: min(limit, options.bodyLimit ?? limit)) }
        var body: [UInt8] = []
        for try await piece in inflated(limit: limit) { body.append(contentsOf: piece) }
        return body
    }

    /// The whole body as it was sent. - Throws: `BodyError`.
    public func collectRaw(limit: Int? = nil) async throws -> [UInt8] {
        try await reader?.collect(limit: limit ?? options.bodyLimit ?? options.inflatedLimit) ?? []
    }

    /// Inflates bytes that were collected raw. - Throws: `BodyError`.
    public func inflate(_ raw: [UInt8]) throws -> [UInt8] {
        if isIdentity { return raw }
        guard encoding == "gzip" else { throw BodyError.unsupportedEncoding }
        let inflater = BodyInflater(
            limit: options.inflatedLimit, ratio: reader?.connection.owner.configuration.inflationRatio ?? 1000)
        var body: [UInt8] = []
        try inflater.inflate(raw[...]) { body.append(contentsOf: $0) }
        try inflater.finish()
        return body
    }

    /// The body in pieces as they come, inflated, with back-pressure: the client is read no faster than this.
    public var chunks: Chunks { inflated(limit: options.inflatedLimit) }

    private var isIdentity: Bool { encoding == nil || encoding == "identity" }

    private func inflated(limit: Int) -> Chunks {
        Chunks(
            reader: reader, isIdentity: isIdentity, isGzip: encoding == "gzip", limit: limit,
            ratio: reader?.connection.owner.configuration.inflationRatio ?? 1000)
    }

    /// The pieces of a body.
    public struct Chunks: AsyncSequence, Sendable {
        public typealias Element = ArraySlice<UInt8>

        let reader: BodyReader?
        let isIdentity: Bool
        let isGzip: Bool
        let limit: Int
        let ratio: Int

        public func makeAsyncIterator() -> Iterator { Iterator(source: self) }

        public struct Iterator: AsyncIteratorProtocol {
            private let source: Chunks
            private let inflater: BodyInflater?
            private var ready: [ArraySlice<UInt8>] = []
            private var total = 0

            init(source: Chunks) {
                self.source = source
                inflater = source.isGzip ? BodyInflater(limit: source.limit, ratio: source.ratio) : nil
            }

            public mutating func next() async throws -> ArraySlice<UInt8>? {
                if !source.isIdentity, inflater == nil { throw BodyError.unsupportedEncoding }
                while true {
                    if !ready.isEmpty { return ready.removeFirst() }
                    guard let piece = try await source.reader?.next() else {
                        if source.reader != nil { try inflater?.finish() }
                        return nil
                    }
                    if let inflater {
                        try inflater.inflate(piece) { ready.append($0[...]) }
                    } else {
                        total += piece.count
                        if total > source.limit { throw BodyError.tooLarge }
                        return piece
                    }
                }
            }
        }
    }
}

/// Inflates within a limit and a ratio.
private final class BodyInflater {
    private let inflater = Inflater()
    private let limit: Int
    private let ratio: Int

    init(limit: Int, ratio: Int) {
        self.limit = limit
        self.ratio = ratio
    }

    func inflate(_ bytes: ArraySlice<UInt8>, _ body: ([UInt8]) -> Void) throws {
        do {
            try inflater.inflate(bytes) { piece in
                if inflater.inflatedBytes > limit { throw BodyError.tooLarge }
                if inflater.inflatedBytes > 1 << 20, inflater.inflatedBytes / ratio > inflater.consumedBytes {
                    throw BodyError.tooLarge
                }
                body(piece)
            }
        } catch is InflateError {
            throw BodyError.malformedEncoding
        }
    }

    func finish() throws {
        do { try inflater.finish() } catch { throw BodyError.malformedEncoding }
    }
}

/// Takes a body off its connection, piece by piece. Used on the loop's thread alone.
final class BodyReader: @unchecked Sendable {
    // @unchecked: touched by the task that serves the connection, which prefers the connection's loop.
    let connection: Connection
    private var framing: Framing
    private let limit: Int?
    private var mustSendContinue: Bool
    private let begin: ContinuousClock.Instant
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
        begin = connection.owner.loop.now
    }

    /// The client waits to be told to send, and was not.
    var isHeldBack: Bool { mustSendContinue && receivedBytes == 0 && connection.unreadCount == 0 }

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
                return piece
            }
            if isFinished { return nil }
            if mustSendContinue {
                mustSendContinue = false
                try await connection.send(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
            }
            let configuration = connection.owner.configuration
            let allowed =
                configuration.bodyGraceSeconds + Double(receivedBytes) / configuration.minimumBodyBytesPerSecond
            let spent = (connection.owner.loop.now - begin) / .seconds(1)
            connection.setDeadline(after: max(0, allowed - spent))
            defer { connection.clearDeadline() }
            guard await connection.waitForBytes() else { throw BodyError.incomplete }
        }
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
        if isFinished { return true }
        if failure != nil || isHeldBack { return false }
        if case .length(let left) = framing, left > limit { return false }
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
