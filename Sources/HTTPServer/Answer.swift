import HTTPCore
import HTTPTypes
import Sockets
import Synchronization

// One request's answer on its way to the client: which framing it has (RFC 9112 §6.3), whether it is compressed, whether
// the connection is kept, and what is said of it afterwards. `HEAD`, 204 and 304 have no body.

final class Answer: @unchecked Sendable {
    // @unchecked: touched by the task that serves the connection, which prefers the connection's loop.
    /// Bodies up to this size travel with their head in one buffer; larger ones are not copied for it.
    private static let joinedBytes = 128 * 1024
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
    /// What is answered, once it is known.
    @exclusivity(unchecked) var response = Response(status: .internalServerError)
    @exclusivity(unchecked) private var rest = Rest.none
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
    private enum Rest {
        case none
        /// The client is slower than the answer, which has `bodyBytes` in its body.
        case bytes([UInt8], bodyBytes: Int)
        case large(head: [UInt8], body: [UInt8])
        case stream(isCompressed: Bool, @Sendable (ResponseWriter) async throws -> Void)
    }

    /// Sends what can be sent at once, nearly always all of the response: then nothing has to be waited for.
    /// - Returns: whether that was all.
    func start() throws(ClientGone) -> Bool {
        if connection.isBroken { throw ClientGone() }
        connection.clearExpiry()
        decideWhetherToKeep()
        reader?.stopExpecting()
        status = response.status.code
        if status == 204 || status == 304 || status < 200 {
            response.headerFields[.contentType] = nil
            if status == 304 { Compression.markNotModified(&response, head) }
            return try join(.none, [])
        }
        let compression = Compression.decide(&response, for: head, owner)
        switch response.body {
        case .empty: return try start([])
        case .bytes(let bytes): return try start(compression == .gzip ? owner.compress(bytes) : bytes)
        case .stream(let write):
            rest = .stream(isCompressed: compression == .gzip, write)
            return false
        }
    }

    /// Sends the rest at the pace of the client. - Throws: `ClientGone`, or what broke a streamed body off.
    func finish() async throws {
        switch rest {
        case .none: break
        case .bytes(let bytes, let bodyBytes):
            try await connection.send(bytes)
            sentBytes = bodyBytes
        case .large(let head, let body):
            try await connection.send(head, hasMore: true)
            try await connection.send(body)
            sentBytes = body.count
        case .stream(let isCompressed, let write): try await stream(isCompressed, write)
        }
    }

    /// What is left of a body that cannot be read past closes the connection, and so does a stop once nothing waits.
    private func decideWhetherToKeep() {
        if let reader, !reader.canDrain(limit: owner.configuration.drainBytes) { keeps = false }
        guard keeps, owner.state.isStopping.load(ordering: .relaxed) else { return }
        connection.receive()
        keeps = connection.unreadCount > 0 && reader?.isFinished != false
    }

    private func start(_ body: [UInt8]) throws(ClientGone) -> Bool {
        if head.method == .head { return try join(.length(body.count), []) }
        guard body.count > Self.joinedBytes else { return try join(.length(body.count), body) }
        rest = .large(head: headBytes(.length(body.count)), body: body)
        return false
    }

    /// Sends head and body in one go, put together where the loop puts every such answer together.
    private func join(_ framing: ResponseHead.Framing, _ body: [UInt8]) throws(ClientGone) -> Bool {
        let left = try owner.withOutput { (bytes) throws(ClientGone) in
            appendHead(framing, to: &bytes)
            bytes.append(contentsOf: body)
            return try connection.sendNow(bytes)
        }
        guard left.isEmpty else {
            rest = .bytes(left, bodyBytes: body.count)
            return false
        }
        sentBytes = body.count
        return true
    }

    private func stream(
        _ isCompressed: Bool, _ write: @Sendable (ResponseWriter) async throws -> Void
    ) async throws {
        let isChunked = head.minorVersion == 1
        if !isChunked { keeps = false }
        let framing = isChunked ? ResponseHead.Framing.chunked : .none
        if head.method == .head {
            if try !join(framing, []) { try await finish() }
            return
        }
        if Compression.isEventStream(response) { try connection.becomeEndless() }
        let stream = BodyStream(
            connection, head: headBytes(framing), isChunked: isChunked,
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

    private func headBytes(_ framing: ResponseHead.Framing) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        appendHead(framing, to: &bytes)
        return bytes
    }

    private func appendHead(_ framing: ResponseHead.Framing, to bytes: inout [UInt8]) {
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
