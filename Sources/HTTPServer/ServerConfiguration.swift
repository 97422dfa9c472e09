public import HTTPCore
public import Sockets

/// What a server listens on and what it lets clients cost. Every limit has a name and a unit, and is checked at its own
/// size: that much passes, one more does not.
public struct ServerConfiguration: Sendable {
    public var addresses: [SocketAddress] = []
    /// Listening descriptors handed over by a supervisor, beside `addresses`. The server closes them.
    public var inheritedDescriptors: [Int32] = []
    /// Request line, fields, chunk heads and trailers.
    public var parser = ParserLimits()

    // Connections

    /// Connections in all; one more is answered 503 and closed. Lowered at start to what the system's limit on open files
    /// leaves beside `reservedDescriptors`.
    public var connections = 16_384
    /// Descriptors that are not for connections: the program's files, its database, its listeners.
    public var reservedDescriptors = 128
    /// Connections from one address; one more is answered 503 and closed. Unix sockets do not count.
    public var connectionsPerAddress = 12_000
    /// Requests that one connection may carry; the last is answered `Connection: close`.
    public var requestsPerConnection = 1_000_000
    /// Pipelined requests of one connection that are handled in a row, as they have come; then the loop's other
    /// connections have their turn. One is handled at a time, and answered before the next.
    public var pipelinedRequests = 64
    /// Bytes read ahead of what is being handled: pipelined requests, a body not yet asked for. The client is not read past
    /// it.
    public var readAheadBytes = 128 * 1024

    // Bodies. How large one may be is its route's affair: `RouteOptions`.

    /// Body bytes that are read and thrown away so that a connection can be kept.
    public var drainBytes = 256 * 1024
    /// Inflated bytes to each byte as sent, once more than 1 MiB has been inflated; more is 413. Nothing that zlib packs
    /// inflates beyond 1032, so this lets everything pass that its route's limit does, unless it is lowered.
    public var inflationRatio = 1100

    // Time, in seconds. Deadlines are looked at four times a second.

    /// From accept to the first byte of a request; then the connection is closed.
    public var firstByteSeconds = 30.0
    /// From a request's first byte to the end of its head; then 408.
    public var headSeconds = 15.0
    /// What a body must bring while it is waited for, averaged over the last `bodyGraceSeconds`; less is 408. Time that a
    /// handler takes for itself does not count.
    public var minimumBodyBytesPerSecond = 256.0
    /// How long a body may bring nothing at all.
    public var bodyGraceSeconds = 15.0
    /// Between requests on a kept connection; then it is closed.
    public var idleSeconds = 75.0
    /// How long a client may take nothing of what it is sent; then the connection is reset.
    public var writeStallSeconds = 30.0
    /// How long what a client still sends is read past, after the last answer.
    public var lingerSeconds = 2.0
    /// What a connection that has sent nothing yet is given for its first request once the server stops.
    public var stopGraceSeconds = 0.5

    /// Peers whose `Forwarded` and `X-Forwarded-*` are believed.
    public var trustedProxies: [AddressRange] = []

    // Compression

    /// Bodies of this many bytes or more are compressed when the client takes gzip.
    public var compressedFromBytes = 1024
    /// zlib's level, 1 to 9.
    public var compressionLevel = 5
    /// Streamed answers that are compressed at a time, a quarter of a mebibyte each; one more is sent as it is.
    public var compressedStreams = 64

    public init() {}
}
