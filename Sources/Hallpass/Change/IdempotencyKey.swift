import Crypto
import Foundation
import HTTPServer
import HTTPTypes
import Postgres

// An Idempotency-Key belongs to a token and covers method, path and body. The answer of a change that ran (2xx, 404, 409)
// is written in the change's own transaction, so it exists exactly when the effect does. Two at once: the second does not
// get the advisory lock and is told so. After an erasure the key stays without its answer.

struct IdempotencyKey: Sendable {
    static let lifetimeSeconds: TimeInterval = 24 * 3600

    let key: String
    let tokenID: UUID
    let method: String
    let path: String
    let bodyDigest: [UInt8]
    let now: Date

    /// Nil without the header field, and for methods other than POST, whose repetition is told by `If-Match`.
    /// - Throws: 400 `idempotency_key_invalid`.
    init?(of call: Call, tokenID: UUID, body: [UInt8]) throws(Problem) {
        guard call.request.method == .post, let key = call.headerField(.idempotencyKey) else { return nil }
        guard Limits.idempotencyKey.contains(key.unicodeScalars.count),
            key.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else {
            throw Problem(
                status: 400, code: .idempotencyKeyInvalid,
                detail: "An Idempotency-Key is 1 to 255 characters without control characters.")
        }
        self.key = key
        self.tokenID = tokenID
        method = call.request.method.rawValue
        path = Self.coveredPath(of: call)
        bodyDigest = Array(SHA256.hash(data: body))
        now = call.now
    }

    /// The path as it was sent. A query that says anything makes it another call, so that a parameter that is refused is
    /// refused under a known key too; `dry_run=false` says nothing.
    private static func coveredPath(of call: Call) -> String {
        let isPlain = call.request.queryItems.allSatisfy { $0.name == "dry_run" && $0.value == "false" }
        guard !isPlain, let query = call.request.query else { return call.request.path }
        return "\(call.request.path)?\(query)"
    }

    /// The advisory lock, and what is stored under the key.
    var lookup: [Query] {
        [
            Query("idempotency.lock", "SELECT pg_try_advisory_xact_lock(\(lockNumber))"),
            Query(
                "idempotency.find",
                """
                SELECT method, path, body_digest, status, headers, body, erased FROM idempotency_key
                WHERE token_id = \(tokenID) AND key = \(key)
                    AND created_at > \(now.addingTimeInterval(-Self.lifetimeSeconds))
                """),
        ]
    }

    /// The stored answer, 404 after an erasure; nil when the change is to be run. - Throws: 409 in progress, 422 reused.
    ///
    /// A replayed problem carries the id of the request that it now answers, as every problem does.
    func answer(from lock: Rows, _ stored: Rows, requestID: String) throws -> Answer? {
        guard try lock[0].get(0, as: Bool.self) else { throw Problem.idempotencyInProgress }
        guard let row = stored.first else { return nil }
        guard try row.get(0, as: String.self) == method, try row.get(1, as: String.self) == path,
            try row.get(2, as: [UInt8].self) == bodyDigest
        else {
            throw Problem(
                status: 422, code: .idempotencyKeyReused,
                detail:
                    "This Idempotency-Key came before with another method, path or body. Use a new key for a new change."
            )
        }
        if try row.get(6, as: Bool.self) { return Problem.notFound().answer(requestID: requestID) }
        guard let status = try row.get(3, as: Int?.self) else { return nil }
        var answer = Answer(status: status)
        if let headers = try row.get(4, as: JSONText?.self),
            case .object(let members) = try JSONParser.parse(Array(headers.text.utf8))
        {
            for member in members {
                if let name = HTTPField.Name(member.name), let value = member.value.string {
                    answer.headerFields[name] = value
                }
            }
        }
        if let body = try row.get(5, as: [UInt8]?.self) {
            let contentType = answer.headerFields[.contentType] ?? "application/json"
            answer.headerFields[.contentType] = nil
            switch contentType {
            case "application/json": answer.body = .json(body)
            case ProblemResponse.contentType:
                answer.body = .other(contentType: contentType, .bytes(try Self.readdressed(body, to: requestID)))
            default: answer.body = .other(contentType: contentType, .bytes(body))
            }
        }
        answer.headerFields[.idempotencyReplayed] = "true"
        return answer
    }

