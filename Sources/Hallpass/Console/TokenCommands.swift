import Foundation
import Postgres

extension Console {
    /// What is wrong with the arguments of `hallpass token create`; nil when nothing is.
    public static func offence(name: String, role: String, expiresAt: String?) -> String? {
        if Role(rawValue: role) == nil {
            return "--role \(TextRule.notOne(of: Role.allCases.map(\.rawValue), found: role))"
        }
        if let offence = TextRule.offence(in: name, length: Limits.name, multiline: false) {
            return "--name \(offence)"
        }
        if let expiresAt, (Instant.parse(expiresAt) ?? .distantPast) <= Date() {
            return "--expires-at must be an instant ahead, such as 2027-11-23T16:05:00Z"
        }
        return nil
    }

    /// `hallpass token create`
    public func createToken(name: String, role: String, expiresAt: String?) async throws {
        guard Self.offence(name: name, role: role, expiresAt: expiresAt) == nil, let role = Role(rawValue: role) else {
            throw StartError(Self.offence(name: name, role: role, expiresAt: expiresAt) ?? "--role is unknown")
        }
        let expiry = expiresAt.flatMap(Instant.parse).map(Instant.truncated)
        let token = NewToken(name: name, role: role, expiresAt: expiry)
        try await withApplication { application in
            let now = application.now()
            try await application.perform(author: .service, now: now) { token.insert($0) }
            if isJSON {
                say(json: { token.write(text: token.text, createdAt: now, to: &$0) })
            } else {
                say(token.text)
            }
        }
    }

    /// `hallpass token list`
    public func listTokens() async throws {
        try await withApplication { application in
            let rows = try await application.database.query(
                Query(
                    "token.list_all",
                    """
                    SELECT id, name, role, created_at, expires_at, last_used_at FROM token WHERE revoked_at IS NULL
                    ORDER BY created_at DESC, id DESC
                    """))
            let tokens = try rows.map(StoredToken.init)
            if isJSON {
                say(json: { writer in writer.array { writer in for token in tokens { token.write(to: &writer) } } })
            } else {
                say(
                    table: tokens.map { token in
                        [
                            Identifier.format(token.id), token.name, token.role,
                            token.lastUsedAt.map(Instant.format) ?? "never",
                            token.expiresAt.map(Instant.format) ?? "never", Instant.format(token.createdAt),
                        ]
                    }, header: ["ID", "NAME", "ROLE", "LAST USED", "EXPIRES", "CREATED"])
            }
        }
    }

    /// Whether a text is an id at all.
    public static func isIdentifier(_ text: String) -> Bool { Identifier.parse(text) != nil }

    /// `hallpass token revoke`
    public func revokeToken(_ text: String) async throws {
        guard let id = Identifier.parse(text) else {
            throw StartError("\(text) is not an id; `hallpass token list` shows them")
        }
        try await withApplication { application in
            let isDone = try await application.perform(author: .service, now: application.now()) { work in
                try await TokenActions.revoke(id, work)
            }
            guard isDone else { throw StartError("there is no such token; `hallpass token list` shows those that are") }
            if isJSON { say("{}") } else { say("revoked") }
        }
    }
}
