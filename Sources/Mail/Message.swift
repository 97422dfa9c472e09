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
        var head = HeaderText.field("Date", [Self.date(date)])
        head += HeaderText.field("From", HeaderText.mailbox(from))
        head += HeaderText.field("To", HeaderText.mailbox(to))
        if let replyTo { head += HeaderText.field("Reply-To", HeaderText.mailbox(replyTo)) }
        head += HeaderText.unstructured("Subject", subject)
        head += HeaderText.field("Message-ID", [Self.identifier(messageID)])
        if let inReplyTo { head += HeaderText.field("In-Reply-To", [Self.identifier(inReplyTo)]) }
        if !references.isEmpty { head += HeaderText.field("References", references.map(Self.identifier)) }
        if let autoSubmitted { head += HeaderText.unstructured("Auto-Submitted", autoSubmitted) }
        for field in extraFields { head += HeaderText.unstructured(field.name, field.value) }
        head += "MIME-Version: 1.0\r\n"
        head += HeaderText.field("Content-Type", ["multipart/alternative;", "boundary=\"\(boundary)\""])
        var message = Array(head.utf8)
        for (type, part) in [("text/plain", text), ("text/html", html)] {
            // The line end before a boundary belongs to the boundary (RFC 2046 §5.1.1).
            message += Array("\r\n--\(boundary)\r\nContent-Type: \(type); charset=utf-8\r\n".utf8)
            message += Array("Content-Transfer-Encoding: quoted-printable\r\n\r\n".utf8)
            message += QuotedPrintable.encode(part)
        }
        message += Array("\r\n--\(boundary)--\r\n".utf8)
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
