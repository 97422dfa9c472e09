import HTTPCore
import HTTPTypes
import Sockets
import Synchronization

// Serves one connection, request after request: head, route, handler, answer. Pipelined requests are handled in order,
// one at a time; after a number of them the loop's other connections have their turn. After a refusal that leaves the framing in doubt the answer says `Connection: close`, the client is told
// that nothing more comes, and what it still sends is read past for a moment, so that a reset does not overtake the answer.
// Once the server stops, requests that have come are still answered, and the last answer says `close`.

struct Exchange {
    /// Bytes of what a client still sends that are read past after the last answer.
    private static let lingerBytes = 64 << 20

    private let connection: Connection
    private let owner: ServerLoop
    private let parser: HeadParser
    private var state: ServerState { owner.state }

    init(_ connection: Connection) {
        self.connection = connection
        owner = connection.owner
        parser = HeadParser(limits: owner.configuration.parser)
    }

    /// Returns when the connection is to be closed. - Returns: whether by a reset, because an answer is not whole.
    func serve() async -> Bool {
        var served = 0
        var keeps = true
        do {
            var inARow = 0
            while keeps {
                var reading = beginReading()
                var head = try next(&reading)
                if head == nil {
                    inARow = 0
                    while head == nil, !isOver(reading), await connection.waitForBytes() { head = try next(&reading) }
                }
                connection.clearDeadline()
                guard let head else {
                    if reading.hasBegun, connection.isExpired { throw HeadTimeout() }
                    break
                }
                served += 1
                inARow += 1
                let isLast = served >= owner.configuration.requestsPerConnection
                keeps = try await handle(head, isLast: isLast)
                if keeps { connection.phase = .idle }
                if inARow == owner.configuration.pipelinedRequests {
                    inARow = 0
                    await connection.waitForTurn()
                }
            }
        } catch let failure as ParseFailure {
            keeps = false
            await refuse(Refusal(failure))
        } catch is HeadTimeout {
            keeps = false
            await refuse(.timeout)
        } catch {
            // The client has gone, or must see that the answer is not whole.
            return true
        }
        if !keeps { await connection.linger(bytes: Self.lingerBytes) }
        return false
    }

    private struct HeadTimeout: Error {}

    /// How far the reading of a head has come.
    private struct Reading {
        let isFirst: Bool
        var scanned = 0
        var hasBegun = false
    }

    private func beginReading() -> Reading {
        let reading = Reading(isFirst: connection.phase == .fresh)
        connection.setDeadline(
            after: reading.isFirst ? owner.configuration.firstByteSeconds : owner.configuration.idleSeconds)
        return reading
    }

    /// The server stops, and nothing of another request has come.
    private func isOver(_ reading: Reading) -> Bool {
        connection.unreadCount == 0 && !reading.isFirst && state.isStopping.load(ordering: .relaxed)
    }

    /// The next head, if it has come whole. Nothing is waited for here, which keeps all of this off what the task holds.
    private func next(_ reading: inout Reading) throws -> RequestHead? {
        guard connection.unreadCount > 0 else { return nil }
        connection.phase = .busy
        let result = try connection.withUnread { (bytes) throws(ParseFailure) in
            try parser.parse(bytes, scanned: &reading.scanned)
        }
        if case .head(let head, let count) = result {
            connection.consume(count)
            return head
        }
        if !reading.hasBegun {
            reading.hasBegun = true
            connection.setDeadline(after: owner.configuration.headSeconds)
        }
        return nil
    }

    // MARK: One request

    /// True when the connection can carry another.
    private func handle(_ head: RequestHead, isLast: Bool) async throws -> Bool {
        let answer = Answer(connection, head)
        do {
            if let request = course(head, answer, isLast: isLast) {
                do {
                    answer.response = try await request.handler(request)
                } catch {
                    answer.response = try response(to: error, request, answer)
                }
            }
            if try !answer.start() { try await answer.finish() }
        } catch {
            answer.completed(isWhole: false)
            throw error
        }
        if answer.keeps, let reader = answer.reader {
            answer.keeps = await reader.drain(limit: owner.configuration.drainBytes)
        }
        answer.completed(isWhole: true)
        return answer.keeps
    }

    /// What goes to a handler; nil for what has its response already. Nothing is waited for here either.
    private func course(_ head: RequestHead, _ answer: Answer, isLast: Bool) -> Request? {
        let match =
            head.target.isAsterisk
            ? .options(state.router.allMethods) : state.router.match(head.method, head.target.segments)
        if case .route(let route, _) = match { answer.route = route }
        if head.framing != .none {
            let options = answer.route?.options ?? RouteOptions()
            answer.reader = BodyReader(
                connection, head.framing, limit: options.bodyLimit, expectsContinue: head.expectsContinue)
        }
        answer.keeps = head.keepsAlive && !isLast
        if case .length(let length) = head.framing, let limit = (answer.route?.options ?? RouteOptions()).bodyLimit,
            length > limit
        {
            answer.keeps = false
            answer.response = state.hooks.refusal(.bodyTooLarge, answer.id)
            return nil
        }
        switch match {
        case .notFound: answer.response = state.hooks.refusal(.notFound, answer.id)
        case .notAllowed(let allow):
            answer.response = state.hooks.refusal(.methodNotAllowed(allow: allow), answer.id)
            answer.response.headerFields[.allow] = Self.list(allow)
        case .options(let allow):
            answer.response = Response(status: .noContent, headerFields: [.allow: Self.list(allow)])
        case .route(let route, let parameters): return request(head, route, parameters, answer)
        }
        return nil
    }

    /// The answer to what a handler threw. - Throws: `ClientGone` when there is nobody to answer.
    private func response(to error: any Error, _ request: Request, _ answer: Answer) throws(ClientGone) -> Response {
        if connection.isBroken { throw ClientGone() }
        if answer.reader?.failure == .incomplete, connection.isExpired {
            return state.hooks.refusal(.timeout, answer.id)
        }
        if Task.isCancelled { return state.hooks.refusal(.stopping, answer.id) }
        return state.hooks.failure(error, request)
    }

    private func request(
        _ head: RequestHead, _ route: Router.Route, _ parameters: PathParameters, _ answer: Answer
    ) -> Request {
        let encoding = head.fields.value(of: .contentEncoding)?.lowercased()
        return Request(
            head, route, parameters, id: answer.id, isNamedByClient: answer.isNamedByClient,
            traceParent: answer.traceParent, peer: connection.peer, facts: answer.facts,
            body: RequestBody(
                reader: answer.reader, encoding: encoding, options: route.options,
                ratio: owner.configuration.inflationRatio))
    }

    private static func list(_ methods: [HTTPRequest.Method]) -> String {
        methods.map(\.rawValue).joined(separator: ", ")
    }

    /// Answers what cannot be read on; the connection closes afterwards.
    private func refuse(_ refusal: Refusal) async {
        connection.clearDeadline()
        let id = owner.makeRequestID()
        let response = state.hooks.refusal(refusal, id)
        do { try await connection.send(ResponseHead(owner).whole(response, requestID: id)) } catch { return }
        state.hooks.completed?(
            CompletedRequest(
                method: "", path: "", route: "", status: response.status.code, isWhole: true, requestBytes: 0,
                responseBytes: response.body.count, duration: .zero, clientAddress: connection.peer.host, requestID: id,
                traceParent: nil))
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
