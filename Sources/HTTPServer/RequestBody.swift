public import HTTPTypes

/// Why a body could not be read.
public enum BodyError: Error, Sendable, Hashable {
    /// Over the route's limit, as sent or inflated, or inflating beyond all proportion (413).
    case tooLarge
    /// gzip that is damaged, cut short, or followed by something else (400).
    case malformedEncoding
    /// A `Content-Encoding` other than `gzip` and `identity` (415).
    case unsupportedEncoding
    /// Chunked framing that is broken (400).
    case malformedFraming
    /// The client stopped sending (408, or nobody to answer).
    case incomplete

    /// The status that says so.
    public var status: HTTPResponse.Status {
        switch self {
        case .tooLarge: .contentTooLarge
        case .malformedEncoding, .malformedFraming: .badRequest
        case .unsupportedEncoding: .unsupportedMediaType
        case .incomplete: .requestTimeout
        }
    }
}

/// A request's body, read when a handler asks for it. It can be read once.
public struct RequestBody: Sendable {
    let reader: BodyReader?
    let encoding: String?
    let options: RouteOptions
    let ratio: Int

    /// The `Content-Encoding` as it came, in lower case; nil without one.
    public var contentEncoding: String? { encoding }

    /// The whole body, inflated. - Throws: `BodyError`, `ClientGone`.
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

    /// The whole body as it was sent. - Throws: `BodyError`, `ClientGone`.
    public func collectRaw(limit: Int? = nil) async throws -> [UInt8] {
        try await reader?.collect(limit: limit ?? options.bodyLimit ?? options.inflatedLimit) ?? []
    }

    /// Inflates bytes that were collected raw. - Throws: `BodyError`.
    public func inflate(_ raw: [UInt8]) throws -> [UInt8] {
        if isIdentity { return raw }
        guard encoding == "gzip" else { throw BodyError.unsupportedEncoding }
        return try Gzip.inflate(raw, limit: options.inflatedLimit, ratio: ratio)
    }

    /// The body in pieces as they come, inflated, with back-pressure: the client is read no faster than this.
    public var chunks: Chunks { inflated(limit: options.inflatedLimit) }

    private var isIdentity: Bool { encoding == nil || encoding == "identity" }

    private func inflated(limit: Int) -> Chunks {
        Chunks(reader: reader, isIdentity: isIdentity, isGzip: encoding == "gzip", limit: limit, ratio: ratio)
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
            private var total = 0

            init(source: Chunks) {
                self.source = source
                inflater = source.isGzip ? BodyInflater(limit: source.limit, ratio: source.ratio) : nil
            }

            public mutating func next() async throws -> ArraySlice<UInt8>? {
                if !source.isIdentity, inflater == nil { throw BodyError.unsupportedEncoding }
                while true {
                    if let piece = try inflater?.next() { return piece[...] }
                    guard let piece = try await source.reader?.next() else {
                        if source.reader != nil { try inflater?.finish() }
                        return nil
                    }
                    if let inflater {
                        inflater.give(piece)
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
