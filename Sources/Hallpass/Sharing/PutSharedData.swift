import Foundation
import HTTPServer
import HTTPTypes
import Integrations
import Postgres
import Sockets

// The upload is one transaction from its first row to the swap, so that it is there whole or not at all, and what was there
// before is served until it commits. Everything that takes time (the rows, the counting, the comparison with the other
// kind's snapshot) happens before the district's row is locked; under the lock only what was read before is checked again.
// The contract's order holds for bodies of any size: 404 at once, then bad lines (422) before a stale version (412) and a
// state that does not allow it (409). So a body that can only be refused is still read to its end, without a database.

/// `PUT /v1/requests/{id}/shared-data` (API §5).
enum PutSharedData {
    static let mediaTypes: Set<String> = ["application/x-ndjson"]
    static let inflatedLimit = 2 << 30

    /// Thrown through the transaction when a line is bad, so that nothing of it stays.
    private struct Refused: Error {}

    static func run(_ call: Call) async throws -> Answer {
        if let encoding = call.request.body.contentEncoding, encoding != "gzip", encoding != "identity" {
            throw ProblemResponse.unsupportedEncoding
        }
        let id = try call.id(of: "request")
        let found = try await find(id, call)
        let isDryRun = try readQuery(call)
        let hopeless = refusal(found, call)
        let progress = UploadProgress(
            call, requestID: id, districtID: found.districtID, writesNotes: !isDryRun && hopeless == nil)
        // Rows and buffers of a large one; its tables of ids are given back by themselves.
        defer { if progress.lines > 100_000 { ProcessMemory.giveBack() } }
        do {
            let answer = try await call.application.uploads.run {
                let reader = UploadReader(
                    call.request.body.chunks, builder: SnapshotBuilder(snapshotID: Identifier.make(at: call.now)),
                    progress: progress.read)
                if let hopeless {
                    try await reader.readToEnd()
                    try check(reader.builder)
                    throw hopeless
                }
                return try await store(id, reader, call, isDryRun: isDryRun)
            }
            progress.finished(answer.counts)
            return answer.answer
        } catch let problem as Problem {
            await progress.failed(problem.code == .invalid ? "some of its lines are not valid" : problem.code.title)
            throw problem
        } catch {
            await progress.failed(error is CancellationError ? "it broke off" : "it could not be read or written")
            throw error
        }
    }

    // MARK: Before the body

    private struct Found {
        var districtID: UUID
        var state: RequestState
        var version: Int
    }

    private static func find(_ id: UUID, _ call: Call) async throws -> Found {
        let rows = try await call.read(
            Query("shared_data.find", "SELECT district_id, state, version FROM request WHERE id = \(id)"))
        guard let row = rows.first else { throw Problem.notFound("request") }
        return Found(districtID: try row.get(0), state: try RequestRows.known(row.get(1)), version: try row.get(2))
    }

    /// Whether it is a dry run.
    private static func readQuery(_ call: Call) throws(Problem) -> Bool {
        let complaints = Complaints()
        var reader = call.query(complaints)
        let isDryRun = reader.bool("dry_run") ?? false
        reader.finish()
        try complaints.check()
        return isDryRun
    }

    /// 412 or 409, when the request as it is now will not take any data.
    private static func refusal(_ found: Found, _ call: Call) -> Problem? {
        if let field = call.headerField(.ifMatch), !EntityTag.permits(field, version: found.version) {
            return .staleVersion
        }
        return found.state.isOpen ? nil : .transitionNotAllowed(found.state, found.state.allowedActions)
    }

    private static func check(_ builder: borrowing SnapshotBuilder) throws(Problem) {
        guard builder.isRefused else { return }
        var problem = Problem.invalid(builder.offences)
        let count = SnapshotCounts.grouped(builder.offenceCount)
        problem.detail =
            builder.offenceCount == 1
            ? "One line is not valid, so nothing was stored; `errors` says which and why."
            : "\(count) lines are not valid, so nothing was stored; `errors` tells of the first \(builder.offences.count)."
        problem.members = [.init(name: "error_count", value: .number(String(builder.offenceCount)))]
        throw problem
    }

    // MARK: The transaction

    private struct Stored {
        var answer: Answer
        var counts: SnapshotCounts
    }

