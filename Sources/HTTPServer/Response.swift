public import HTTPTypes

/// An answer. `Date`, `Content-Length` or chunked framing, `X-Request-Id` and compression are the server's.
public struct Response: Sendable {
    public var status: HTTPResponse.Status
    public var headerFields: HTTPFields
    public var body: ResponseBody

    public init(status: HTTPResponse.Status, headerFields: HTTPFields = .init(), body: ResponseBody = .empty) {
        self.status = status
        self.headerFields = headerFields
        self.body = body
    }
}

public enum ResponseBody: Sendable {
    case empty
    case bytes([UInt8])
    /// Written as it is made, chunked, at the pace of the client. The closure's return ends the body; what it throws
    /// breaks the connection off, so that the client can tell.
    case stream(@Sendable (ResponseWriter) async throws -> Void)
}

/// Writes a streamed body. Bytes are gathered and sent when there are enough, or at `flush`.
public struct ResponseWriter: Sendable {
    let stream: BodyStream

    /// Waits while the client is not taking what was written. - Throws: `ClientGone`, `CancellationError`.
    public func write(_ bytes: [UInt8]) async throws { try await stream.write(bytes) }

    /// Sends what has been gathered.
    public func flush() async throws { try await stream.flush() }
}

/// The client has gone, or takes nothing.
public struct ClientGone: Error, Sendable, Hashable {}
