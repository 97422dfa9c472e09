import Foundation
import TestSupport
import Testing

@testable import Mail

@Suite("Messages")
struct MessageTests {
    /// What Python's parser must find in a message.
    private struct Expectation: Encodable {
        struct Party: Encodable {
            var name: String
            var address: String
        }

        var source: String
        var fields: [String]
        var subject: String
        var From: Party
        var To: Party
        var replyTo: Party?
        var messageID: String
        var references: [String]
        var date: Double
        var text: String
        var html: String
        var utf8: Bool

        enum CodingKeys: String, CodingKey {
            case source, fields, subject, From, To, references, date, text, html, utf8
            case replyTo = "Reply-To"
            case messageID = "message_id"
        }
    }

    private struct Verdict: Decodable {
        var count: Int
        var complaints: [String]
        var complaint_count: Int
    }

    /// Addresses and their form on the wire.
    private static let addresses = [
        ("lee@demo.k12.ca.us", "lee@demo.k12.ca.us"), ("x+y_z@a-b.example", "x+y_z@a-b.example"),
        ("post@schule-größe.example", "post@xn--schule-gre-e4a9y.example"),
        ("info@例え.テスト", "info@xn--r8jz45g.xn--zckzah"),
        ("o'neil@École.example", "o'neil@xn--cole-9oa.example"), ("zoë@bücher.example", "zoë@xn--bcher-kva.example"),
        (
            String(repeating: "l", count: 64) + "@" + String(repeating: "d", count: 60) + ".example",
            String(repeating: "l", count: 64) + "@" + String(repeating: "d", count: 60) + ".example"
        ),
    ]

    private static func random(_ random: inout RandomText, _ number: Int) -> (Message, Expectation) {
        let parties = (0..<3).map { _ in
            (
                name: number % 5 == 0 ? random.scalars(number % 201) : random.text(6),
                address: addresses.randomElement(using: &random)!
            )
        }
        let subject = number % 7 == 0 ? random.scalars(number % 150) : random.text(8)
        let references = (0...number % 3).map { "<request-\($0)-\(number)@vendor.example>" }
        let message = Message(
            from: Mailbox(name: parties[0].name, address: parties[0].address.0),
            to: Mailbox(name: parties[1].name, address: parties[1].address.0),
            replyTo: number.isMultiple(of: 2) ? Mailbox(name: parties[2].name, address: parties[2].address.0) : nil,
            subject: subject, date: Date(timeIntervalSince1970: Double(number) * 86_399),
            messageID: "<\(number)@vendor.example>", references: references, inReplyTo: references[0],
            text: random.body(), html: "<p>\(random.body())</p>")
        let used = parties.prefix(number.isMultiple(of: 2) ? 3 : 2)
        let found = used.map { Expectation.Party(name: $0.name, address: $0.address.1) }
        return (
            message,
            Expectation(
                source: Data(message.rfc5322()).base64EncodedString(),
                fields: ["Date", "From", "To"] + (found.count == 3 ? ["Reply-To"] : [])
                    + [
                        "Subject", "Message-ID", "In-Reply-To", "References", "Auto-Submitted", "MIME-Version",
                        "Content-Type",
                    ],
                subject: subject, From: found[0], To: found[1], replyTo: found.count == 3 ? found[2] : nil,
                messageID: message.messageID, references: references, date: Double(number) * 86_399, text: message.text,
                html: message.html, utf8: used.contains { EmailAddress.needsSMTPUTF8($0.address.0) })
        )
    }

    @Test("two thousand messages with any Unicode in them say to Python's parser what they were made of")
    func parsedByPython() async throws {
        var random = RandomText(seed: 7)
        var input: [UInt8] = []
        let count = 2000
        for number in 1...count {
            input += try JSONEncoder().encode(Self.random(&random, number).1) + [0x0A]
        }
        let verdict = try JSONDecoder().decode(
            Verdict.self, from: Data(try await Python.run("parse_mail.py", input: input)))
        #expect(verdict.count == count)
        #expect(verdict.complaint_count == 0, "\(verdict.complaints.joined(separator: "\n"))")
    }

