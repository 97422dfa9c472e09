import Foundation

// Messages over one connection after the other, each kept from message to message. To a server that takes commands in advance
// (PIPELINING, RFC 2920) sender, recipient and DATA go in one piece, and the message with its end in another: two round trips
// a message instead of four, a third of the work on either side. DATA goes ahead only with a single recipient: if that one is
// refused and the server asks for the message all the same, there is nothing but to end the connection. A kept connection
// that the server has closed, or that is dead, is found so before anything was answered, hence before any of the message was
// sent: it is sent over a fresh one.

/// One connection at a time. It blocks, and is worked with on one thread (`SMTPTransport.withSession`).
public final class SMTPSession {
    private enum Command: Equatable {
        case mail, recipient, data
    }

    private let configuration: SMTPConfiguration
    private let stop: StopFlag
    private var kept: SMTPConnection?

    /// Servers close what is idle after five minutes (RFC 5321 §4.5.3.2.7).
    private static let longestRest = Duration.seconds(100)
    private static let longestReset = Duration.seconds(5)

    init(_ configuration: SMTPConfiguration, stop: StopFlag) {
        self.configuration = configuration
        self.stop = stop
    }

    /// Sends one message; see `SMTPTransport.send`.
    public func send(_ message: [UInt8], from sender: String, to recipients: [String]) -> SMTPOutcome {
        for address in [sender] + recipients {
            if let offence = EmailAddress.offence(in: address) {
                return .permanentRefusal(code: 553, reply: "not sent: the address \(offence)")
            }
        }
        let end = ContinuousClock.now + .seconds(configuration.messageSeconds)
        if let connection = takeKept(),
            let outcome = send(message, from: sender, to: recipients, over: connection, isFresh: false, until: end)
        {
            return outcome
        }
        let connection = SMTPConnection(configuration, stop: stop)
        if let trouble = connection.connect() { return trouble }
        return send(message, from: sender, to: recipients, over: connection, isFresh: true, until: end)
            ?? .connectionLost("the server closed the connection")
    }

    /// Connects, negotiates TLS, logs in, and says NOOP, or begins a message of the sender's that never comes.
    func verify(sender: String?) -> SMTPOutcome {
        let connection = SMTPConnection(configuration, stop: stop)
        if let trouble = connection.connect() { return trouble }
        let end = ContinuousClock.now + .seconds(configuration.messageSeconds)
        do throws(SMTPBreak) {
            let command = sender.map { "MAIL FROM:<\(EmailAddress.wireForm($0))>\r\n" } ?? "NOOP\r\n"
            try connection.say(Array(command.utf8), until: end)
            let reply = try connection.reply(until: end)
            connection.rest()
            return reply.code / 100 == 2 ? .accepted(code: reply.code, reply: reply.text) : refusal(reply, of: .mail)
        } catch {
            return .connectionLost(error.reason)
        }
    }

    private func takeKept() -> SMTPConnection? {
        defer { kept = nil }
        guard let kept else { return nil }
        let rested = kept.restsSince.duration(to: .now)
        guard rested < Self.longestRest else { return nil }
        let left = Duration.microseconds(configuration.restMicroseconds) - rested
        if left > .zero { usleep(UInt32(left / .microseconds(1))) }
        return kept
    }

    /// - Returns: nil when the connection, not being fresh, turned out to be over before anything was answered.
    private func send(
        _ message: [UInt8], from sender: String, to recipients: [String], over connection: SMTPConnection,
        isFresh: Bool, until end: ContinuousClock.Instant
    ) -> SMTPOutcome? {
        var hasAnswered = isFresh
        do throws(SMTPBreak) {
            let needsUTF8 = ([sender] + recipients).contains(where: EmailAddress.needsSMTPUTF8)
            if needsUTF8, !connection.offers.contains(.utf8) {
                kept = connection
                return .permanentRefusal(
                    code: 553,
                    reply: "not sent: the address has letters that need SMTPUTF8, which the server does not offer")
            }
            var mail = "MAIL FROM:<\(EmailAddress.wireForm(sender))>"
            if connection.offers.contains(.size) { mail += " SIZE=\(message.count)" }
            if needsUTF8 { mail += " SMTPUTF8" }
            let commands: [(Command, String)] =
                [(.mail, mail)] + recipients.map { (.recipient, "RCPT TO:<\(EmailAddress.wireForm($0))>") }
                + [(.data, "DATA")]
            for group in groups(commands, connection.offers) {
                let text = group.reduce(into: "") { $0 += $1.1 + "\r\n" }
                try connection.say(Array(text.utf8), until: end)
                for (index, (command, _)) in group.enumerated() {
                    let reply = try connection.reply(until: end)
                    guard reply.code / 100 == (command == .data ? 3 : 2) else {
                        // Its farewell, said while nobody listened.
                        if !hasAnswered, reply.code == 421 { return nil }
                        keepAfterRefusal(connection, reply, unanswered: group.dropFirst(index + 1).map(\.0))
                        return refusal(reply, of: command)
                    }
                    hasAnswered = true
                }
            }
            try connection.say(Self.content(message), until: end)
            let reply = try connection.reply(until: end)
            if reply.code != 421 {
                connection.rest()
                kept = connection
            }
            return reply.code / 100 == 2 ? .accepted(code: reply.code, reply: reply.text) : refusal(reply, of: .data)
        } catch {
            return hasAnswered ? .connectionLost(error.reason) : nil
        }
    }

