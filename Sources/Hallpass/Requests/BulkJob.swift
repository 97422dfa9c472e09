import Foundation
import HTTPServer
import Integrations
import Postgres

/// What one request of a bulk call came to.
struct BulkResult: Sendable {
    var id: UUID
    /// `{"id","status","request"}` or `{"id","status","code",…}`
    var json: [UInt8]
    var mails: [Work.OutgoingMail] = []
    var districtID: UUID?
}

/// Carries out a bulk call's action on the requests of one district.
struct BulkJob: Sendable {
    let call: Call
    let principal: Principal
    let input: BulkInput
    let key: IdempotencyKey?

    /// Each request in its own transaction. A dry run has one for all, so that each sees what those before it would have
    /// done.
    func run(_ ids: [UUID]) async throws -> [BulkResult] {
        if call.isDryRun {
            return try await perform { work in
                var results: [BulkResult] = []
                for id in ids { results.append(try await self.carryOut(on: id, work)) }
                return results
            }
        }
        var results: [BulkResult] = []
        for id in ids { results.append(try await perform { work in try await self.carryOut(on: id, work) }) }
        return results
    }

    private func perform<Result: Sendable>(_ body: (Work) async throws -> Result) async throws -> Result {
        try await call.application.perform(
            author: .token(principal), now: call.now, trace: call.trace, dryRun: call.isDryRun, body)
    }

    private func carryOut(on id: UUID, _ work: Work) async throws -> BulkResult {
        let sent = work.outgoing.count
        let caseQueries = Work.caseQueries(.request(id))
        // The look at what another call with this key has done comes after the lock.
        let rows = try await work.transaction.query(all: caseQueries + (key.map { [$0.result(of: id)] } ?? []))
        if key != nil, let done = try rows.last?.first?.get(0, as: [UInt8]?.self) {
            return BulkResult(id: id, json: done)
        }
        var districtID: UUID?
        var json: [UInt8]
        do {
            guard var locked = try work.readCase(rows.prefix(caseQueries.count)) else {
                throw Problem.notFound("request")
            }
            districtID = locked.value.district.id
            try locked.decide(command(), on: id, for: work)
            try await work.write(&locked)
            json = Self.success(id, locked.value, now: work.now)
        } catch let error where ProblemResponse.problem(for: error).status < 500 {
            json = Self.failure(id, ProblemResponse.problem(for: error))
        }
        if let key { work.transaction.execute(key.store(json, of: id, districtID: districtID)) }
        return BulkResult(id: id, json: json, mails: Array(work.outgoing.dropFirst(sent)), districtID: districtID)
    }

    private func command() -> Command {
        var reader = ObjectReader(input.body, pointer: "/body", complaints: Complaints())
        guard let command = RequestActions.read(input.action, &reader) else {
            preconditionFailure("the body was read without a complaint before")
        }
        return command
    }

    private static func success(_ id: UUID, _ value: DistrictCase, now: Date) -> [UInt8] {
        var writer = JSONWriter(reserving: 2048)
        writer.object { writer in
            writer.member("id", Identifier.format(id))
            writer.member("status", 200)
            if let request = value.request(id) {
                writer.name("request")
                RequestJSON.write(value.shown(request), now: now, to: &writer)
            }
        }
        return writer.bytes
    }

    private static func failure(_ id: UUID, _ problem: Problem) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("id", Identifier.format(id))
            writer.member("status", problem.status)
            writer.member("code", problem.code.rawValue)
            writer.member("detail", problem.detail)
            for member in problem.members {
                writer.name(dynamic: member.name)
                writer.value(member.value)
            }
            if !problem.errors.isEmpty {
                writer.member("errors", array: { writer in for error in problem.errors { error.write(to: &writer) } })
            }
        }
        return writer.bytes
    }
}
