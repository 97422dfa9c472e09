/// Texts such as people, and people with bad intentions, type. The same seed gives the same ones.
struct RandomText: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }

    private static let pieces = [
        "Lee", "Park", "Demo District", "St. Mary's", "O\u{2019}Neil", "a", "b c", "Amy \"Ace\" Smith", "back\\slash",
        "\"", "\\",
        "(note)", "<script>", "a@b.c", ";", ":", ",", ".", "..", "=?UTF-8?Q?hidden?=", "=?", "?=", "=", "%20", "_", "é",
        "Ñandú",
        "Zoë Müller", "学校区", "さくら小学校", "Школа №5", "مدرسة", "בית ספר", "👩🏽‍🏫", "🏳️‍🌈", "e\u{301}\u{323}", "\u{FEFF}",
        "\u{200F}", "\u{1D4D0}", "\u{10FFFF}", "\u{A0}", "\u{7F}", "\u{85}", "\u{2028}", "\0", "\u{1B}[31m",
        "\r\nBcc: x@evil.example",
        "\n\n<b>body</b>", "\r", "\t", " ", "  ", "From here", "From: me", ".", "--=_1", "word",
        "https://example.org/a/very/long/path/that/goes/on/and/on/and/on/until/it/is/longer/than/any/line/may/be?x=1&y=2",
    ]

    /// Up to `count` pieces, with or without spaces between.
    mutating func text(_ count: Int) -> String {
        (0..<Int.random(in: 0...count, using: &self)).map { _ -> String in
            let piece = Self.pieces.randomElement(using: &self) ?? ""
            return Bool.random(using: &self) ? piece : piece + " "
        }.joined()
    }

    /// Any scalars at all.
    mutating func scalars(_ count: Int) -> String {
        var text = String.UnicodeScalarView()
        while text.count < count {
            let limit: UInt32 = Bool.random(using: &self) ? 0x100 : 0x11_0000
            if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &self)) { text.append(scalar) }
        }
        return String(text)
    }

    /// Lines of text as a mail's body has them.
    mutating func body() -> String {
        (0..<Int.random(in: 0...12, using: &self)).map { _ -> String in
            switch Int.random(in: 0...4, using: &self) {
            case 0: String(repeating: "x", count: Int.random(in: 70...80, using: &self))
            case 1: String(repeating: "long line without an end ", count: Int.random(in: 1...60, using: &self))
            case 2: ".From " + text(3)
            default: text(6)
            }
        }.joined(separator: ["\n", "\r\n", "\r", " \n", "\t\r\n"].randomElement(using: &self) ?? "\n")
    }
}
