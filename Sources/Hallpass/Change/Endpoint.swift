import Foundation
import HTTPServer
import HTTPTypes
import Logging
import Postgres

/// One row of the table of routes: who may call it, and what it runs.
struct Endpoint: Sendable {
    enum Action: Sendable {
        /// Answers without a token, and at once.
        case immediate(@Sendable (Call) -> Answer)
        /// Answers without a token.
        case open(@Sendable (Call) async throws -> Answer)
        /// Answers a token of the role without changing anything.
        case read(Role, @Sendable (Call) async throws -> Answer)
        /// Runs in a transaction with the conventions of every change.
        case change(Role, @Sendable (Change) async throws -> Answer)
        /// Reads its own body and makes its own transactions (uploads, bulk); a token of the role.
        case raw(Role, @Sendable (Call) async throws -> Answer)
    }

    var method: HTTPRequest.Method
    var pattern: String
    var action: Action
    var options: RouteOptions
    /// Media types that the body may have beside none; others are 415.
    var mediaTypes: Set<String>

    init(
        _ method: HTTPRequest.Method, _ pattern: String, _ action: Action, options: RouteOptions = .init(),
        mediaTypes: Set<String> = ["application/json"]
    ) {
        self.method = method
        self.pattern = pattern
        self.action = action
        self.options = options
        self.mediaTypes = mediaTypes
    }
}

// What `respond` holds while it waits is memory that each connection touches at each request, and among a thousand
// connections most of what a request costs. So what waits less often is kept out of it: `@inline(never)`.

/// Runs an endpoint's action on a request: authentication, role, media type, body, transaction, answer.
final class EndpointRunner: Sendable {
    private let application: Application
    private let endpoint: Endpoint

    init(application: Application, endpoint: Endpoint) {
        self.application = application
        self.endpoint = endpoint
    }

    /// Puts the endpoint among a router's routes.
    func route(by router: inout Router) {
        if case .immediate(let run) = endpoint.action {
            router.on(
                endpoint.method, endpoint.pattern, options: endpoint.options,
                immediately: { [self] in atOnce($0, run) })
        } else {
            router.on(endpoint.method, endpoint.pattern, options: endpoint.options, respond)
        }
    }

    func respond(to request: Request) async throws -> Response {
        do {
            switch endpoint.action {
            case .immediate(let run): return atOnce(request, run)
            case .open(let run):
                return Self.response(try await run(anonymous(request)), to: request)
            case .read(let role, let run):
                if let call = try remembered(request, role) {
                    return Self.response(try await run(call), to: request)
                }
                return Self.response(try await run(authorized(request, role)), to: request)
            case .raw(let role, let run): return try await raw(request, role, run)
            case .change(let role, let run): return try await change(request, role, run)
            }
        } catch {
            return ProblemResponse.make(error, request: request, application: application)
        }
    }

    @inline(never)
    private func atOnce(_ request: Request, _ run: @Sendable (Call) -> Answer) -> Response {
        Self.response(run(anonymous(request)), to: request)
    }

    @inline(never)
    private func anonymous(_ request: Request) -> Call {
        Call(application: application, request: request, principal: nil, now: application.now())
    }

    /// The call of a token that is remembered. Nothing is waited for, so what a connection's task holds stays small.
    @inline(never)
    private func remembered(_ request: Request, _ role: Role) throws(Problem) -> Call? {
        let now = application.now()
        let principal = try application.tokens.remembered(request, role: role, now: now, observe: application.observe)
        return principal.map { Call(application: application, request: request, principal: $0, now: now) }
    }

    @inline(never)
    private func authorized(_ request: Request, _ role: Role) async throws -> Call {
        if let call = try remembered(request, role) { return call }
        let now = application.now()
        let principal = try await application.tokens.find(
            request, role: role, now: now, observe: application.observe)
        return Call(application: application, request: request, principal: principal, now: now)
    }

    @inline(never)
    private func raw(
        _ request: Request, _ role: Role, _ run: @Sendable (Call) async throws -> Answer
    ) async throws -> Response {
        let call = try await authorized(request, role)
        try checkMediaType(request)
        return Self.response(try await run(call), to: request)
    }

    @inline(never)
    private func change(
        _ request: Request, _ role: Role, _ run: @escaping @Sendable (Change) async throws -> Answer
    ) async throws -> Response {
        let call = try await authorized(request, role)
        try checkMediaType(request)
        return Self.response(try await change(call, run), to: request)
    }

    private func change(
        _ call: Call, _ run: @escaping @Sendable (Change) async throws -> Answer
    ) async throws -> Answer {
        guard let principal = call.principal else { preconditionFailure("a change is made by somebody") }
        let body = try await call.request.body.collect()
        let json = try Self.json(body)
        let isDryRun = call.isDryRun
        let given = try IdempotencyKey(of: call, tokenID: principal.tokenID, body: body)
        let key = isDryRun ? nil : given
        do {
            return try await application.perform(
                author: .token(principal), now: call.now, trace: call.trace, dryRun: isDryRun
            ) { work in
                let change = Change(call: call, work: work, json: json, idempotency: key, isDryRun: isDryRun)
                return try await Self.outcome(of: change, run)
            }.get()
        } catch let replay as Change.Replay {
            return replay.answer
        }
    }

