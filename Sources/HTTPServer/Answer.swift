import HTTPCore
import HTTPTypes
import Sockets
import Synchronization

// One request's answer on its way to the client: which framing it has (RFC 9112 §6.3), whether it is compressed, whether
// the connection is kept, and what is said of it afterwards. `HEAD`, 204 and 304 have no body.

final class Answer: @unchecked Sendable {
    // @unchecked: touched by the task that serves the connection, which prefers the connection's loop.
    /// Bodies up to this size travel with their head in one buffer; larger ones are not copied for it.
    private static let joinedBytes = 16 * 1024
    /// What a client that has gone before its answer is logged with, as nginx does; no client ever sees it.
    private static let clientClosedRequest = 499

    let id: String
    let isNamedByClient: Bool
    let traceParent: String?
    let facts: PeerFacts
    /// What matched; nil where nothing did.
    @exclusivity(unchecked) var route: Router.Route?
    @exclusivity(unchecked) var reader: BodyReader?
    /// Whether the connection can carry another request.
    @exclusivity(unchecked) var keeps = true
    private let connection: Connection
    private let owner: ServerLoop
    private let head: RequestHead
    private let begin: ContinuousClock.Instant
    @exclusivity(unchecked) private var status = 0
    @exclusivity(unchecked) private var sentBytes = 0

    init(_ connection: Connection, _ head: RequestHead) {
        self.connection = connection
        self.head = head
        owner = connection.owner
        // A request begins when the loop learnt of it: what it waits for others of the same turn is its time too.
        begin = owner.loop.now
        let given = RequestID.kept(head.fields.value(of: RequestID.name))
        id = given ?? owner.makeRequestID()
        isNamedByClient = given != nil
        traceParent = head.fields.value(of: RequestID.traceParent)
        facts = PeerFacts(
            peer: connection.peer.host, fields: head.fields, trusted: owner.configuration.trustedProxies)
    }

    // MARK: Sending

    /// What of an answer is still to be sent after `start`.
    enum Rest {
        /// The client is slower than the answer, which has `bodyBytes` in its body.
        case bytes([UInt8], bodyBytes: Int)
        case large(head: [UInt8], body: [UInt8])
        case stream(Response, isCompressed: Bool, @Sendable (ResponseWriter) async throws -> Void)
    }

    /// Sends what can be sent at once: nearly always all of the answer, and then nothing has to wait for anything.
    func start(_ given: Response) throws(ClientGone) -> Rest? {
        if connection.isBroken { throw ClientGone() }
        connection.clearExpiry()
        decideWhetherToKeep()
        reader?.stopExpecting()
        var response = given
        let code = response.status.code
        if code == 204 || code == 304 || code < 200 {
            response.headerFields[.contentType] = nil
            if code == 304 { Compression.markNotModified(&response, head) }
            status = code
            return try join(response, .none, [])
        }
        let compression = Compression.decide(&response, for: head, owner)
        switch response.body {
        case .empty: return try start(response, [])
        case .bytes(let bytes): return try start(response, compression == .gzip ? owner.compress(bytes) : bytes)
        case .stream(let write): return .stream(response, isCompressed: compression == .gzip, write)
        }
    }

    /// Sends the rest at the pace of the client. - Throws: `ClientGone`, or what broke a streamed body off.
    func finish(_ rest: Rest) async throws {
        switch rest {
        case .bytes(let bytes, let bodyBytes):
            try await connection.send(bytes)
            sentBytes = bodyBytes
        case .large(let head, let body):
            try await connection.send(head, hasMore: true)
            try await connection.send(body)
            sentBytes = body.count
        case .stream(let response, let isCompressed, let write): try await stream(response, isCompressed, write)
        }
    }

    /// What is left of a body that cannot be read past closes the connection, and so does a stop once nothing waits.
    private func decideWhetherToKeep() {
        if let reader, !reader.canDrain(limit: owner.configuration.drainBytes) { keeps = false }
        guard keeps, owner.state.isStopping.load(ordering: .relaxed) else { return }
        connection.receive()
        keeps = connection.unreadCount > 0 && reader?.isFinished != false
    }

    private func start(_ response: Response, _ body: [UInt8]) throws(ClientGone) -> Rest? {
        status = response.status.code
        if head.method == .head { return try join(response, .length(body.count), []) }
        guard body.count <= Self.joinedBytes else {
            return .large(head: headBytes(response, .length(body.count)), body: body)
        }
        return try join(response, .length(body.count), body)
    }

    /// Sends head and body in one go, put together where the loop puts every such answer together.
    private func join(
        _ response: Response, _ framing: ResponseHead.Framing, _ body: [UInt8]
    ) throws(ClientGone) -> Rest? {
        let rest = try owner.withOutput { (bytes) throws(ClientGone) in
            appendHead(response, framing, to: &bytes)
            bytes.append(contentsOf: body)
            return try connection.sendNow(bytes)
        }
        guard rest.isEmpty else { return .bytes(rest, bodyBytes: body.count) }
        sentBytes = body.count
        return nil
    }

    private func stream(
        _ response: Response, _ isCompressed: Bool, _ write: @Sendable (ResponseWriter) async throws -> Void
    ) async throws {
        let isChunked = head.minorVersion == 1
        if !isChunked { keeps = false }
        let framing = isChunked ? ResponseHead.Framing.chunked : .none
        status = response.status.code
        if head.method == .head {
            if let rest = try join(response, framing, []) { try await finish(rest) }
            return
        }
        if Compression.isEventStream(response) { try connection.becomeEndless() }
        let stream = BodyStream(
            connection, head: headBytes(response, framing), isChunked: isChunked,
            deflater: isCompressed ? owner.takeDeflater() : nil)
        defer {
            sentBytes = stream.bodyBytes
            if isCompressed { owner.state.compressedStreams.wrappingSubtract(1, ordering: .relaxed) }
        }
        do {
            try await write(ResponseWriter(stream: stream))
        } catch {
            // An endless answer is over when the server stops; any other is not whole, which the client must see.
            guard connection.isEndless, !connection.isBroken, owner.state.isStopping.load(ordering: .relaxed) else {
                throw error
            }
        }
        if connection.isEndless { keeps = false }
        try await stream.finish()
    }

    private func headBytes(_ response: Response, _ framing: ResponseHead.Framing) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        appendHead(response, framing, to: &bytes)
        return bytes
    }

    private func appendHead(_ response: Response, _ framing: ResponseHead.Framing, to bytes: inout [UInt8]) {
        let option = keeps ? (head.minorVersion == 0 ? "keep-alive" : nil) : "close"
        ResponseHead(owner).append(response, requestID: id, framing: framing, connection: option, to: &bytes)
    }

    // MARK: Afterwards

    /// Tells the application's log and metrics.
    func completed(isWhole: Bool) {
        guard let completed = owner.state.hooks.completed else { return }
        completed(
            CompletedRequest(
                method: head.method.rawValue, path: head.target.rawPath, route: route?.pattern ?? "",
                status: status == 0 ? Self.clientClosedRequest : status, isWhole: isWhole,
                requestBytes: reader?.receivedBytes ?? 0, responseBytes: sentBytes,
                duration: ContinuousClock.now - begin, clientAddress: facts.address, requestID: id,
                traceParent: traceParent))
    }
}