    private static func store<Chunks>(
        _ id: UUID, _ reader: UploadReader<Chunks>, _ call: Call, isDryRun: Bool
    ) async throws -> Stored {
        guard let principal = call.principal else { preconditionFailure("an upload has a token") }
        var wakes: Set<Wake> = []
        let stored: Stored
        do {
            stored = try await call.application.database.transaction(
                "shared_data.upload", retry: .never, sessionLabel: call.trace.sessionLabel
            ) { transaction in
                if isDryRun { transaction.rollbackOnly() }
                let counts = try await fill(reader, transaction)
                let work = Work(
                    application: call.application, transaction: transaction, author: .token(principal),
                    now: call.application.now(), trace: call.trace)
                try await swap(
                    id, reader.builder.snapshotID, digest: reader.builder.digest, counts, work, call)
                wakes = isDryRun ? [] : work.wakes
                var answer = Answer.json { writer in writer.object { counts.members(to: &$0) } }
                if isDryRun { answer = answer.withWouldSend(work.outgoing) }
                return Stored(answer: answer, counts: counts)
            }
        } catch is Refused {
            try await reader.readToEnd()
            try check(reader.builder)
            preconditionFailure("an upload refused for its lines has a bad one")
        }
        call.application.announce(wakes)
        return stored
    }

    /// Brings every row into the tables, under a snapshot that nobody reads yet, and counts them.
    private static func fill<Chunks>(
        _ reader: UploadReader<Chunks>, _ transaction: Transaction
    ) async throws -> SnapshotCounts {
        let id = reader.builder.snapshotID
        transaction.execute(SnapshotStatements.createStaging)
        try await reader.copy(into: transaction)
        if reader.builder.isRefused { throw Refused() }
        var counts = SnapshotCounts()
        counts.sections = reader.builder.sections.count
        counts.students = reader.builder.students.count
        counts.staff = reader.builder.staff.count
        counts.sectionsWithoutTeachers = reader.builder.sectionsWithoutTeachers
        counts.sectionsWithoutStudents = reader.builder.sectionsWithoutStudents
        if reader.builder.hasOverflowed {
            transaction.execute(BulkPlanning.begin)
            let repeated = try await transaction.query(SnapshotStatements.repeatedSections(id))
            try reader.refuse(repeated: repeated[0].get(0), lines: repeated[0].get(1, as: [Int]?.self) ?? [])
            if reader.builder.isRefused { throw Refused() }
            let moved = try await transaction.query(all: [
                SnapshotStatements.moveSections(id), SnapshotStatements.moveStudents(id), SnapshotStatements.countStaff,
                BulkPlanning.end,
            ])
            counts.sections += try moved[0][0].get(0)
            counts.students += try moved[1][0].get(0)
            if reader.builder.staff.hasOverflowed { counts.staff = try moved[2][0].get(0) }
        }
        transaction.execute(SnapshotStatements.mergeTeachers(id))
        let teachers = try await transaction.query(SnapshotStatements.countTeachers(id))[0]
        counts.teachers = try teachers.get(0)
        counts.teachersDirect = try teachers.get(1)
        counts.teachersBySection = try teachers.get(2)
        counts.teachersWithoutEmail = try teachers.get(3)
        return counts
    }

    /// Makes the new snapshot the request's, with everything that follows from it.
    private static func swap(
        _ id: UUID, _ snapshotID: UUID, digest: [UInt8]?, _ counts: SnapshotCounts, _ work: Work, _ call: Call
    ) async throws {
        let transaction = work.transaction
        var draft = try await SnapshotDraft.make(snapshotID, for: id, in: transaction)
        let rows = try await transaction.query(all: Work.caseQueries(.request(id)))
        guard var locked = try work.readCase(rows), let request = locked.value.request(id) else {
            throw Problem.notFound("request")
        }
        if let field = call.headerField(.ifMatch), !EntityTag.permits(field, version: request.version) {
            throw Problem.staleVersion
        }
        guard request.state.isOpen else {
            throw Problem.transitionNotAllowed(request.state, request.state.allowedActions)
        }
        draft = try await draft.confirmed(for: id, in: transaction)
        let before = try await draft.replace(request, counts, digest: digest, at: work.now, in: transaction)
        work.audit(
            "request.shared_data", requestID: id, districtID: request.districtID, before: before.counts,
            after: counts.text)
        work.note(
            requestID: id, districtID: request.districtID, type: .sharing,
            text: "Shared data was uploaded: \(counts.sentence).", data: counts.text)
        guard before.isChanged(to: digest), let rostering = locked.value.open(.rostering) else { return }
        if rostering.state == .configured, before.counts != nil {
            work.note(
                requestID: rostering.id, districtID: request.districtID, type: .sharing,
                text: "What is shared for \(request.kind.title) has changed since the request was configured.")
        }
        try locked.decide(.reviewSharingAgain, on: rostering.id, for: work)
        try await work.write(&locked)
    }
}
