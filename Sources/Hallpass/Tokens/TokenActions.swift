import Foundation
import Postgres

/// A token to be stored.
struct NewToken: Sendable {
    let id: UUID
    var name: String
    var role: Role
    var expiresAt: Date?
    /// Shown once.
    var text: String

    init(name: String, role: Role, expiresAt: Date?, text: String = TokenText.make()) {
        id = Identifier.make(at: Date())
        self.name = name
        self.role = role
        self.expiresAt = expiresAt
        self.text = text
    }

    func insert(_ work: Work) {
        work.lockServiceChain()
        work.transaction.execute(
            Query(
                "token.insert",
                """
                INSERT INTO token (id, name, role, hash, created_at, expires_at)
                VALUES (\(id), \(name), \(role.rawValue), \(TokenText.hash(text)), \(work.now), \(expiresAt))
                """))
        var after = JSONWriter()
        after.object { writer in
            writer.member("token_id", Identifier.format(id))
            writer.member("name", name)
            writer.member("role", role.rawValue)
            writer.member("expires_at", expiresAt.map(Instant.format))
        }
        work.audit("token.create", after: JSONText(String(decoding: after.bytes, as: UTF8.self)))
    }

    /// - Parameter text: the token, nil where it must not be shown again.
    func write(text: String?, createdAt: Date, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", Identifier.format(id))
            writer.member("name", name)
            writer.member("role", role.rawValue)
            writer.member("token", text)
            writer.member("created_at", Instant.format(createdAt))
            writer.member("expires_at", expiresAt.map(Instant.format))
        }
    }
}

/// `POST`/`GET /v1/tokens`, `DELETE /v1/tokens/{id}`.
enum TokenActions {
    static let create: @Sendable (Change) async throws -> Answer = { change in
        try await change.begin()
        let now = change.now
        let token = try change.input { reader -> NewToken? in
            let name = reader.string("name", required: true)
            let role: Role? = reader.choice("role", required: true)
            var expiresAt: Date?
            if let text = reader.string("expires_at") {
                expiresAt = Instant.parse(text).map(Instant.truncated)
                if let expiresAt {
                    if expiresAt <= now { reader.complain("expires_at", "has passed already") }
                } else {
                    reader.complain("expires_at", "must be an instant such as 2027-11-23T16:05:00Z (RFC 3339)")
                }
            }
            guard let name, let role else { return nil }
            return NewToken(name: name, role: role, expiresAt: expiresAt)
        }
        token.insert(change.work)
        var answer = Answer.json(201) { token.write(text: token.text, createdAt: now, to: &$0) }
        var stored = JSONWriter()
        token.write(text: nil, createdAt: now, to: &stored)
        answer.storedBody = stored.bytes
        answer.location = "/v1/tokens/\(Identifier.format(token.id))"
        return answer
    }

    static let list: @Sendable (Call) async throws -> Answer = { call in
        let complaints = Complaints()
        var query = call.query(complaints)
        let page = try Page(&query, of: call)
        query.finish()
        try complaints.check()
        var condition: SQL = "revoked_at IS NULL"
        if let after = page.after {
            guard let createdAt = after.key.flatMap({ Instant.parse($0) }) else { throw Cursor.unreadable }
            condition += " AND (created_at, id) < (\(createdAt), \(after.id))"
        }
        let rows = try await call.read(
            Query(
                "token.list",
                """
                SELECT id, name, role, created_at, expires_at, last_used_at FROM token WHERE \(condition)
                ORDER BY created_at DESC, id DESC LIMIT \(page.limit + 1)
                """))
        let tokens = try rows.map(StoredToken.init)
        return page.answer(
            tokens, cursor: { Cursor(key: Instant.format($0.createdAt), id: $0.id) }, write: { $0.write(to: &$1) })
    }

    static let revoke: @Sendable (Change) async throws -> Answer = { change in
        let id = try change.call.id(of: "token")
        try await change.begin()
        guard try await revoke(id, change.work) else { throw Problem.notFound("token") }
        try change.noInput()
        return .noContent
    }

    /// False when there is no such token, or it was revoked before. Every instance forgets what it remembers.
    static func revoke(_ id: UUID, _ work: Work) async throws -> Bool {
        let rows = try await work.transaction.query(
            Query(
                "token.revoke",
                "UPDATE token SET revoked_at = \(work.now) WHERE id = \(id) AND revoked_at IS NULL RETURNING name"))
        guard let row = rows.first else { return false }
        let name = try row.get(0, as: String.self)
        work.transaction.execute(Query("token.notify", "SELECT pg_notify(\(TokenCache.channel), '')"))
        work.lockServiceChain()
        work.audit(
            "token.revoke",
            after: JSONText(
                JSONValue.object([
                    .init(name: "token_id", value: .string(Identifier.format(id))),
                    .init(name: "name", value: .string(name)),
                ]).text))
        work.wakes.insert(.tokens)
        return true
    }
}

/// A token's row, without its hash.
struct StoredToken: Sendable {
    var id: UUID
    var name: String
    var role: String
    var createdAt: Date
    var expiresAt: Date?
    var lastUsedAt: Date?

    init(_ row: Row) throws {
        id = try row.get(0)
        name = try row.get(1)
        role = try row.get(2)
        createdAt = try row.get(3)
        expiresAt = try row.get(4)
        lastUsedAt = try row.get(5)
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", Identifier.format(id))
            writer.member("name", name)
            writer.member("role", role)
            writer.member("created_at", Instant.format(createdAt))
            writer.member("expires_at", expiresAt.map(Instant.format))
            writer.member("last_used_at", lastUsedAt.map(Instant.format))
        }
    }
}
