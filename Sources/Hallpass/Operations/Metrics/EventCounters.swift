import Synchronization

/// Counts of what happens now and then: refusals, callbacks, e-mails, what retention removed. Each family has one label,
/// whose values come from this program and never from a client.
final class EventCounters: Sendable {
    enum Family: String, CaseIterable, Sendable {
        case failures, refusedAuthentications, refusedCallbacks, callbacks, emailAttempts, mailServerTroubles
        case emailsTakenOver, workerFailures, removed

        var name: String {
            switch self {
            case .failures: "hallpass_failed_requests_total"
            case .refusedAuthentications: "hallpass_refused_authentications_total"
            case .refusedCallbacks: "hallpass_refused_callbacks_total"
            case .callbacks: "hallpass_callbacks_total"
            case .emailAttempts: "hallpass_email_attempts_total"
            case .mailServerTroubles: "hallpass_mail_server_troubles_total"
            case .emailsTakenOver: "hallpass_emails_taken_over_total"
            case .workerFailures: "hallpass_worker_failures_total"
            case .removed: "hallpass_retention_removed_total"
            }
        }

        var label: String {
            switch self {
            case .failures: "code"
            case .refusedAuthentications, .refusedCallbacks: "reason"
            case .callbacks: "status"
            case .emailAttempts: "outcome"
            case .mailServerTroubles: "trouble"
            case .emailsTakenOver: "from"
            case .workerFailures: "worker"
            case .removed: "what"
            }
        }

        var help: String {
            switch self {
            case .failures: "Requests that failed for no fault of the client's, by the code that was answered."
            case .refusedAuthentications: "Requests answered 401, 403 or 429, by why."
            case .refusedCallbacks: "Callbacks whose signature did not vouch for them, by why."
            case .callbacks: "Callbacks received, by what became of them."
            case .emailAttempts: "Attempts to hand an e-mail to the mail server, by what became of them."
            case .mailServerTroubles: "Pauses of the outbox because the mail server could not be used, by why."
            case .emailsTakenOver: "E-mails that another process had left half sent, and that were queued again."
            case .workerFailures: "Turns of a worker that failed."
            case .removed: "Rows or bodies that retention removed, by what they were."
            }
        }
    }

    private let counts = Mutex<[Family: [String: Int]]>([:])

    func add(_ family: Family, _ value: String, _ count: Int = 1) {
        counts.withLock { $0[family, default: [:]][value, default: 0] += count }
    }

    func write(to page: inout PrometheusText) {
        let counts = counts.withLock { $0 }
        for family in Family.allCases {
            page.family(family.name, .counter, family.help) { samples in
                for (value, count) in (counts[family] ?? [:]).sorted(by: { $0.key < $1.key }) {
                    samples.sample(Double(count), [family.label: value])
                }
            }
        }
    }
}