    @Test("a message is what it was before, to the byte")
    func golden() {
        let message = Message(
            from: Mailbox(name: "Vendor, Inc.", address: "mail@vendor.example"),
            to: Mailbox(name: "Zoë Müller", address: "zoe@schule.example"),
            replyTo: Mailbox(address: "amy@vendor.example"), subject: "Approved: SSO for Café District",
            date: Date(timeIntervalSince1970: 1_795_449_600), messageID: "1@vendor.example",
            references: ["<r1@vendor.example>", "<r2@vendor.example>"], inReplyTo: "<r1@vendor.example>",
            text: "Olé.\n.\nEnd \n", html: "<p>Olé</p>")
        let lines = String(decoding: message.rfc5322(), as: UTF8.self).components(separatedBy: "\r\n")
        let boundary = String(lines[10].split(separator: "\"")[1])
        #expect(boundary.hasPrefix("=_"))
        #expect(
            lines == [
                "Date: Mon, 23 Nov 2026 16:00:00 +0000",
                "From: \"Vendor, Inc.\" <mail@vendor.example>",
                "To: =?UTF-8?B?Wm/DqyBNw7xsbGVy?= <zoe@schule.example>",
                "Reply-To: amy@vendor.example",
                "Subject: =?UTF-8?B?QXBwcm92ZWQ6IFNTTyBmb3IgQ2Fmw6kgRGlzdHJpY3Q=?=",
                "Message-ID: <1@vendor.example>",
                "In-Reply-To: <r1@vendor.example>",
                "References: <r1@vendor.example> <r2@vendor.example>",
                "Auto-Submitted: auto-generated",
                "MIME-Version: 1.0",
                "Content-Type: multipart/alternative; boundary=\"\(boundary)\"",
                "", "--\(boundary)", "Content-Type: text/plain; charset=utf-8",
                "Content-Transfer-Encoding: quoted-printable", "", "Ol=C3=A9.", "=2E", "End=20", "", "--\(boundary)",
                "Content-Type: text/html; charset=utf-8", "Content-Transfer-Encoding: quoted-printable", "",
                "<p>Ol=C3=A9</p>", "--\(boundary)--", "",
            ])
    }

    @Test("nothing that is typed begins another field or the body")
    func injection() {
        let evil = "x\r\nBcc: victim@evil.example\r\n\r\n<b>body</b>"
        let message = Message(
            from: Mailbox(name: evil, address: "mail@vendor.example"),
            to: Mailbox(name: evil, address: "lee@demo.example"),
            replyTo: Mailbox(name: evil, address: "amy@vendor.example\r\nBcc: x@evil.example"), subject: evil,
            date: Date(), messageID: "<a@b>\r\nBcc: x@evil.example", references: ["<a@b>\nBcc: x"], inReplyTo: evil,
            autoSubmitted: evil, extraFields: [("X-Note", evil)], text: evil, html: evil)
        let text = String(decoding: message.rfc5322(), as: UTF8.self)
        let head = text.prefix(upTo: text.firstRange(of: "\r\n\r\n")!.lowerBound)
        let names = head.components(separatedBy: "\r\n").filter { !$0.hasPrefix(" ") }.map { $0.prefix { $0 != ":" } }
        #expect(
            names == [
                "Date", "From", "To", "Reply-To", "Subject", "Message-ID", "In-Reply-To", "References",
                "Auto-Submitted",
                "X-Note", "MIME-Version", "Content-Type",
            ])
    }

    @Test("quoted-printable keeps every octet, and no line is longer than 76")
    func quotedPrintable() {
        var random = RandomText(seed: 3)
        for _ in 0..<500 {
            let text = random.body()
            let encoded = QuotedPrintable.encode(text)
            let lines = String(decoding: encoded, as: UTF8.self).components(separatedBy: "\r\n")
            #expect(lines.allSatisfy { $0.utf8.count <= 76 })
            #expect(lines.allSatisfy { !$0.hasSuffix(" ") && !$0.hasSuffix("\t") })
            let decoded = String(decoding: Self.decode(encoded), as: UTF8.self)
            let isSame = decoded == Self.unified(text)
            #expect(isSame)
        }
    }

    @Test("quoted-printable is written as RFC 2045's rules read, line by line")
    func quotedPrintableByTheRules() {
        var random = RandomText(seed: 11)
        let texts = [
            "", " ", "\r\n", "\n\n", "\r\r\n\n", "a ", "a \nb\t\r\nc\t", ".", "..", "From x\nFrom\nFroM y", "=",
            String(repeating: "a", count: 75), String(repeating: "a", count: 76), String(repeating: "é", count: 40),
            String(repeating: "a", count: 75) + ".b", String(repeating: "a", count: 75) + "From x",
            String(repeating: "a", count: 75) + " ", String(repeating: "a", count: 74) + " \n",
            String(repeating: " ", count: 160), String(repeating: ".", count: 160),
        ]
        for text in texts + (0..<500).map({ _ in random.body() }) {
            #expect(QuotedPrintable.encode(text) == Self.encodedByTheRules(text))
        }
    }

    private static func encodedByTheRules(_ text: String) -> [UInt8] {
        let lines = String(decoding: Array(unified(text).utf8), as: UTF8.self).components(separatedBy: "\r\n")
        return Array(lines.map(lineByTheRules).joined(separator: "\r\n").utf8)
    }

    private static func lineByTheRules(_ line: String) -> String {
        var (output, column) = ("", 0)
        for (index, octet) in line.utf8.enumerated() {
            var isPlain = (0x21...0x7E).contains(octet) && octet != UInt8(ascii: "=")
            if octet == 0x20 || octet == 0x09 { isPlain = index < line.utf8.count - 1 }
            if column + (isPlain ? 1 : 3) > 75 { (output, column) = (output + "=\r\n", 0) }
            let beginsMail = line.utf8.dropFirst(index).starts(with: "From ".utf8)
            if column == 0, octet == UInt8(ascii: ".") || beginsMail { isPlain = false }
            let digits = String(octet, radix: 16, uppercase: true)
            output += isPlain ? String(UnicodeScalar(octet)) : "=" + (octet < 16 ? "0" : "") + digits
            column += isPlain ? 1 : 3
        }
        return output
    }

    /// The text with CRLF for each of its line ends.
    private static func unified(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            if scalar == "\r" || (scalar == "\n" && previous != "\r") {
                result.append(contentsOf: "\r\n".unicodeScalars)
            } else if scalar != "\n" {
                result.append(scalar)
            }
            previous = scalar
        }
        return String(result)
    }

    /// As RFC 2045 says: soft line breaks go, `=XX` becomes its octet.
    private static func decode(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            guard bytes[index] == UInt8(ascii: "=") else {
                result.append(bytes[index])
                index += 1
                continue
            }
            if bytes[index + 1] != 0x0D {
                result.append(UInt8(String(decoding: bytes[index + 1...index + 2], as: UTF8.self), radix: 16)!)
            }
            index += 3
        }
        return result
    }

    @Test(
        "what a mailbox says is read back",
        arguments: [
            ("lee@demo.example", nil, "lee@demo.example"),
            ("Vendor <mail@vendor.example>", "Vendor", "mail@vendor.example"),
            (#""Ven, dor" <mail@vendor.example>"#, "Ven, dor", "mail@vendor.example"),
            (#""A \"B\" \\" <mail@vendor.example>"#, #"A "B" \"#, "mail@vendor.example"),
            ("Zoë Müller <zoë@bücher.example>", "Zoë Müller", "zoë@bücher.example"), (" <a@b> ", nil, "a@b"),
        ] as [(String, String?, String)])
    func mailbox(text: String, name: String?, address: String) {
        #expect(Mailbox(text) == Mailbox(name: name, address: address))
    }

    @Test(
        "what is no mailbox is none",
        arguments: ["", "lee", "Lee <lee>", "<>", "lee@", "a b@c.example", "Lee <a@b", "a@b>"])
    func noMailbox(text: String) {
        #expect(Mailbox(text) == nil)
    }
}
