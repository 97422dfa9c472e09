public import Foundation

/// A message with a text and an HTML part (RFC 5322, RFC 2045–2047, RFC 2046 §5.1.4).
public struct Message: Sendable {
    public var from: Mailbox
    public var to: Mailbox
    public var replyTo: Mailbox?
    /// Any Unicode text; line breaks become spaces.
    public var subject: String
    public var date: Date
    /// With its angle brackets.
    public var messageID: String
    /// Message ids with their angle brackets, the thread's root first.
    public var references: [String]
    public var inReplyTo: String?
    /// `Auto-Submitted` (RFC 3834), such as `auto-generated`; nil leaves it out.
    public var autoSubmitted: String?
    /// Further fields; a name must be a token, a value is made harmless.
    public var extraFields: [(name: String, value: String)]
    public var text: String
    public var html: String

    public init(
        from: Mailbox, to: Mailbox, replyTo: Mailbox? = nil, subject: String, date: Date, messageID: String,
        references: [String] = [], inReplyTo: String? = nil, autoSubmitted: String? = "auto-generated",
        extraFields: [(name: String, value: String)] = [], text: String, html: String
    ) {
        self.from = from
        self.to = to
        self.replyTo = replyTo
        self.subject = subject
        self.date = date
        self.messageID = messageID
        self.references = references
        self.inReplyTo = inReplyTo
        self.autoSubmitted = autoSubmitted
        self.extraFields = extraFields
        self.text = text
        self.html = html
    }

    /// The message as it goes out: lines end in CRLF. It is 7-bit, unless an address's local part is not ASCII: then its
    /// header is UTF-8 (RFC 6532), and it can go only through servers that offer SMTPUTF8.
    public func rfc5322() -> [UInt8] {
        let boundary = self.boundary
        var message: [UInt8] = []
        message.reserveCapacity(2048 + (text.utf8.count + html.utf8.count) * 5 / 4)
        HeaderText.field("Date", [Self.date(date)], into: &message)
        HeaderText.field("From", HeaderText.mailbox(from), into: &message)
        HeaderText.field("To", HeaderText.mailbox(to), into: &message)
        if let replyTo { HeaderText.field("Reply-To", HeaderText.mailbox(replyTo), into: &message) }
        HeaderText.unstructured("Subject", subject, into: &message)
        HeaderText.field("Message-ID", [Self.identifier(messageID)], into: &message)
        if let inReplyTo { HeaderText.field("In-Reply-To", [Self.identifier(inReplyTo)], into: &message) }
        if !references.isEmpty { HeaderText.field("References", references.map(Self.identifier), into: &message) }
        if let autoSubmitted { HeaderText.unstructured("Auto-Submitted", autoSubmitted, into: &message) }
        for field in extraFields { HeaderText.unstructured(field.name, field.value, into: &message) }
        HeaderText.field("MIME-Version", ["1.0"], into: &message)
        HeaderText.field("Content-Type", ["multipart/alternative;", "boundary=\"\(boundary)\""], into: &message)
        for (type, part) in [("text/plain", text), ("text/html", html)] {
            // The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1).
            message += "\r\n--\(boundary)\r\nContent-Type: \(type); charset=utf-8\r\n".utf8
            message += "Content-Transfer-Encoding: quoted-printable\r\n\r\n".utf8
            QuotedPrintable.encode(part, into: &message)
        }
        message += "\r\n--\(boundary)--\r\n".utf8
        return message
    }

    /// A line that no part has: quoted-printable never writes `=_`.
    private var boundary: String {
        "=_\(messageID.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 })"
    }

    private static func identifier(_ text: String) -> String {
        let token = HeaderText.token(text)
        return token.hasPrefix("<") ? token : "<\(token)>"
    }

    /// `Mon, 23 Nov 2026 16:05:00 +0000` (RFC 5322 §3.3).
    static func date(_ date: Date) -> String {
        var seconds = time_t(date.timeIntervalSince1970.rounded(.down))
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(days[Int(parts.tm_wday)]), \(parts.tm_mday) \(months[Int(parts.tm_mon)]) \(1900 + parts.tm_year) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) +0000"
    }
}
