/// How far a connection has come on its way to the first message, and what the server answered last: read off libcurl's
/// transcript.
struct SMTPDialogue {
    enum Step: Int, Comparable {
        case connecting, greeted, tls, login

        static func < (a: Step, b: Step) -> Bool { a.rawValue < b.rawValue }
    }

    /// What the last EHLO was answered with (RFC 1869).
    struct Offers: OptionSet {
        let rawValue: Int

        /// RFC 6531.
        static let utf8 = Offers(rawValue: 1)
        /// RFC 2920.
        static let pipelining = Offers(rawValue: 2)
        /// RFC 1870.
        static let size = Offers(rawValue: 4)
    }

    private(set) var step = Step.connecting
    /// Whole or begun, to the last command; nothing when there is none yet.
    private(set) var reply = SMTPReply()
    private(set) var offers: Offers = []

    /// A command goes out.
    mutating func said(_ bytes: UnsafeRawBufferPointer) {
        let command = String(decoding: bytes.prefix(8), as: UTF8.self).uppercased()
        // HELO follows a refused EHLO: why that was refused is kept until there is something better to tell.
        if command.hasPrefix("HELO") { reply.end() } else { reply = SMTPReply() }
        if command.hasPrefix("EHLO") || command.hasPrefix("HELO") {
            step = max(step, .greeted)
            offers = []
        }
        if command.hasPrefix("STARTTLS") { step = .tls }
        if command.hasPrefix("AUTH") { step = .login }
    }

    /// A line, or several, of a reply.
    mutating func heard(_ bytes: UnsafeRawBufferPointer) {
        for line in bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            if reply.isWhole { reply = SMTPReply() }
            reply.add(line)
            guard step <= .tls else { continue }
            switch String(decoding: line.dropFirst(4), as: UTF8.self).uppercased().split(separator: " ").first {
            case "SMTPUTF8": offers.insert(.utf8)
            case "PIPELINING": offers.insert(.pipelining)
            case "SIZE": offers.insert(.size)
            default: break
            }
        }
    }
}
