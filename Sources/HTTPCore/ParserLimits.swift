/// What a request's framing may cost. Bytes count what is on the wire, line ends included.
public struct ParserLimits: Sendable, Hashable {
    /// Method, target and version with their line end; more is 414.
    public var requestLineBytes = 8 * 1024
    /// All field lines of a head together; more is 431.
    public var fieldBytes = 32 * 1024
    /// Field lines of a head; more is 431.
    public var fieldCount = 100
    /// Size, extensions and line end of one chunk's head; more is 400.
    public var chunkLineBytes = 256
    /// What all chunk heads of a body hold beside their sizes and line ends; more is 400. Without it a body of one-byte
    /// chunks could cost hundreds of bytes for each.
    public var chunkExtensionBytes = 16 * 1024
    /// Trailer lines together; more is 431.
    public var trailerBytes = 8 * 1024

    public init() {}
}

/// Why a message is refused, with the status that says so. After any of these the framing is in doubt: the connection is
/// answered and closed.
public enum ParseFailure: Error, Sendable, Hashable {
    /// 400; the reason is for the log and the answer's detail.
    case malformed(String)
    /// 414
    case targetTooLong
    /// 431
    case fieldsTooLarge
    /// 501: a transfer coding other than a single final `chunked` (RFC 9112 §6.1).
    case unknownTransferCoding
    /// 505
    case unsupportedVersion
    /// 417 (RFC 9110 §10.1.1)
    case unknownExpectation

    /// The HTTP status code.
    public var status: Int {
        switch self {
        case .malformed: 400
        case .targetTooLong: 414
        case .fieldsTooLarge: 431
        case .unknownTransferCoding: 501
        case .unsupportedVersion: 505
        case .unknownExpectation: 417
        }
    }
}
