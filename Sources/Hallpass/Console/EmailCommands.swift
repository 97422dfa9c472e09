import Foundation
import Mail

extension Console {
    /// Templates that `previewEmail` knows.
    public static var emailTemplates: [String] { TemplateLibrary.mails }

    /// What is wrong with an address; nil for a good one.
    public static func offence(inAddress address: String) -> String? { EmailAddress.offence(in: address) }

    /// `hallpass email preview`: writes what the template makes of a sample, a file a part, and prints where. Needs no
    /// database and no mail server.
    /// - Parameter folder: nil is `preview` in the data folder.
    public func previewEmail(_ template: String, folder: String?) throws {
        let folder = folder ?? configuration.dataFolder + "/preview"
        let samples = try MailSamples(MailComposer(configuration), configuration, now: Instant.truncated(Date()))
            .samples(of: template)
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw StartError("\(folder) cannot be made; name another with --output")
        }
        var paths: [String] = []
        for sample in samples {
            let parts = [
                ("eml", sample.mail.source), ("html", Array(sample.mail.html.utf8)),
                ("txt", Array(sample.mail.text.utf8)),
            ]
            for (ending, bytes) in parts {
                let path = "\(folder)/\(sample.name).\(ending)"
                do {
                    try WholeFile.write(bytes, to: path)
                } catch {
                    throw StartError("\(path) cannot be written: \(error); name another folder with --output")
                }
                paths.append(path)
            }
        }
        if isJSON {
            say(json: { writer in writer.array { writer in for path in paths { writer.string(path) } } })
        } else {
            for path in paths { say(path) }
        }
    }

    /// `hallpass email test`: sends a short mail by the settings in force, and prints what the server said.
    public func testEmail(to address: String) async throws {
        let mail = try MailComposer(configuration).test(to: address, now: Instant.truncated(Date()))
        let smtp = SMTPDelivery(configuration)
        let delivery: any MailDelivery = smtp ?? FileDelivery(configuration)
        let outcome = await delivery.deliver(mail.source, messageID: mail.messageID, to: address)
        let place = smtp?.server ?? "the folder \(configuration.dataFolder)/mail"
        guard case .accepted(let code, let reply) = outcome else {
            throw StartError(Self.advice(outcome, place))
        }
        if isJSON {
            say(json: { writer in
                writer.object { writer in
                    writer.member("to", address)
                    writer.member("server", place)
                    writer.member("code", code)
                    writer.member("reply", reply)
                    writer.member("message_id", "<\(mail.messageID)>")
                }
            })
        } else {
            say(
                smtp == nil
                    ? "\(reply) (HALLPASS_SMTP_URL is not set)" : "\(place) took the message for \(address): \(reply)")
        }
    }

    private static func advice(_ outcome: SMTPOutcome, _ place: String) -> String {
        switch outcome {
        case .accepted(_, let reply): reply
        case .temporaryRefusal(_, let reply): "\(place) refused for the moment: \(reply); try again later"
        case .permanentRefusal(_, let reply):
            "\(place) refused: \(reply); check the address, and that the server takes HALLPASS_MAIL_FROM from you"
        case .connectionLost(let text): "\(place) broke off: \(text); try again, and look into the server's log"
        case .serverTrouble(.unreachable, let text): "\(place) cannot be reached: \(text); check HALLPASS_SMTP_URL"
        case .serverTrouble(.certificate, let text):
            "\(place) shows a certificate that is not trusted: \(text); name its CA in HALLPASS_SMTP_CA_FILE"
        case .serverTrouble(.tls, let text):
            "\(place) speaks no TLS here: \(text); use smtps:// or the port that offers STARTTLS"
        case .serverTrouble(.login, let text):
            "\(place) refused the login: \(text); check user and password in HALLPASS_SMTP_URL"
        case .serverTrouble(.greeting, let text):
            "\(place) does not want to talk: \(text); check that it lets this host in"
        }
    }
}

extension MailComposer {
    func test(to address: String, now: Date) -> ComposedMail {
        finish(
            ["to_account_manager": .flag], template: "test", recipient: Mailbox(address: address), replyTo: nil,
            requestIDs: [], now: now)
    }
}
