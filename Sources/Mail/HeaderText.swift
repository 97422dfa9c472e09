// Header fields (RFC 5322 §2.2) with any text in them: what is not plain ASCII goes into encoded words (RFC 2047), cut
// between scalars so that each has at most 75 characters; lines are folded at white space before 78 columns where there is
// any. Controls, line breaks among them, become spaces first: nothing that a person types can begin another field.

enum HeaderText {
    static let lineColumns = 76
    private static let encodedWordLength = 75

    /// A field line with its CRLF; the value is made of words that may be folded between.
    static func field(_ name: String, _ words: [String]) -> String {
        var lines = "\(name):"
        var column = lines.utf8.count
        for word in words {
            if column + 1 + word.utf8.count > lineColumns, column > name.utf8.count + 1 {
                lines += "\r\n"
                column = 0
            }
            lines += " \(word)"
            column += 1 + word.utf8.count
        }
        return lines + "\r\n"
    }

    /// Unstructured text, such as a subject.
    static func unstructured(_ text: String) -> [String] {
        let text = harmless(text)
        if needsEncoding(text) { return encodedWords(text) }
        let words = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        // A word that cannot be folded within 998 octets (RFC 5322 §2.1.1), or that looks like an encoded one.
        if words.contains(where: { $0.utf8.count > 900 || $0.hasPrefix("=?") || $0.isEmpty }) {
            return encodedWords(text)
        }
        return words
    }

    /// A mailbox: a display name as atoms, quoted or encoded, and the address.
    static func mailbox(_ mailbox: Mailbox) -> [String] {
        let address = harmless(mailbox.address).replacing(" ", with: "")
        guard let name = mailbox.name.map(harmless), !name.trimmed.isEmpty else { return [address] }
        if needsEncoding(name) { return encodedWords(name) + ["<\(address)>"] }
        let isAtoms = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: " "), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "'"), UInt8(ascii: "&"):
                true
            default: false
            }
        }
        let isSpaced = name.hasPrefix(" ") || name.hasSuffix(" ") || name.contains("  ")
        if isAtoms, !isSpaced, !name.contains("=?") {
            return name.split(separator: " ").map(String.init) + ["<\(address)>"]
        }
        if name.utf8.count > 200 { return encodedWords(name) + ["<\(address)>"] }
        let quoted = name.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        return ["\"\(quoted)\"", "<\(address)>"]
    }

    /// Text without controls: each becomes a space.
    static func harmless(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl =
                scalar.properties.generalCategory == .control || scalar == "\u{2028}" || scalar == "\u{2029}"
            result.append(isControl ? " " : scalar)
        }
        return String(result)
    }

    private static func needsEncoding(_ text: String) -> Bool { text.utf8.contains { $0 >= 0x7F } }

    /// `=?UTF-8?B?…?=` words, each whole by itself.
    static func encodedWords(_ text: String) -> [String] {
        // 45 octets make 60 characters of base64; with the 12 around them a word has 72.
        var words: [String] = []
        var octets: [UInt8] = []
        for scalar in text.unicodeScalars {
            let encoded = Array(String(scalar).utf8)
            if octets.count + encoded.count > 45 {
                words.append("=?UTF-8?B?\(Base64.encode(octets))?=")
                octets = []
            }
            octets += encoded
        }
        words.append("=?UTF-8?B?\(Base64.encode(octets))?=")
        return words
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
