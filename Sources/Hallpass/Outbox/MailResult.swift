import Foundation
import Mail

/// What became of one message that was claimed, as it is written down.
struct MailResult: Sendable {
    var id: UUID
    /// `sent`, `failed`, or `queued` again.
    var status: String
    var at: Date
    /// Meant only while `queued`.
    var nextAttemptAt: Date
    /// The message was said to the server: it is kept with the reply, and counts.
    var isAttempt: Bool
    /// 0 when the connection was lost.
    var code: Int
    var reply: String
    let attemptID: UUID
    /// Of the change that wrote the message, for the log.
    let httpRequestID: String?

    /// It goes back as it came.
    init(untried mail: QueuedMail, now: Date) {
        self.init(mail, status: "queued", now: now, isAttempt: false)
    }

    init(_ mail: QueuedMail, _ outcome: SMTPOutcome, now: Date) {
        switch outcome {
        case .accepted(let code, let reply):
            self.init(mail, status: "sent", now: now, code: code, reply: reply)
        case .permanentRefusal(let code, let reply):
            self.init(mail, status: "failed", now: now, code: code, reply: reply)
        case .temporaryRefusal(let code, let reply):
            self.init(again: mail, now: now, code: code, reply: reply)
        case .connectionLost(let text):
            self.init(again: mail, now: now, code: 0, reply: text)
        case .serverTrouble:
            self.init(untried: mail, now: now)
        }
    }

    private init(again mail: QueuedMail, now: Date, code: Int, reply: String) {
        let next = RetrySchedule.nextAttempt(
            after: mail.attempts + 1, since: mail.firstAttemptAt ?? now, now: now, jitter: .random(in: 0...1))
        self.init(mail, status: next == nil ? "failed" : "queued", now: now, code: code, reply: reply)
        if let next { nextAttemptAt = next }
    }

    private init(
        _ mail: QueuedMail, status: String, now: Date, isAttempt: Bool = true, code: Int = 0, reply: String = ""
    ) {
        id = mail.id
        self.status = status
        at = now
        nextAttemptAt = now
        self.isAttempt = isAttempt
        self.code = code
        // What a server says is bytes; PostgreSQL's text has no NUL.
        self.reply = reply.utf8.contains(0) ? reply.replacing("\0", with: " ") : reply
        attemptID = Identifier.make(at: now)
        httpRequestID = mail.httpRequestID
    }
}
