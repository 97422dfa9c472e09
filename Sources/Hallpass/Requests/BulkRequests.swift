import Foundation
import HTTPServer
import HTTPTypes
import Integrations
import Postgres

// `POST /v1/requests/bulk`: one action on up to 500 requests, each in a transaction of its own, several at a time. With an
// Idempotency-Key each request's result is stored in that request's transaction, so a call that broke off is taken up where
// it was: a retry does only the rest. The finished answer is stored last and replayed whole.

enum BulkRequests {
    private static let parallel = 8

    struct Input {
        var action: ActionName
        var ids: [UUID]
        var maxAffected: Int?
        var body: JSONValue?
    }

    static let run: @Sendable (Call) async throws -> Answer = { call in
        guard let principal = call.principal else { preconditionFailure("bulk needs a token") }
        let bytes = try await call.request.body.collect()
        let json = try EndpointRunner.json(bytes)
        let isDryRun = call.request.queryItems.contains { $0.name == "dry_run" && $0.value == "true" }
        let key = isDryRun ? nil : try IdempotencyKey(of: call, tokenID: principal.tokenID, body: bytes)
        var done: [UUID: JSONValue] = [:]
        if let key {
            switch try await begin(key, call, principal) {
            case .replay(let answer): return answer
            case .resume(let results): done = results
            }
        }
        let input = try read(json, call)
        let job = Job(call: call, principal: principal, input: input, key: key, isDryRun: isDryRun)
        var results = done
        let rest = input.ids.filter { done[$0] == nil }
        var wouldSend: [Work.OutgoingMail] = []
        for start in stride(from: 0, to: rest.count, by: parallel) {
            let batch = rest[start..<min(start + parallel, rest.count)]
            try await withThrowingTaskGroup(of: (UUID, JSONValue, [Work.OutgoingMail]).self) { group in
                for id in batch { group.addTask { try await job.run(id) } }
                for try await (id, result, mails) in group {
                    results[id] = result
                    wouldSend += mails
                }
            }
        }
        let ordered = input.ids.compactMap { results[$0] }
        var answer = Answer.json { writer in
            writer.object { writer in
                writer.member("results", array: { writer in for result in ordered { writer.value(result) } })
            }
        }
        if isDryRun { answer = answer.withWouldSend(wouldSend) }
        if let key { try await finish(key, answer, call, principal) }
        return answer
    }

    private static func read(_ json: JSONValue?, _ call: Call) throws(Problem) -> Input {
        let complaints = Complaints()
        var query = call.query(complaints)
        _ = query.bool("dry_run")
        query.finish()
        var reader = ObjectReader(json, complaints: complaints)
        let action: ActionName? = reader.choice("action", required: true)
        if action == .share || action == .checklist {
            reader.complain("action", "must be an action of one request's table, other than share")
        }
        let maxAffected = reader.integer("max_affected", in: 0...500)
        var ids: [UUID] = []
        for (index, value) in (reader.array("ids", count: 1...500, required: true) ?? []).enumerated() {
            if let id = value.string.flatMap({ Identifier.parse($0) }) {
                if !ids.contains(id) { ids.append(id) }
            } else {
                complaints.add(.pointer("/ids/\(index)"), "must be an id (a UUID)")
            }
        }
        let body = reader.value("body")
        var bodyReader = ObjectReader(body, pointer: "/body", complaints: complaints)
        if let action { _ = RequestActions.read(action, &bodyReader) }
        bodyReader.finish()
        reader.finish()
        try complaints.check()
        if let maxAffected, ids.count > maxAffected {
            throw Problem(
                status: 422, code: .maxAffectedExceeded,
                detail:
                    "\(ids.count) requests would be affected, more than max_affected (\(maxAffected)). Nothing was done."
            )
        }
        guard let action else { preconditionFailure("an input without a complaint is whole") }
        return Input(action: action, ids: ids, maxAffected: maxAffected, body: body)
    }

