import Foundation
import Integrations
import Postgres

// Every change is one transaction's work: rows, audit entries, timeline notes and e-mails are written together or not at
// all, whoever asked (a token, a callback, the service itself). Statements are queued and travel with the commit; only
// what must be read first is awaited. The district's row is the lock: whoever changes anything of a district takes it
// first (`FOR NO KEY UPDATE`), so two changes of one district come one after the other, and chains have no gaps.
// Nothing waits on a network in here. After the commit the workers that have something to do are woken.

final class Work {
    let application: Application
    let transaction: Transaction
    /// Who is written down; a parked delivery that is applied on the way is its own author.
    var author: Author
    let now: Date
    /// The HTTP request that caused it.
    let trace: RequestTrace?
    /// What would be, or was, sent: in the order of writing.
    var outgoing: [OutgoingMail] = []
    /// Districts that this work speaks of, so that an erasure finds what was stored about them.
    var districtIDs: Set<UUID> = []
    var wakes: Set<Wake> = []

    struct OutgoingMail: Sendable, Hashable {
        var to: String
        var template: String
        var subject: String
    }

    init(application: Application, transaction: Transaction, author: Author, now: Date, trace: RequestTrace?) {
        self.application = application
        self.transaction = transaction
        self.author = author
        self.now = now
        self.trace = trace
    }

    /// Writes an audit entry. `chain` is the request's id, else the district's, else the service's.
    func audit(
        _ action: String, requestID: UUID? = nil, districtID: UUID? = nil, before: JSONText? = nil,
        after: JSONText? = nil
    ) {
        let chain = requestID ?? districtID ?? Self.serviceChain
        transaction.execute(
            Query(
                "audit.insert",
                """
                INSERT INTO audit_entry (id, chain_id, position, at, actor, actor_role, action, request_id, district_id,
                    before, after, http_request_id, digest, hash)
                VALUES (\(Identifier.make(at: now)), \(chain), 0, \(now), \(author.name), \(author.role), \(action),
                    \(requestID), \(districtID), \(before), \(after), \(trace?.requestID), ''::bytea, ''::bytea)
                """))
        wakes.insert(.events)
    }

    /// Writes a note into a request's timeline, beyond what the audit trail and the e-mails tell there.
    func note(
        requestID: UUID, districtID: UUID, type: TimelineType, text: String, data: JSONText = JSONText("{}")
    ) {
        transaction.execute(
            Query(
                "timeline.insert",
                """
                INSERT INTO timeline_entry (id, request_id, district_id, at, type, actor, text, data)
                VALUES (\(Identifier.make(at: now)), \(requestID), \(districtID), \(now), \(type.rawValue), \(author.name),
                    \(text), \(data))
                """))
    }

    /// The chain of entries about no district: tokens, replays. Its writers take the service's lock (`lockServiceChain`).
    static let serviceChain = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))

    func lockServiceChain() {
        transaction.execute(Query("audit.lock", "SELECT pg_advisory_xact_lock(7305804402566980705)"))
    }
}

/// Workers of the service that a commit may have given something to do.
enum Wake: String, Sendable, CaseIterable {
    /// The outbox has a message.
    case outbox
    /// A launch was scheduled or moved.
    case launches
    /// The audit trail grew.
    case events
    /// A token was made or revoked.
    case tokens
}
