import Foundation
import HTTPServer
import HTTPTypes
import Integrations
import Postgres

// `POST /v1/requests/bulk`: one action on up to 500 requests, each in a transaction of its own. Requests of one district
// depend on each other, so they come one after the other in the order given (approving takes SSO first, since rostering
// needs it); districts run side by side. With an Idempotency-Key a transaction around them all holds the key's lock, on
// whichever instance: another call with the key is told so, a process that dies lets go of it with its connection, and the
// finished answer is stored by the commit that lets go. Each request's result is stored in that request's transaction and
// looked for under the district's lock, so a call that broke off is taken up where it was, and even when the lock was lost
// on the way each request is done once. A refused input is not stored.

enum BulkRequests {
    private static let parallel = 8

    static let run: @Sendable (Call) async throws -> Answer = { call in
        guard let principal = call.principal else { preconditionFailure("bulk needs a token") }
        let bytes = try await call.request.body.collect()
        let json = try EndpointRunner.json(bytes)
        let given = try IdempotencyKey(of: call, tokenID: principal.tokenID, body: bytes)
        guard let key = call.isDryRun ? nil : given else {
            let job = BulkJob(call: call, principal: principal, input: try BulkInput.read(json, call), key: nil)
            return try await carryOut(job, done: [:]).answer
        }
        return try await perform(call, principal, lane: .long) { holder in
            let done: [UUID: [UInt8]]
            switch try await lookUp(key, holder.transaction, call) {
            case .replay(let answer): return answer
            case .resume(let results): done = results
            }
            let job = BulkJob(call: call, principal: principal, input: try BulkInput.read(json, call), key: key)
            try await perform(call, principal) { work in for query in key.beginning { work.transaction.execute(query) }
            }
            let outcome = try await carryOut(job, done: done)
            holder.districtIDs = outcome.districtIDs
            key.store(outcome.answer, in: holder)
            return outcome.answer
        }
    }

    private struct Outcome {
        var answer: Answer
        var districtIDs: Set<UUID>
    }

    /// - Parameter done: results of an earlier call with the key.
    private static func carryOut(_ job: BulkJob, done: [UUID: [UInt8]]) async throws -> Outcome {
        let ids = job.input.ids
        var results = done
        var mails: [UUID: [Work.OutgoingMail]] = [:]
        var districtIDs: Set<UUID> = []
        let groups = try await groups(of: job.input, job.call)
            .map { $0.filter { done[$0] == nil } }.filter { !$0.isEmpty }
        try await withThrowingTaskGroup(of: [BulkResult].self) { tasks in
            var rest = groups[...]
            for _ in 0..<parallel {
                if let ids = rest.popFirst() { tasks.addTask { try await job.run(ids) } }
            }
            while let finished = try await tasks.next() {
                for result in finished {
                    results[result.id] = result.json
                    mails[result.id] = result.mails
                    if let districtID = result.districtID { districtIDs.insert(districtID) }
                }
                if let ids = rest.popFirst() { tasks.addTask { try await job.run(ids) } }
            }
        }
        let ordered = ids.compactMap { results[$0] }
        var answer = Answer.json { writer in
            writer.object { writer in
                writer.member("results", array: { writer in for result in ordered { writer.raw(bytes: result) } })
            }
        }
        if job.call.isDryRun { answer = answer.withWouldSend(ids.flatMap { mails[$0] ?? [] }) }
        return Outcome(answer: answer, districtIDs: districtIDs)
    }

    /// The ids by district, each district's in the order in which they are to be carried out.
    private static func groups(of input: BulkInput, _ call: Call) async throws -> [[UUID]] {
        let rows = try await call.read(
            Query("bulk.districts", "SELECT id, district_id, kind FROM request WHERE id = ANY(\(input.ids))"))
        var places: [UUID: (districtID: UUID, isSSO: Bool)] = [:]
        for row in rows {
            places[try row.get(0)] = (try row.get(1), try row.get(2, as: String.self) == Kind.sso.rawValue)
        }
        var groups: [[UUID]] = []
        var groupOfDistrict: [UUID: Int] = [:]
        for id in input.ids {
            if let districtID = places[id]?.districtID, let index = groupOfDistrict[districtID] {
                groups[index].append(id)
            } else {
                if let districtID = places[id]?.districtID { groupOfDistrict[districtID] = groups.count }
                groups.append([id])
            }
        }
        guard input.action == .approve else { return groups }
        return groups.map { ids in
            ids.filter { places[$0]?.isSSO == true } + ids.filter { places[$0]?.isSSO != true }
        }
    }

    // MARK: Idempotency

    private enum Lookup: Sendable {
        case replay(Answer)
        case resume([UUID: [UInt8]])
    }

    /// Takes the key's lock for the transaction, and looks for what is stored under the key.
    private static func lookUp(_ key: IdempotencyKey, _ transaction: Transaction, _ call: Call) async throws -> Lookup {
        let rows = try await transaction.query(all: key.lookup + [key.results])
        if let answer = try key.answer(from: rows[0], rows[1], requestID: call.request.id) { return .replay(answer) }
        // Without a key that still counts, what lies under it has expired.
        var results: [UUID: [UInt8]] = [:]
        for row in rows[1].isEmpty ? Array(rows[2].prefix(0)) : Array(rows[2]) {
            if let result = try row.get(1, as: [UInt8]?.self) { results[try row.get(0)] = result }
        }
        return .resume(results)
    }

    private static func perform<Result: Sendable>(
        _ call: Call, _ principal: Principal, lane: TransactionLane = .ordinary,
        _ body: (Work) async throws -> Result
    ) async throws -> Result {
        try await call.application.perform(
            author: .token(principal), now: call.now, trace: call.trace, lane: lane, body)
    }
}
