// Header fields (RFC 5322 §2.2) with any text in them: what is not plain ASCII goes into encoded words (RFC 2047), cut
// between scalars so that each has at most 75 characters; lines are folded before 78 columns (76 with encoded words, RFC
// 2047 §2) wherever there is white space. Controls, line breaks among them, become spaces first: nothing that a person types
// can begin another field.

enum HeaderText {
    static let lineColumns = 76
    /// Longer words of plain text are encoded, because an encoded text can be folded anywhere.
    private static let plainWordOctets = 60

    /// Writes a field line with its CRLF; the value is made of words that may be folded between.
    static func field(_ name: String, _ words: [String], into head: inout [UInt8]) {
        head.append(contentsOf: name.utf8)
        head.append(UInt8(ascii: ":"))
        var column = name.utf8.count + 1
        for word in words {
            // The first word may begin the second line, which is not empty then: the field's name stands in the first.
            if column + 1 + word.utf8.count > lineColumns {
                head.append(0x0D)
                head.append(0x0A)
                column = 0
            }
            head.append(UInt8(ascii: " "))
            head.append(contentsOf: word.utf8)
            column += 1 + word.utf8.count
        }
        head.append(0x0D)
        head.append(0x0A)
    }

    /// Writes a field of unstructured text, such as a subject. Its first word stands in the first line: white space there is
    /// part of the text to some readers.
    static func unstructured(_ name: String, _ text: String, into head: inout [UInt8]) {
        if name.utf8.count + 2 + text.utf8.count <= lineColumns, isPlainLine(text) {
            return field(name, [text], into: &head)
        }
        let text = harmless(text)
        if text.isEmpty { return field(name, [], into: &head) }
        field(name, plainWords(text) ?? encodedWords(text, behind: name.utf8.count + 2), into: &head)
    }

    /// A mailbox: a display name as atoms, quoted or encoded, and the address in its wire form.
    static func mailbox(_ mailbox: Mailbox) -> [String] {
        let address = withoutControls(EmailAddress.wireForm(mailbox.address))
        guard let name = mailbox.name.map({ isPlainLine($0) ? $0 : harmless($0).trimmed }), !name.isEmpty else {
            return [address]
        }
        guard let words = plainWords(name) else { return encodedWords(name, behind: 10) + ["<\(address)>"] }
        if name.utf8.allSatisfy({ isAtomText($0) || $0 == UInt8(ascii: " ") }) { return words + ["<\(address)>"] }
        // A quoted string may be folded at its spaces, which stay (RFC 5322 §3.2.4).
        let quoted = name.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return "\"\(quoted)\"".split(separator: " ").map(String.init) + ["<\(address)>"]
    }

    /// Text without controls: each becomes a space.
    static func harmless(_ text: String) -> String {
        if isPrintable(text) { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { result.append(isControl(scalar) ? " " : scalar) }
        return String(result)
    }

    /// A token that stands by itself, such as a message id: controls and spaces are dropped.
    static func token(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) { return text }
        return withoutControls(text).replacing(" ", with: "")
    }

    /// `=?UTF-8?B?…?=` words, each whole by itself. - Parameter columns: taken in the first word's line already.
    static func encodedWords(_ text: String, behind columns: Int) -> [String] {
        // 45 octets make 60 characters of base64; with the 12 around them a word has 72.
        var room = max(6, min(45, (lineColumns - 12 - columns) / 4 * 3))
        var words: [String] = []
        var octets: [UInt8] = []
        for scalar in text.unicodeScalars {
            let encoded = Array(String(scalar).utf8)
            if octets.count + encoded.count > room {
                words.append("=?UTF-8?B?\(Base64.encode(octets))?=")
                octets = []
                room = 45
            }
            octets += encoded
        }
        words.append("=?UTF-8?B?\(Base64.encode(octets))?=")
        return words
    }

    /// The words of a text that can stand as it is; nil for one that must be encoded to arrive unchanged.
    private static func plainWords(_ text: String) -> [String]? {
        guard text.utf8.allSatisfy({ $0 < 0x7F }), !text.contains("=?") else { return nil }
        let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        return words.allSatisfy { !$0.isEmpty && $0.utf8.count <= plainWordOctets } ? words : nil
    }

    /// Whether a text is one of plain words, as nearly all are, with single spaces between them.
    private static func isPlainLine(_ text: String) -> Bool {
        var wordOctets = 0
        var previous: UInt8 = 0
        for octet in text.utf8 {
            switch octet {
            case UInt8(ascii: " "):
                if wordOctets == 0 { return false }
                wordOctets = 0
            case 0x21...0x7E:
                wordOctets += 1
                if wordOctets > plainWordOctets || (octet == UInt8(ascii: "?") && previous == UInt8(ascii: "=")) {
                    return false
                }
            default: return false
            }
            previous = octet
        }
        return wordOctets > 0
    }

    private static func isPrintable(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } }

    private static func isAtomText(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "'"),
            UInt8(ascii: "&"):
            true
        default: false
        }
    }

    private static func withoutControls(_ text: String) -> String {
        if isPrintable(text) { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars where !isControl(scalar) { result.append(scalar) }
        return String(result)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control || scalar == "\u{2028}" || scalar == "\u{2029}"
    }
}

enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var value = 0
            for index in 0..<3 { value = value << 8 | (index < group.count ? Int(group[start + index]) : 0) }
            for index in 0..<4 {
                text.append(index <= group.count ? digits[value >> (18 - 6 * index) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
