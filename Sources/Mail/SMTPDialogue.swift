/// How far the dialogue about one message has come, and what the server answered last: read off libcurl's transcript.
struct SMTPDialogue {
    enum Step: Int, Comparable {
        case connecting, greeted, tls, login, mail, recipient, data, content

        static func < (a: Step, b: Step) -> Bool { a.rawValue < b.rawValue }
    }

    var step = Step.connecting
    /// Of the last whole or begun reply to the last command; 0 when there is none yet.
    private(set) var code = 0
    /// One line, without controls, whatever the server sends.
    private(set) var reply = ""
    /// What the connection's last EHLO said of SMTPUTF8 (RFC 6531); it stays from message to message.
    private(set) var offersUTF8 = false
    private var isContinued = false
    private var hasLeft = false

    private static let maximumReplyScalars = 1000

    /// The last reply was 4xx or 5xx.
    var isRefused: Bool { code >= 400 }

    /// A new message, on the same connection as a rule.
    mutating func begin() {
        step = .connecting
        (code, reply, isContinued, hasLeft) = (0, "", false, false)
    }

    /// A command goes out.
    mutating func said(_ bytes: UnsafeRawBufferPointer) {
        let command = String(decoding: bytes.prefix(8), as: UTF8.self).uppercased()
        // libcurl takes its leave after a refusal; what the server says to that is of no interest.
        hasLeft = command.hasPrefix("QUIT")
        if hasLeft { return }
        // HELO follows a refused EHLO: why that was refused is kept until there is something better to tell.
        if command.hasPrefix("HELO") { isContinued = false } else { (code, reply, isContinued) = (0, "", false) }
        if command.hasPrefix("EHLO") || command.hasPrefix("HELO") {
            step = max(step, .greeted)
            offersUTF8 = false
        }
        if command.hasPrefix("STARTTLS") { step = .tls }
        if command.hasPrefix("AUTH") { step = .login }
        if command.hasPrefix("MAIL FRO") { step = .mail }
        if command.hasPrefix("RCPT TO") { step = .recipient }
        if command.hasPrefix("DATA") { step = .data }
    }

    /// A line, or several, of a reply (RFC 5321 §4.2.1).
    mutating func heard(_ bytes: UnsafeRawBufferPointer) {
        if hasLeft { return }
        for line in bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            guard line.count >= 3, let number = Int(String(decoding: line.prefix(3), as: UTF8.self)),
                (200...599).contains(number)
            else { continue }
            let text = Self.harmless(line)
            code = number
            reply = isContinued ? String("\(reply) \(text.dropFirst(4))".prefix(Self.maximumReplyScalars)) : text
            isContinued = line.dropFirst(3).first == UInt8(ascii: "-")
            if step <= .tls, text.dropFirst(4).uppercased().hasPrefix("SMTPUTF8") { offersUTF8 = true }
        }
    }

    private static func harmless(_ line: Slice<UnsafeRawBufferPointer>) -> String {
        HeaderText.harmless(String(decoding: line.prefix(maximumReplyScalars), as: UTF8.self))
    }
}
