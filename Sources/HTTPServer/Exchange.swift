import Foundation
import HTTPCore
import HTTPTypes
import Sockets
import Synchronization

// Serves one connection, request after request: head, route, handler, answer. Pipelined requests are handled in order,
// one at a time. After a refusal that leaves the framing in doubt the answer says `Connection: close`, the client is told
// that nothing more comes, and what it still sends is read past for a moment, so that a reset does not overtake the answer.

struct Exchange {
    private let connection: Connection
    private let owner: ServerLoop
    private var parser: HeadParser
    private var state: ServerState { owner.state }

    init(_ connection: Connection) {
        self.connection = connection
        owner = connection.owner
        parser = HeadParser(limits: owner.configuration.parser)
    }

    func serve() async {
        var served = 0
        var keeps = true
        do {
            while keeps, let head = try await readHead(isFirst: served == 0) {
                connection.isIdle = false
                served += 1
                let isLast = served >= owner.configuration.requestsPerConnection
                keeps = try await handle(head, isLast: isLast)
                connection.isIdle = keeps
            }
        } catch let failure as ParseFailure {
            keeps = false
            await refuse(Refusal(failure))
        } catch is HeadTimeout {
            keeps = false
            await refuse(.timeout)
        } catch {
            // The client has gone: there is nobody to answer.
            return
        }
        if !keeps { await linger() }
    }

    private struct HeadTimeout: Error {}

    /// The next head; nil when the client is done, or is to be.
    private func readHead(isFirst: Bool) async throws -> RequestHead? {
        var scanned = 0
        var hasBegun = false
        connection.setDeadline(
            after: isFirst ? owner.configuration.firstByteSeconds : owner.configuration.idleSeconds)
        defer { connection.clearDeadline() }
        while true {
            if connection.unreadCount > 0 {
                let parser = parser
                let result = try connection.withUnread { (bytes) throws(ParseFailure) in
                    try parser.parse(bytes, scanned: &scanned)
                }
                if case .head(let head, let count) = result {
                    connection.consume(count)
                    return head
                }
                if !hasBegun {
                    hasBegun = true
                    connection.isIdle = false
                    connection.setDeadline(after: owner.configuration.headSeconds)
                }
            } else if state.isStopping.load(ordering: .relaxed) {
                return nil
            }
            guard await connection.waitForBytes() else {
                if hasBegun, connection.isExpired { throw HeadTimeout() }
                return nil
            }
        }
    }

    // MARK: One request

    /// True when the connection can carry another.
    private func handle(_ head: RequestHead, isLast: Bool) async throws -> Bool {
        let begin = ContinuousClock.now
        let fields = head.request.headerFields
        let id = RequestID.kept(fields[RequestID.name]) ?? RequestID.make()
        let match =
            head.target.isAsterisk
            ? .options(state.router.allMethods) : state.router.match(head.request.method, head.target.segments)
        var options = RouteOptions()
        if case .route(let route, _) = match { options = route.options }
        let reader =
            head.framing == .none
            ? nil
            : BodyReader(connection, head.framing, limit: options.bodyLimit, expectsContinue: head.expectsContinue)
        var keeps = head.keepsAlive && !isLast
        var route = ""
        var response: Response
        if case .length(let length) = head.framing, let limit = options.bodyLimit, length > limit {
            response = state.hooks.refusal(.bodyTooLarge, id)
            keeps = false
        } else {
            switch match {
            case .notFound: response = state.hooks.refusal(.notFound, id)
            case .notAllowed(let allow):
                response = state.hooks.refusal(.methodNotAllowed(allow: allow), id)
                response.headerFields[.allow] = Self.list(allow)
            case .options(let allow):
                response = Response(status: .noContent, headerFields: [.allow: Self.list(allow)])
            case .route(let found, let parameters):
                route = found.pattern
                let request = request(head, id: id, route: found, parameters: parameters, reader: reader)
                response = await run(found.handler, request)
            }
        }
        if connection.isBroken { throw ClientGone() }
        if state.isStopping.load(ordering: .relaxed) { keeps = false }
        if reader?.failure == .incomplete, connection.isExpired { response = state.hooks.refusal(.timeout, id) }
        if let reader, !reader.isFinished, !canDrain(reader) { keeps = false }
        let sent = try await send(response, to: head, id: id, keeps: &keeps)
        if keeps, let reader { keeps = await reader.drain(limit: owner.configuration.drainBytes) }
        if let completed = state.hooks.completed {
            completed(
                CompletedRequest(
                    method: head.request.method.rawValue, path: head.target.rawPath, route: route,
                    status: response.status.code, requestBytes: reader?.receivedBytes ?? 0, responseBytes: sent,
                    duration: ContinuousClock.now - begin, clientAddress: PeerFacts(head, connection).address,
                    requestID: id, traceParent: fields[RequestID.traceParent]))
        }
        return keeps
    }

    private func canDrain(_ reader: BodyReader) -> Bool { reader.failure == nil && !reader.isHeldBack }

    private func run(_ handler: Handler, _ request: Request) async -> Response {
        do {
            return try await handler(request)
        } catch {
            return state.hooks.failure(error, request)
        }
    }

