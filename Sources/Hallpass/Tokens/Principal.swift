import Foundation

/// What a token may do; each role holds the ones before it (API §1).
enum Role: String, Sendable, CaseIterable, Comparable {
    /// Reads.
    case viewer
    /// Creates requests.
    case submitter
    /// Decides.
    case manager
    /// Tokens, replay, erasure.
    case admin

    private var rank: Int { Self.allCases.firstIndex(of: self)! }

    static func < (a: Role, b: Role) -> Bool { a.rank < b.rank }
}

/// Who an authenticated call comes from.
struct Principal: Sendable, Hashable {
    var tokenID: UUID
    /// The token's name, which the audit trail calls the actor.
    var name: String
    var role: Role
    var expiresAt: Date?
}

/// Who a change is written down for.
enum Author: Sendable, Hashable {
    case token(Principal)
    case delivery(UUID)
    case service

    /// As the audit trail has it: the token's name, `webhook:<delivery id>` or `service`.
    var name: String {
        switch self {
        case .token(let principal): principal.name
        case .delivery(let id): "webhook:\(Identifier.format(id))"
        case .service: "service"
        }
    }

    var role: String? {
        if case .token(let principal) = self { return principal.role.rawValue }
        return nil
    }
}
