import Foundation
import Integrations
import Mail
import Postgres

/// A mail that is ready to go out.
struct ComposedMail: Sendable {
    var id: UUID
    var template: String
    var recipient: String
    var subject: String
    /// Without angle brackets.
    var messageID: String
    var requestIDs: [UUID]
    /// The two parts, as they were rendered.
    var text: String
    var html: String
    /// RFC 5322.
    var source: [UInt8]
    /// Districts that a mail about no one district names.
    var mentionedDistrictIDs: [UUID] = []
}

/// Makes mails of what the domain decided. Holds the parsed templates; rendering happens inside the change's transaction, so
/// what is stored is what goes out, to the last byte.
struct MailComposer: Sendable {
    private let configuration: Configuration
    private let forms: TemplateForms
    private let setupLink: SetupLink
    private let from: Mailbox
    private let domain: String

    /// - Throws: `StartError` for a broken template.
    init(_ configuration: Configuration) throws(StartError) {
        self.configuration = configuration
        forms = TemplateForms(
            try TemplateLibrary(folder: configuration.templatesFolder), brand: MailValues.brand(configuration))
        setupLink = SetupLink(configuration.setupURL)
        from = Mailbox(configuration.mailFrom) ?? Mailbox(name: "Hallpass", address: "hallpass@localhost")
        domain = from.domain
    }

    /// - Parameter trace: the HTTP request that it comes of, to be found again by it.
    func compose(
        _ notice: Notice, about value: DistrictCase, now: Date, trace: RequestTrace? = nil
    ) -> ComposedMail {
        let requests = notice.requestIDs.compactMap { value.request($0) }
        let values = MailValues(setupLink: setupLink, notice: notice, value: value, requests: requests, now: now).all
        return finish(
            values, template: notice.template.rawValue, recipient: notice.audience.mailbox,
            replyTo: value.district.accountManager, requestIDs: requests.map(\.id), now: now, trace: trace)
    }

    /// A mail of values that are given; the digest is one.
    func finish(
        _ values: TemplateValues, template: String, recipient: Mailbox, replyTo: String?, requestIDs: [UUID],
        now: Date, trace: RequestTrace? = nil
    ) -> ComposedMail {
        let id = Identifier.make(at: now)
        let parts = forms.render(template, values)
        let messageID = "\(Identifier.format(id))@\(domain)"
        // A request's thread begins with an id of its own, which no message has.
        let roots = requestIDs.map { "<request-\(Identifier.format($0))@\(domain)>" }
        let message = Message(
            from: from, to: recipient, replyTo: replyTo.map { Mailbox(address: $0) }, subject: parts.subject, date: now,
            messageID: "<\(messageID)>", references: roots, inReplyTo: roots.first, autoSubmitted: "auto-generated",
            extraFields: trace?.mailFields ?? [], text: parts.text, html: parts.html)
        return ComposedMail(
            id: id, template: template, recipient: recipient.address, subject: parts.subject, messageID: messageID,
            requestIDs: requestIDs, text: parts.text, html: parts.html, source: message.rfc5322())
    }
}

extension Notice.Audience {
    var mailbox: Mailbox {
        switch self {
        case .requester(let requester): Mailbox(name: requester.name, address: requester.email)
        case .accountManager(let address): Mailbox(address: address)
        }
    }
}

extension Work {
    /// Writes a mail into the outbox; it goes out once this is committed.
    func send(_ notice: Notice, about value: DistrictCase) {
        if notice.template == .newRequest, !application.configuration.newRequestMail { return }
        send(
            application.mailComposer.compose(notice, about: value, now: now, trace: trace),
            districtID: value.district.id)
    }

    func send(_ mail: ComposedMail, districtID: UUID?) {
        transaction.execute(
            Query(
                "email.insert",
                """
                INSERT INTO email (id, district_id, request_ids, mentioned_district_ids, template, recipient, subject,
                    message_id, source, status, next_attempt_at, created_at, http_request_id)
                VALUES (\(mail.id), \(districtID), \(mail.requestIDs), \(mail.mentionedDistrictIDs), \(mail.template),
                    \(mail.recipient), \(mail.subject), \(mail.messageID), \(mail.source), 'queued', \(now), \(now),
                    \(trace?.requestID))
                """))
        outgoing.append(OutgoingMail(to: mail.recipient, template: mail.template, subject: mail.subject))
        wakes.insert(.outbox)
    }
}

extension RequestTrace {
    /// Header fields by which a message is found again that somebody asks about.
    var mailFields: [(name: String, value: String)] {
        [("X-Request-Id", requestID)] + (traceParent.map { [("Traceparent", $0)] } ?? [])
    }
}