    // MARK: Idempotency

    private enum Beginning {
        case replay(Answer)
        case resume([UUID: JSONValue])
    }

    /// Looks the key up, and writes it down as begun.
    private static func begin(_ key: IdempotencyKey, _ call: Call, _ principal: Principal) async throws -> Beginning {
        try await call.application.perform(author: .token(principal), now: call.now, httpRequestID: call.request.id) {
            work in
            let rows = try await work.transaction.query(all: key.lookup)
            if let answer = try key.answer(from: rows[0], rows[1], requestID: call.request.id) {
                return .replay(answer)
            }
            work.transaction.execute(key.beginning)
            let stored = try await work.transaction.query(key.results)
            var results: [UUID: JSONValue] = [:]
            for row in stored {
                guard let bytes = try row.get(1, as: [UInt8]?.self) else { continue }
                results[try row.get(0)] = try JSONParser.parse(bytes)
            }
            return .resume(results)
        }
    }

    private static func finish(
        _ key: IdempotencyKey, _ answer: Answer, _ call: Call, _ principal: Principal
    ) async throws {
        try await call.application.perform(author: .token(principal), now: call.now, httpRequestID: call.request.id) {
            work in
            key.store(answer, in: work)
        }
    }

    /// One request's part of the call.
    private struct Job: Sendable {
        let call: Call
        let principal: Principal
        let input: Input
        let key: IdempotencyKey?
        let isDryRun: Bool

        func run(_ id: UUID) async throws -> (UUID, JSONValue, [Work.OutgoingMail]) {
            try await call.application.perform(
                author: .token(principal), now: call.now, httpRequestID: call.request.id, dryRun: isDryRun
            ) { work in
                let result = try await result(of: id, work)
                if let key { work.transaction.execute(key.result(id, result, districtID: work.districtIDs.first)) }
                return (id, result, work.outgoing)
            }
        }

        private func result(of id: UUID, _ work: Work) async throws -> JSONValue {
            do {
                let rows = try await work.transaction.query(all: Work.caseQueries(.request(id)))
                guard var locked = try work.readCase(rows, addressed: id) else { throw Problem.notFound("request") }
                var reader = ObjectReader(input.body, pointer: "/body", complaints: Complaints())
                guard let command = RequestActions.read(input.action, &reader) else {
                    preconditionFailure("the body was read without a complaint before")
                }
                try locked.decide(command, on: id, for: work)
                try await work.write(&locked)
                return Self.success(id, locked.value, now: work.now)
            } catch let error where ProblemResponse.problem(for: error).status < 500 {
                return Self.failure(id, ProblemResponse.problem(for: error), requestID: call.request.id)
            }
        }

        private static func success(_ id: UUID, _ value: DistrictCase, now: Date) -> JSONValue {
            var writer = JSONWriter(reserving: 2048)
            if let request = value.request(id) { RequestJSON.write(request, in: value, now: now, to: &writer) }
            return .object([
                .init(name: "id", value: .string(Identifier.format(id))), .init(name: "status", value: .number("200")),
                .init(name: "request", value: parsed(writer.bytes)),
            ])
        }

        private static func failure(_ id: UUID, _ problem: Problem, requestID: String) -> JSONValue {
            var members: [JSONValue.Member] = [
                .init(name: "id", value: .string(Identifier.format(id))),
                .init(name: "status", value: .number(String(problem.status))),
                .init(name: "code", value: .string(problem.code.rawValue)),
                .init(name: "detail", value: .string(problem.detail)),
            ]
            members += problem.members
            if !problem.errors.isEmpty {
                members.append(
                    .init(name: "errors", value: parsed(problem.body(requestID: requestID))["errors"] ?? .array([])))
            }
            return .object(members)
        }

        private static func parsed(_ bytes: [UInt8]) -> JSONValue {
            do { return try JSONParser.parse(bytes) } catch { preconditionFailure("what we write is JSON: \(error)") }
        }
    }
}
