import Foundation
import Mail
import Postgres
import Synchronization

@testable import Hallpass

extension TestApplication {
    /// Queues messages straight in the table; `%` in the address becomes a number. All are due.
    func queue(_ count: Int, to address: String = "user%@demo.example") async throws {
        try await sql(
            """
            INSERT INTO email (id, template, recipient, subject, message_id, source, status, next_attempt_at, created_at)
            SELECT id, 'test', replace(\(address), '%', n::text), 'x', id || '@vendor.example',
                convert_to(E'Subject: x\\r\\n\\r\\nHello\\r\\n', 'UTF8'), 'queued', \(clock.now), \(clock.now)
            FROM (SELECT gen_random_uuid() AS id, n FROM generate_series(1, \(count)) n) s
            """)
    }

    /// How many e-mails have a status.
    func emails(_ status: String) async throws -> Int {
        try await sql("SELECT count(*) FROM email WHERE status = \(status)")[0].get(0, as: Int.self)
    }

    /// Every attempt, oldest first: `451 451 Try again`, or `null …` for a lost connection.
    func attempts() async throws -> [String] {
        try await sql("SELECT coalesce(code::text, 'null') || ' ' || reply FROM email_attempt ORDER BY at, id").map {
            try $0.get(0, as: String.self)
        }
    }

    /// Seconds from now until the one message's next attempt.
    func secondsToNextAttempt() async throws -> Double {
        let rows = try await sql("SELECT next_attempt_at FROM email WHERE status = 'queued'")
        return try rows[0].get(0, as: Date.self).timeIntervalSince(clock.now)
    }

    /// A worker that sends through a server.
    func worker(_ url: String, caFile: String? = nil) throws -> OutboxWorker {
        var configuration = application.configuration
        configuration.smtpURL = url
        configuration.smtpCAFile = caFile
        guard let delivery = SMTPDelivery(configuration) else { throw StartError("no SMTP server in \(url)") }
        return OutboxWorker(application: application, delivery: delivery)
    }
}

/// Takes every message, but those to `slow…` only once it is told to.
final class GatedMailbox: MailDelivery {
    private struct State {
        var delivered: [String] = []
        var isOpen = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    let parallel = 3

    var delivered: [String] { state.withLock { $0.delivered } }
    var waiting: Int { state.withLock { $0.waiting.count } }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func deliver(_ message: [UInt8], messageID: String, to recipient: String) async -> SMTPOutcome {
        if recipient.hasPrefix("slow") {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }
        state.withLock { $0.delivered.append(recipient) }
        return .accepted(code: 250, reply: "250 Ok")
    }
}