    /// Refusals that came from running the change (404, 409) are stored under the key and committed as any answer is;
    /// the action has written nothing by then.
    private static func outcome(
        of change: Change, _ run: @Sendable (Change) async throws -> Answer
    ) async throws -> Result<Answer, Problem> {
        do {
            var answer = try await run(change)
            try await change.begin()
            if change.isDryRun { answer = answer.withWouldSend(change.work.outgoing) }
            change.store(answer)
            return .success(answer)
        } catch let error where ProblemResponse.problem(for: error).isStored {
            // A malformed id is refused before anything is looked up, and an earlier answer under the key comes first.
            try await change.begin()
            let problem = ProblemResponse.problem(for: error)
            change.store(problem.answer(requestID: change.call.request.id))
            return .failure(problem)
        }
    }

    /// The body as a tree; nil when absent. - Throws: 400 `malformed_json`.
    static func json(_ body: [UInt8]) throws(Problem) -> JSONValue? {
        if body.isEmpty { return nil }
        do throws(JSONSyntaxError) {
            return try JSONParser.parse(body)
        } catch {
            throw Problem(
                status: 400, code: .malformedJSON,
                detail: "The body is not JSON: \(error.reason), at byte \(error.offset). Send a JSON object in UTF-8.")
        }
    }

    private func checkMediaType(_ request: Request) throws(Problem) {
        guard let field = request.field(.contentType), !endpoint.mediaTypes.contains(field) else { return }
        let type = field.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
        guard endpoint.mediaTypes.contains(type) else {
            throw Problem(
                status: 415, code: .unsupportedMediaType,
                detail: "Send \(endpoint.mediaTypes.sorted().joined(separator: " or ")), or no Content-Type.")
        }
    }

    @inline(never)
    static func response(_ answer: Answer, to request: Request) -> Response {
        var fields = answer.headerFields
        if let location = answer.location { fields[.location] = location }
        if let version = answer.version {
            fields[.eTag] = EntityTag.format(version)
            let isRead = request.method == .get || request.method == .head
            if isRead, let field = request.field(.ifNoneMatch),
                let known = EntityTag.known(field, version: version)
            {
                fields[.eTag] = known
                fields[.vary] = "Accept-Encoding"
                return Response(status: .notModified, headerFields: fields)
            }
        }
        let status = HTTPResponse.Status(integerLiteral: answer.status)
        switch answer.body {
        case .none: return Response(status: status, headerFields: fields)
        case .json(let bytes):
            fields.append(jsonType)
            return Response(status: status, headerFields: fields, body: .bytes(bytes))
        case .other(let contentType, let body):
            fields.append(
                contentType == textType.value ? textType : HTTPField(name: .contentType, value: contentType))
            return Response(status: status, headerFields: fields, body: body)
        }
    }

    // Fields that are made once: making one looks at each of its characters.
    private static let jsonType = HTTPField(name: .contentType, value: "application/json")
    private static let textType = HTTPField(name: .contentType, value: "text/plain; charset=utf-8")
}

extension Problem {
    /// Whether an idempotency record keeps it: it came from running the change.
    var isStored: Bool { (status == 404 || status == 409) && code != .idempotencyInProgress }

    /// The problem as an answer, for the idempotency record and its replay.
    func answer(requestID: String) -> Answer {
        Answer(
            status: status,
            body: .other(contentType: ProblemResponse.contentType, .bytes(body(requestID: requestID))))
    }
}

extension Answer {
    /// A dry run's answer: the same, with what would be sent.
    func withWouldSend(_ mails: [Work.OutgoingMail]) -> Answer {
        guard case .json(let bytes) = body, bytes.last == UInt8(ascii: "}") else {
            var answer = self
            if case .none = body { answer.status = 200 }
            answer.body = .json(Self.wouldSend(mails, in: [UInt8(ascii: "{"), UInt8(ascii: "}")]))
            return answer
        }
        var answer = self
        answer.body = .json(Self.wouldSend(mails, in: bytes))
        return answer
    }

    private static func wouldSend(_ mails: [Work.OutgoingMail], in object: [UInt8]) -> [UInt8] {
        var writer = JSONWriter()
        writer.array { writer in
            for mail in mails {
                writer.object { writer in
                    writer.member("to", mail.to)
                    writer.member("template", mail.template)
                    writer.member("subject", mail.subject)
                }
            }
        }
        let comma = object.count > 2 ? "," : ""
        return object.dropLast() + Array("\(comma)\"would_send\":".utf8) + writer.bytes + [UInt8(ascii: "}")]
    }
}
