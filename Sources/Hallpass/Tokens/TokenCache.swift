import Crypto
import Foundation
import HTTPServer
import HTTPTypes
import Postgres
import Synchronization

// Tokens are looked up by the SHA-256 of their text. What was found is remembered for a short while, so that a request
// costs no statement for it; a revocation is told to every instance by NOTIFY on the channel `hallpass_tokens`, and what
// is remembered is forgotten then. While the listening connection is down nothing is remembered, so a revoked token never
// outlives an outage. Last use is noted in memory and written in batches.

final class TokenCache: Sendable {
    static let channel = "hallpass_tokens"
    private static let capacity = 10_000
    private static let lifetimeSeconds: TimeInterval = 60

    private struct Entry {
        var principal: Principal
        var until: Date
    }

    private struct State {
        var entries: [SHA256.Digest: Entry] = [:]
        var lastUses: [UUID: Date] = [:]
        var isListening = false
        /// Raised at each invalidation, so that a look-up that was under way then is not remembered.
        var generation = 0
    }

    private let state = Mutex(State())
    private let database: Database
    private let refused: RefusedAttempts

    init(database: Database, refused: RefusedAttempts) {
        self.database = database
        self.refused = refused
    }

    typealias Observe = (Observation.Event) -> Void

    /// The caller of a request, where the token is remembered: nearly always, and then nothing is waited for.
    /// - Throws: 403 `forbidden`.
    func remembered(_ request: Request, role: Role, now: Date, observe: Observe) throws(Problem) -> Principal? {
        guard let digest = Self.digest(of: request) else { return nil }
        let known = state.withLock { state -> Principal? in
            guard let entry = state.entries[digest], entry.until > now, !entry.principal.isExpired(at: now) else {
                return nil
            }
            state.lastUses[entry.principal.tokenID] = now
            return entry.principal
        }
        guard let known else { return nil }
        try check(known, role, request, observe)
        return known
    }

    /// The caller of a request, looked up. - Throws: 401 `unauthorized`, 403 `forbidden`, 429 `too_many_requests` for a
    /// wrong token after too many others from the same address.
    func find(_ request: Request, role: Role, now: Date, observe: Observe) async throws -> Principal {
        guard let principal = try await principal(of: request, now: now) else {
            guard request.field(.authorization) != nil else {
                note(.missingToken, request, observe)
                throw Self.unauthorized
            }
            if let seconds = refused.count(request.clientAddress, now: now) {
                note(.tooMany, request, observe)
                throw Problem(
                    status: 429, code: .tooManyRequests,
                    detail: "Too many wrong tokens came from this address. Wait, then send one that is right.",
                    retryAfterSeconds: seconds)
            }
            note(.unknownToken, request, observe)
            throw Self.unauthorized
        }
        try check(principal, role, request, observe)
        return principal
    }

    private func check(
        _ principal: Principal, _ role: Role, _ request: Request, _ observe: Observe
    ) throws(Problem) {
        guard principal.role < role else { return }
        note(.roleTooLow, request, observe)
        throw Problem(
            status: 403, code: .forbidden,
            detail: "This needs a token with the role \(role.rawValue); this one's is \(principal.role.rawValue).")
    }

    private func note(_ reason: Observation.RefusedAuthentication, _ request: Request, _ observe: Observe) {
        observe(.authenticationRefused(requestID: request.id, reason: reason, clientAddress: request.clientAddress))
    }

    private static let unauthorized = Problem(
        status: 401, code: .unauthorized,
        detail: "Send `Authorization: Bearer hp_…` with a token that exists, has not expired and is not revoked.")

    private func principal(of request: Request, now: Date) async throws -> Principal? {
        guard let digest = Self.digest(of: request) else { return nil }
        let generation = state.withLock { $0.generation }
        let rows = try await database.query(
            Query(
                "token.find",
                "SELECT id, name, role, expires_at FROM token WHERE hash = \(Array(digest)) AND revoked_at IS NULL"),
            sessionLabel: RequestTrace.readLabel(of: request))
        guard let row = rows.first, let role = Role(rawValue: try row.get(2, as: String.self)) else { return nil }
        let principal = Principal(
            tokenID: try row.get(0), name: try row.get(1), role: role, expiresAt: try row.get(3, as: Date?.self))
        guard !principal.isExpired(at: now) else { return nil }
        state.withLock { state in
            state.lastUses[principal.tokenID] = now
            guard state.isListening, state.generation == generation else { return }
            if state.entries.count >= Self.capacity { state.entries.removeAll() }
            state.entries[digest] = Entry(principal: principal, until: now.addingTimeInterval(Self.lifetimeSeconds))
        }
        return principal
    }

    private static func digest(of request: Request) -> SHA256.Digest? {
        request.field(.authorization).flatMap(digest(ofBearer:))
    }

    /// The SHA-256 of the token of `Bearer …` (RFC 6750 §2.1); the scheme's case does not matter. Nil for what is no token.
    private static func digest(ofBearer field: String) -> SHA256.Digest? {
        var field = field
        return field.withUTF8 { bytes in
            guard bytes.count > 10, bytes.prefix(7).elementsEqual("bearer ".utf8, by: { $0 | 0x20 == $1 }) else {
                return nil
            }
            let token = bytes.dropFirst(7).drop { $0 == UInt8(ascii: " ") }
            guard token.count <= 200, token.starts(with: "hp_".utf8) else { return nil }
            var hash = SHA256()
            hash.update(bufferPointer: UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: token)))
            return hash.finalize()
        }
    }

    /// Forgets everything: a token was revoked somewhere, or we cannot know.
    func forget() {
        state.withLock { state in
            state.entries.removeAll()
            state.generation += 1
        }
    }

    /// Whether revocations reach us; nothing is remembered while they do not.
    func listening(_ isListening: Bool) {
        state.withLock { state in
            state.isListening = isListening
            state.entries.removeAll()
            state.generation += 1
        }
    }

    /// Last uses since the last call, to be written to the database.
    func takeLastUses() -> [UUID: Date] {
        state.withLock { state in
            defer { state.lastUses.removeAll() }
            return state.lastUses
        }
    }
}

extension Principal {
    func isExpired(at now: Date) -> Bool { expiresAt.map { $0 <= now } ?? false }
}