    private static func readdressed(_ problem: [UInt8], to requestID: String) throws -> [UInt8] {
        guard case .object(var members) = try JSONParser.parse(problem) else { return problem }
        for index in members.indices where members[index].name == "request_id" {
            members[index].value = .string(requestID)
        }
        return Array(JSONValue.object(members).text.utf8)
    }

    func store(_ answer: Answer, in work: Work) {
        var fields: [JSONValue.Member] = answer.headerFields.map {
            .init(name: $0.name.rawName, value: .string($0.value))
        }
        if let location = answer.location { fields.append(.init(name: "Location", value: .string(location))) }
        if let version = answer.version {
            fields.append(.init(name: "ETag", value: .string(EntityTag.format(version))))
        }
        var body: [UInt8]?
        switch answer.body {
        case .none: break
        case .json(let bytes): body = answer.storedBody ?? bytes
        case .other(let contentType, let content):
            guard case ResponseBody.bytes(let bytes) = content else { return }
            fields.append(.init(name: "Content-Type", value: .string(contentType)))
            body = bytes
        }
        work.transaction.execute(
            Query(
                "idempotency.store",
                """
                INSERT INTO idempotency_key (token_id, key, method, path, body_digest, status, headers, body, district_ids, created_at)
                VALUES (\(tokenID), \(key), \(method), \(path), \(bodyDigest), \(answer.status),
                    \(JSONText(JSONValue.object(fields).text)), \(body), \(Array(work.districtIDs)), \(now))
                ON CONFLICT (token_id, key) DO UPDATE SET method = excluded.method, path = excluded.path,
                    body_digest = excluded.body_digest, status = excluded.status, headers = excluded.headers,
                    body = excluded.body, erased = false, district_ids = excluded.district_ids, created_at = excluded.created_at
                """))
    }

    // Bulk calls write the key first, each request's result with its own transaction, and the whole answer last.

    /// Writes the key down as begun; an expired one goes with its results.
    var beginning: [Query] {
        [
            Query(
                "idempotency.expire",
                """
                DELETE FROM idempotency_key WHERE token_id = \(tokenID) AND key = \(key)
                    AND created_at <= \(now.addingTimeInterval(-Self.lifetimeSeconds))
                """),
            Query(
                "idempotency.begin",
                """
                INSERT INTO idempotency_key (token_id, key, method, path, body_digest, created_at)
                VALUES (\(tokenID), \(key), \(method), \(path), \(bodyDigest), \(now))
                ON CONFLICT (token_id, key) DO NOTHING
                """),
        ]
    }

    var results: Query {
        Query(
            "idempotency.results",
            "SELECT item, result FROM idempotency_result WHERE token_id = \(tokenID) AND key = \(key)")
    }

    /// What is stored of one item; read after its case is locked, so that of two calls only one does it.
    func result(of item: UUID) -> Query {
        Query(
            "idempotency.result_of_item",
            "SELECT result FROM idempotency_result WHERE token_id = \(tokenID) AND key = \(key) AND item = \(item)")
    }

    func store(_ result: [UInt8], of item: UUID, districtID: UUID?) -> Query {
        Query(
            "idempotency.result",
            """
            INSERT INTO idempotency_result (token_id, key, item, district_id, result)
            VALUES (\(tokenID), \(key), \(item), \(districtID), \(result))
            ON CONFLICT (token_id, key, item) DO UPDATE SET district_id = excluded.district_id, result = excluded.result
            """)
    }

    private var lockNumber: Int64 {
        var hash = SHA256()
        withUnsafeBytes(of: tokenID.uuid) { hash.update(bufferPointer: $0) }
        hash.update(data: Array(key.utf8))
        return hash.finalize().withUnsafeBytes { $0.loadUnaligned(as: Int64.self) }
    }
}

extension Problem {
    static let idempotencyInProgress = Problem(
        status: 409, code: .idempotencyInProgress,
        detail: "The first call with this Idempotency-Key is still running. Ask again in a moment.",
        retryAfterSeconds: 1)
}
