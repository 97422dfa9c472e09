import Mail
import Synchronization

@testable import Hallpass

/// Takes mails as a server would, and answers what a test tells it to.
final class TestMailbox: MailDelivery {
    struct Delivered: Sendable {
        var messageID: String
        var recipient: String
        var text: String
    }

    private let state = Mutex<(delivered: [Delivered], answers: [SMTPOutcome])>(([], []))
    let parallel = 4

    var delivered: [Delivered] { state.withLock { $0.delivered } }

    /// What the next messages are answered; after these, 250.
    func answer(_ outcomes: SMTPOutcome...) { state.withLock { $0.answers += outcomes } }

    func forgetAnswers() { state.withLock { $0.answers = [] } }

    func deliver(_ message: [UInt8], messageID: String, to recipient: String) async -> SMTPOutcome {
        state.withLock { state in
            if !state.answers.isEmpty { return state.answers.removeFirst() }
            state.delivered.append(
                Delivered(messageID: messageID, recipient: recipient, text: String(decoding: message, as: UTF8.self)))
            return .accepted(code: 250, reply: "250 2.0.0 Ok: queued")
        }
    }
}