    /// Brings a connection back to where a message may begin, unless the server is slow about it.
    /// - Parameter unanswered: commands that went ahead together with the refused one.
    private func keepAfterRefusal(_ connection: SMTPConnection, _ reply: SMTPReply, unanswered: [Command]) {
        guard reply.code != 421 else { return }
        let end = ContinuousClock.now + Self.longestReset
        do throws(SMTPBreak) {
            for command in unanswered {
                let reply = try connection.reply(until: end)
                // It waits for a message that is not to be sent.
                if command == .data, reply.code / 100 == 3 { return }
            }
            try connection.say(Array("RSET\r\n".utf8), until: end)
            guard try connection.reply(until: end).code / 100 == 2 else { return }
            connection.rest()
            kept = connection
        } catch {
            // It ends here, and the next message has a fresh one.
        }
    }

    /// What is said at once, each before the answers to the one before have come.
    private func groups(
        _ commands: [(Command, String)], _ offers: SMTPDialogue.Offers
    ) -> [ArraySlice<(Command, String)>] {
        if !offers.contains(.pipelining) { return commands.indices.map { commands[$0...$0] } }
        return commands.count == 3 ? [commands[...]] : [commands.dropLast(), commands.suffix(1)]
    }

    private func refusal(_ reply: SMTPReply, of command: Command) -> SMTPOutcome {
        // RFC 4954 §6: the server wants a login, or a better one, before any message.
        if [530, 534, 535, 538].contains(reply.code), command != .data {
            return .serverTrouble(.login, text: reply.text)
        }
        if reply.code >= 500 { return .permanentRefusal(code: reply.code, reply: reply.text) }
        if reply.code >= 400 { return .temporaryRefusal(code: reply.code, reply: reply.text) }
        return .connectionLost("an answer that was not to be expected: \(reply.text)")
    }

    /// As it goes out: dots stuffed (RFC 5321 §4.5.2), and with the end.
    static func content(_ message: [UInt8]) -> [UInt8] {
        var content: [UInt8] = []
        content.reserveCapacity(message.count + 64)
        var rest = message[...]
        // From one line that begins with a dot to the next, and as a rule there is none.
        while !rest.isEmpty {
            if rest.first == UInt8(ascii: ".") { content.append(UInt8(ascii: ".")) }
            let next = nextDottedLine(in: rest)
            content += rest[..<next]
            rest = rest[next...]
        }
        if !message.isEmpty, message.suffix(2) != [0x0D, 0x0A] { content += [0x0D, 0x0A] }
        content += [UInt8(ascii: "."), 0x0D, 0x0A]
        return content
    }

    /// The index of the first line that begins with a dot, after the first line; the end when there is none.
    private static func nextDottedLine(in bytes: ArraySlice<UInt8>) -> Int {
        let offset = bytes.withUnsafeBytes { bytes -> Int in
            guard let start = bytes.baseAddress else { return 0 }
            var from = 0
            while from < bytes.count, let found = memchr(start + from, 0x0A, bytes.count - from) {
                from = UnsafeRawPointer(found) - start + 1
                if from < bytes.count, bytes[from] == UInt8(ascii: "."), from >= 2, bytes[from - 2] == 0x0D {
                    return from
                }
            }
            return bytes.count
        }
        return bytes.startIndex + offset
    }
}
