import Crypto
import Foundation
import HTTPServer
import HTTPTypes
import Postgres

/// A change asked for over HTTP: its input, its transaction, and the conventions that every change keeps (API §1):
/// idempotency keys, dry runs, `If-Match`. An action asks in the contract's order: load (404), input (422), then apply
/// (412, 409).
final class Change {
    let call: Call
    let work: Work
    let isDryRun: Bool
    private let json: JSONValue?
    private let idempotency: IdempotencyKey?
    private var hasStarted = false

    /// The first call's answer, found under the key: thrown through the action and answered as it was.
    struct Replay: Error {
        var answer: Answer
    }

    init(call: Call, work: Work, json: JSONValue?, idempotency: IdempotencyKey?, isDryRun: Bool) {
        self.call = call
        self.work = work
        self.json = json
        self.idempotency = idempotency
        self.isDryRun = isDryRun
    }

    var transaction: Transaction { work.transaction }
    var now: Date { work.now }
    var application: Application { call.application }

    /// Runs reads in one round trip; the first time together with the look-up of the idempotency key.
    /// - Throws: `Replay` when the key has an answer; 409 `idempotency_in_progress`, 422 `idempotency_key_reused`.
    func load(_ queries: [Query] = []) async throws -> [Rows] {
        guard let idempotency, !hasStarted else {
            hasStarted = true
            return queries.isEmpty ? [] : try await transaction.query(all: queries)
        }
        hasStarted = true
        let rows = try await transaction.query(all: idempotency.lookup + queries)
        if let answer = try idempotency.answer(from: rows[0], rows[1], requestID: call.request.id) {
            throw Replay(answer: answer)
        }
        return Array(rows.dropFirst(idempotency.lookup.count))
    }

    /// Makes sure that the key has been looked up, for actions that read nothing first.
    func begin() async throws {
        if !hasStarted { _ = try await load() }
    }

    /// Reads the body; every offence is told at once as 422.
    /// - Parameter query: reads parameters beside `dry_run`.
    func input<Input>(
        query: (inout QueryReader) -> Void = { _ in }, _ read: (inout ObjectReader) -> Input?
    ) throws(Problem) -> Input {
        let complaints = Complaints()
        var parameters = call.query(complaints)
        _ = parameters.bool("dry_run")
        query(&parameters)
        parameters.finish()
        var reader = ObjectReader(json, complaints: complaints)
        let input = read(&reader)
        reader.finish()
        try complaints.check()
        // An action whose reader refuses without saying so is our bug; it may cost one call, not the process.
        guard let input else { throw ProblemResponse.internalError }
        return input
    }

    /// A change without a body's members: any given is 422.
    func noInput() throws(Problem) {
        _ = try input { _ in true }
    }

    /// 412 unless `If-Match` is absent, `*`, or names `version` in either form (`"3"`, `"3-gzip"`).
    func checkVersion(_ version: Int) throws(Problem) {
        guard let field = call.headerField(.ifMatch) else { return }
        if !EntityTag.permits(field, version: version) { throw .staleVersion }
    }

    /// Writes the answer under the key, in this transaction.
    func store(_ answer: Answer) { idempotency?.store(answer, in: work) }
}

/// `ETag` on single resources: `"<version>"`, and `"<version>-gzip"` when compressed (RFC 9110 §8.8.3).
enum EntityTag {
    static func format(_ version: Int) -> String { "\"\(version)\"" }

    static func known(_ field: String, version: Int) -> String? { known(field, text: String(version)) }

    /// The tag by which a field of `If-None-Match` names what is here, nil when it does not: weak comparison (RFC 9110
    /// §13.1.2), so `W/"3"` is as good as `"3"`.
    static func known(_ field: String, text: String) -> String? {
        let tags = tags(field).map { $0.hasPrefix("W/") ? String($0.dropFirst(2)) : $0 }
        if tags.contains("\"\(text)\"") || tags.contains("*") { return "\"\(text)\"" }
        return tags.contains("\"\(text)-gzip\"") ? "\"\(text)-gzip\"" : nil
    }

    /// Whether a field of `If-Match` names the version: strong comparison (RFC 9110 §13.1.1), so a weak tag never does.
    static func permits(_ field: String, version: Int) -> Bool {
        tags(field).contains { $0 == "*" || $0 == format(version) || $0 == "\"\(version)-gzip\"" }
    }

    private static func tags(_ field: String) -> [String] {
        field.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    }
}
