public import HTTPCore
public import Sockets

/// What a server listens on and what it lets clients cost. Every limit has a name and a unit.
public struct ServerConfiguration: Sendable {
    public var addresses: [SocketAddress] = []
    /// Listening descriptors handed over by a supervisor, beside `addresses`.
    public var inheritedDescriptors: [Int32] = []
    public var parser = ParserLimits()
    /// Requests that one connection may carry.
    public var requestsPerConnection = 1_000_000
    /// Connections in all; one more is answered 503 and closed.
    public var connections = 20_000
    /// Connections from one address (Unix sockets do not count).
    public var connectionsPerAddress = 10_000
    /// Bytes read ahead of what is being handled: pipelined requests, a body not yet asked for.
    public var readAheadBytes = 128 * 1024
    /// Body bytes that are read and thrown away so that a connection can be kept.
    public var drainBytes = 256 * 1024
    /// Inflated bytes to each byte as sent, once more than 1 MiB has been inflated.
    public var inflationRatio = 1000
    /// Seconds from accept to the first byte of a request.
    public var firstByteSeconds = 30.0
    /// Seconds from a request's first byte to the end of its head.
    public var headSeconds = 15.0
    /// Body bytes a second, averaged from its beginning, after the first `bodyGraceSeconds`.
    public var minimumBodyBytesPerSecond = 256.0
    public var bodyGraceSeconds = 15.0
    /// Seconds between requests on a kept connection.
    public var idleSeconds = 75.0
    /// Seconds that a client may take nothing of what it is sent.
    public var writeStallSeconds = 30.0
    /// Peers whose `Forwarded` and `X-Forwarded-*` are believed.
    public var trustedProxies: Set<String> = []
    /// Bodies of this many bytes or more are compressed when the client takes gzip.
    public var compressedFromBytes = 1024
    /// zlib's level, 1 to 9.
    public var compressionLevel = 5

    public init() {}
}
