import Foundation
import Mail

/// Where mails go: through an SMTP server, or into files when none is configured.
protocol MailDelivery: Sendable {
    /// Messages under way at a time.
    var parallel: Int { get }

    func deliver(_ message: [UInt8], messageID: String, to recipient: String) async -> SMTPOutcome

    /// Delivers one message after another until there is none for it; up to `parallel` of these run beside one another.
    func deliver(_ queue: OutboxQueue) async

    /// Ends soon what is under way; nothing is delivered afterwards.
    func breakOff()
}

extension MailDelivery {
    func deliver(_ queue: OutboxQueue) async {
        var last: (mail: QueuedMail, outcome: SMTPOutcome)?
        while let mail = queue.next(after: last) {
            last = (mail, await deliver(mail.source, messageID: mail.messageID, to: mail.recipient))
        }
    }

    func breakOff() {}
}

/// Through the SMTP server of the settings.
struct SMTPDelivery: MailDelivery {
    private let transport: SMTPTransport
    private let sender: String
    let parallel: Int
    /// Its address, without user and password.
    let server: String

    /// Nil without `HALLPASS_SMTP_URL`.
    init?(_ configuration: Configuration) {
        guard let text = configuration.smtpURL, let smtp = SMTPConfiguration(text, caFile: configuration.smtpCAFile)
        else {
            return nil
        }
        transport = SMTPTransport(smtp)
        server = smtp.url
        parallel = smtp.connections
        sender = Mailbox(configuration.mailFrom)?.address ?? "hallpass@localhost"
    }

    func deliver(_ message: [UInt8], messageID: String, to recipient: String) async -> SMTPOutcome {
        await transport.send(message, from: sender, to: [recipient])
    }

    func deliver(_ queue: OutboxQueue) async {
        let sender = sender
        await transport.withSession { session in
            var last: (mail: QueuedMail, outcome: SMTPOutcome)?
            while let mail = queue.next(after: last) {
                last = (mail, session.send(mail.source, from: sender, to: [mail.recipient]))
            }
        }
    }

    /// Whether the server lets us in and takes mail from the sender of the settings.
    func verify() async -> SMTPOutcome { await transport.verify(sender: sender) }

    func breakOff() { transport.breakOff() }
}

/// Into `HALLPASS_DATA/mail/<Message-ID without brackets>.eml`, written whole and renamed into place.
struct FileDelivery: MailDelivery {
    let folder: String
    let parallel = 4

    init(_ configuration: Configuration) { folder = configuration.dataFolder + "/mail" }

    func deliver(_ message: [UInt8], messageID: String, to recipient: String) async -> SMTPOutcome {
        let path = "\(folder)/\(messageID.replacing("/", with: "_")).eml"
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            // Only its owner may read what is written to districts.
            try WholeFile.write(message, to: path, mode: 0o600)
            return .accepted(code: 250, reply: "written to \(path)")
        } catch {
            return .serverTrouble(.unreachable, text: "\(path) cannot be written: \(error)")
        }
    }
}

/// Writes files so that nobody ever sees half of one.
enum WholeFile {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600) throws(Failure) {
        let draft = "\(path).\(getpid()).new"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw Failure(description: String(cString: strerror(errno))) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            written += count
        }
        let isSafe = written == bytes.count && fsync(descriptor) == 0
        let reason = String(cString: strerror(errno))
        close(descriptor)
        guard isSafe, rename(draft, path) == 0 else {
            unlink(draft)
            throw Failure(description: reason)
        }
        // The new name is on the disk only once its folder is.
        let folder = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            close(folder)
        }
    }
}
