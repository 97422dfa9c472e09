import HTTPCore
import HTTPTypes
import Sockets
import Synchronization

// Serves one connection, request after request: head, route, handler, answer. Pipelined requests are handled in order, one
// at a time; after a number of them the loop's other connections have their turn. While the connection's task waits for a
// request, the loop itself parses what comes, and answers what needs no waiting (`ImmediateHandler`, a refusal) on the spot:
// the task is woken for the others, with the request or the answer that is begun. After a refusal that leaves the framing in
// doubt the answer says `Connection: close`, the client is told that nothing more comes, and what it still sends is read past
// for a moment, so that a reset does not overtake the answer. Once the server stops, requests that have come are still
// answered, and the last answer says `close`.

/// Touched by the loop's thread alone, as its connection is.
final class Exchange {
    /// Bytes of what a client still sends that are read past after the last answer.
    private static let lingerBytes = 64 << 20

    private let connection: Connection
    private let owner: ServerLoop
    private let parser: HeadParser
    @exclusivity(unchecked) private var reading = Reading(isFirst: true)
    @exclusivity(unchecked) private var served = 0
    /// Requests since one was waited for, or since the loop's others had their turn.
    @exclusivity(unchecked) private var inARow = 0
    /// What the loop came upon and leaves to the task.
    @exclusivity(unchecked) private var left: Result<Step, any Error>?
    private var state: ServerState { owner.state }

    /// How far the reading of a head has come.
    private struct Reading {
        let isFirst: Bool
        var scanned = 0
        var hasBegun = false
    }

    private enum Step {
        case needsBytes
        case answered
        /// For a handler that may wait.
        case request(Request, Handler, Answer)
        /// The answer has begun: some of it is still to be sent, or a body to be read past, or it is the last.
        case unfinished(Answer)
    }

    private struct HeadTimeout: Error {}

    init(_ connection: Connection) {
        self.connection = connection
        owner = connection.owner
        parser = HeadParser(limits: owner.configuration.parser)
    }

    /// Returns when the connection is to be closed. - Returns: whether by a reset, because an answer is not whole.
    func serve() async -> Bool {
        var keeps = true
        do {
            beginReading()
            serving: while keeps {
                switch try next() {
                case .needsBytes:
                    inARow = 0
                    guard !isOver else {
                        connection.clearDeadline()
                        if reading.hasBegun, connection.isExpired { throw HeadTimeout() }
                        break serving
                    }
                    await connection.waitForRequest(self)
                case .answered: break
                case .request(let request, let handler, let answer):
                    keeps = try await handle(request, handler, answer)
                case .unfinished(let answer): keeps = try await finish(answer)
                }
                if inARow >= owner.configuration.pipelinedRequests {
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

    /// Called by the connection when something has come while the task waits for a request. Answers what needs no waiting.
    /// - Returns: whether the task is to go on, with what is `left`.
    func take() -> Bool {
        do {
            while true {
                let step = try step()
                if case .needsBytes = step {
                    inARow = 0
                    return false
                }
                if case .answered = step, inARow < owner.configuration.pipelinedRequests { continue }
                left = .success(step)
                return true
            }
        } catch {
            left = .failure(error)
            return true
        }
    }

    private func next() throws -> Step {
        guard let left else { return try step() }
        self.left = nil
        return try left.get()
    }

    private func beginReading() {
        reading = Reading(isFirst: connection.phase == .fresh)
        connection.setDeadline(
            after: reading.isFirst ? owner.configuration.firstByteSeconds : owner.configuration.idleSeconds)
    }

    /// No further request is to be expected: nothing more comes, or the server stops and nothing of one has come.
    private var isOver: Bool {
        connection.isAtEnd || connection.isBroken || connection.isExpired
            || connection.unreadCount == 0 && !reading.isFirst && state.isStopping.load(ordering: .relaxed)
    }

    // MARK: What needs no waiting

    /// Reads a request if it has come whole, and answers it if nothing has to be waited for.
    private func step() throws -> Step {
        guard let head = try nextHead() else { return .needsBytes }
        connection.clearDeadline()
        served += 1
        inARow += 1
        let answer = Answer(connection, head)
        do {
            if let request = course(head, answer, isLast: served >= owner.configuration.requestsPerConnection) {
                switch request.handling {
                case .waiting(let handler): return .request(request, handler, answer)
                case .immediate(let handler):
                    do {
                        answer.response = try handler(request)
                    } catch {
                        answer.response = try response(to: error, request, answer)
                    }
                }
            }
            guard try answer.start(), answer.keeps, answer.reader == nil else { return .unfinished(answer) }
        } catch {
            answer.completed(isWhole: false)
            throw error
        }
        _ = complete(answer)
        return .answered
    }

    /// The next head, if it has come whole.
    private func nextHead() throws -> RequestHead? {
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

    // MARK: What may wait

    /// True when the connection can carry another request.
    private func handle(_ request: Request, _ handler: Handler, _ answer: Answer) async throws -> Bool {
        do {
            do {
                answer.response = try await handler(request)
            } catch {
                answer.response = try response(to: error, request, answer)
            }
            if try !answer.start() { try await answer.finish() }
        } catch {
            answer.completed(isWhole: false)
            throw error
        }
        if answer.keeps, let reader = answer.reader { await drain(reader, answer) }
        return complete(answer)
    }

    /// Goes on with an answer that has begun. True when the connection can carry another request.
    private func finish(_ answer: Answer) async throws -> Bool {
        do {
            try await answer.finish()
        } catch {
            answer.completed(isWhole: false)
            throw error
        }
        if answer.keeps, let reader = answer.reader { await drain(reader, answer) }
        return complete(answer)
    }

    private func drain(_ reader: BodyReader, _ answer: Answer) async {
        answer.keeps = await reader.drain(limit: owner.configuration.drainBytes)
    }

    private func complete(_ answer: Answer) -> Bool {
        answer.completed(isWhole: true)
        if answer.keeps {
            connection.phase = .idle
            beginReading()
        }
        return answer.keeps
    }

    // MARK: The course of a request

    /// What goes to a handler; nil for what has its response already.
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
