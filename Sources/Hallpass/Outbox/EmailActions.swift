import Foundation
import Integrations
import Postgres

/// `POST /v1/emails/{id}/retry` and `/cancel`.
enum EmailActions {
    /// `failed` or `cancelled` → `queued`, with five days of its own again.
    static let retry: @Sendable (Change) async throws -> Answer = { change in
        try await act(
            change, from: ["failed", "cancelled"], action: "email.retry",
            set: "status = 'queued', next_attempt_at = \(change.now), first_attempt_at = NULL, attempts = 0",
            refusal: .emailNotRetryable, advice: "Only a failed or cancelled e-mail can be sent again.")
    }

    /// `queued` → `cancelled`.
    static let cancel: @Sendable (Change) async throws -> Answer = { change in
        try await act(
            change, from: ["queued"], action: "email.cancel", set: "status = 'cancelled', next_attempt_at = NULL",
            refusal: .emailNotCancellable, advice: "Only a queued e-mail can be cancelled.")
    }

    private static func act(
        _ change: Change, from states: [String], action: String, set: SQL, refusal: Problem.Code, advice: String
    ) async throws -> Answer {
        let id = try change.call.id(of: "e-mail")
        let rows = try await change.load([
            Query(
                "email.lock",
                """
                SELECT status, district_id, source IS NULL, recipient, template, subject
                FROM email WHERE id = \(id) FOR UPDATE
                """)
        ])
        guard let row = rows[0].first else { throw Problem.notFound("e-mail") }
        try change.noInput()
        let status = try row.get(0, as: String.self)
        guard states.contains(status) else {
            throw Problem(
                status: 409, code: refusal, detail: "The e-mail is \(status). \(advice)",
                members: [.init(name: "email_status", value: .string(status))])
        }
        if action == "email.retry", try row.get(2, as: Bool.self) {
            throw Problem(
                status: 409, code: refusal,
                detail: "The e-mail's text was removed by retention, so it cannot be sent again.",
                members: [.init(name: "email_status", value: .string(status))])
        }
        if action == "email.retry" {
            change.work.outgoing.append(
                Work.OutgoingMail(to: try row.get(3), template: try row.get(4), subject: try row.get(5)))
        }
        let districtID = try row.get(1, as: UUID?.self)
        change.transaction.execute(Query("email.act", "UPDATE email SET \(set) WHERE id = \(id)"))
        if let districtID {
            change.work.districtIDs.insert(districtID)
            change.transaction.execute(
                Query("district.lock", "SELECT FROM district WHERE id = \(districtID) FOR NO KEY UPDATE"))
        } else {
            change.work.lockServiceChain()
        }
        change.work.audit(
            action, districtID: districtID,
            after: JSONText(JSONValue.object([.init(name: "email_id", value: .string(Identifier.format(id)))]).text))
        change.work.wakes.insert(.outbox)
        let shown = try await change.transaction.query(
            Query("email.get", "SELECT \(ListEmails.columns) FROM email e WHERE e.id = \(id)"))
        let email = try StoredEmail(shown[0])
        return .json { email.write(to: &$0) }
    }
}