    private func request(
        _ head: RequestHead, id: String, route: Router.Route, parameters: [String: String], reader: BodyReader?
    ) -> Request {
        let encoding = head.request.headerFields[.contentEncoding]?.lowercased()
        let facts = PeerFacts(head, connection)
        return Request(
            head: head.request, path: head.target.rawPath, query: head.target.query, route: route.pattern,
            parameters: parameters, id: id, peer: connection.peer, clientAddress: facts.address, scheme: facts.scheme,
            body: RequestBody(reader: reader, encoding: encoding, options: route.options))
    }

    // MARK: Answering

    /// Sends the answer; returns the body's bytes. `keeps` becomes false where only the end of the connection can end it.
    private func send(
        _ given: Response, to head: RequestHead, id: String, keeps: inout Bool
    ) async throws -> Int {
        var response = given
        let isHead = head.request.method == .head
        let code = response.status.code
        if code == 204 || code == 304 || code < 200 {
            response.headerFields[.contentType] = nil
            let bytes = ResponseHead(owner).bytes(
                response, requestID: id, framing: .none, connection: option(keeps, head))
            try await connection.send(bytes)
            return 0
        }
        let deflater = compress(&response, for: head)
        switch response.body {
        case .empty, .bytes:
            var body: [UInt8] = []
            if case .bytes(let bytes) = response.body { body = bytes }
            if let deflater {
                var compressed: [UInt8] = []
                deflater.deflate(body, .finish, into: &compressed)
                body = compressed
            }
            var bytes = ResponseHead(owner).bytes(
                response, requestID: id, framing: .length(body.count), connection: option(keeps, head))
            if !isHead { bytes.append(contentsOf: body) }
            try await connection.send(bytes)
            return isHead ? 0 : body.count
        case .stream(let write):
            let isChunked = head.minorVersion == 1
            if !isChunked { keeps = false }
            let bytes = ResponseHead(owner).bytes(
                response, requestID: id, framing: isChunked ? .chunked : .none, connection: option(keeps, head))
            if isHead {
                try await connection.send(bytes)
                return 0
            }
            let stream = BodyStream(connection, head: bytes, isChunked: isChunked, deflater: deflater)
            try await write(ResponseWriter(stream: stream))
            try await stream.finish()
            return stream.sentBytes
        }
    }

    /// Marks the response as compressed and returns the compressor, where it is worthwhile and the client takes it.
    private func compress(_ response: inout Response, for head: RequestHead) -> Deflater? {
        guard Compression.isWorthwhile(response.headerFields[.contentType]),
            response.headerFields[.contentEncoding] == nil, response.headerFields[.cacheControl] != "no-transform"
        else { return nil }
        if case .bytes(let bytes) = response.body, bytes.count < owner.configuration.compressedFromBytes { return nil }
        if case .empty = response.body { return nil }
        response.headerFields[.vary] =
            response.headerFields[.vary].map { "\($0), Accept-Encoding" } ?? "Accept-Encoding"
        guard Compression.acceptsGzip(head.request.headerFields[.acceptEncoding]) else { return nil }
        response.headerFields[.contentEncoding] = "gzip"
        if let tag = response.headerFields[.eTag] { response.headerFields[.eTag] = Compression.entityTag(tag) }
        return Deflater(level: owner.configuration.compressionLevel)
    }

    private func option(_ keeps: Bool, _ head: RequestHead) -> String? {
        if !keeps { return "close" }
        return head.minorVersion == 0 ? "keep-alive" : nil
    }

    private static func list(_ methods: [HTTPRequest.Method]) -> String {
        methods.map(\.rawValue).joined(separator: ", ")
    }

    /// Answers what cannot be read on; the connection closes afterwards.
    private func refuse(_ refusal: Refusal) async {
        let id = RequestID.make()
        let response = state.hooks.refusal(refusal, id)
        var bytes = ResponseHead(owner).bytes(
            response, requestID: id, framing: .length(response.body.count), connection: "close")
        if case .bytes(let body) = response.body { bytes.append(contentsOf: body) }
        do { try await connection.send(bytes) } catch { return }
        state.hooks.completed?(
            CompletedRequest(
                method: "", path: "", route: "", status: response.status.code, requestBytes: 0,
                responseBytes: response.body.count, duration: .zero, clientAddress: connection.peer.host, requestID: id,
                traceParent: nil))
    }

    /// Reads past what the client still sends, for two seconds at most.
    private func linger() async {
        connection.shutdownWriting()
        connection.consume(connection.unreadCount)
        connection.setDeadline(after: 2)
        var budget = 64 << 20
        while budget > 0, await connection.waitForBytes() {
            budget -= connection.unreadCount
            connection.consume(connection.unreadCount)
        }
    }
}

extension Refusal {
    init(_ failure: ParseFailure) {
        switch failure {
        case .malformed(let reason): self = .malformed(reason)
        case .targetTooLong: self = .targetTooLong
        case .fieldsTooLarge: self = .fieldsTooLarge
        case .unknownTransferCoding: self = .unknownTransferCoding
        case .unsupportedVersion: self = .unsupportedVersion
        case .unknownExpectation: self = .unknownExpectation
        }
    }
}
