import Testing

@testable import Mail

@Suite("SMTP's octets")
struct SMTPReplyTests {
    private static func replies(_ text: String, piece: Int) -> [String] {
        var reader = SMTPReplyReader()
        var replies: [String] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: piece) {
            bytes[start..<min(bytes.count, start + piece)].withUnsafeBytes { reader.take($0) }
            while let reply = reader.next() { replies.append("\(reply.code)|\(reply.text)") }
        }
        return replies
    }

    @Test("replies are the same in whatever pieces they come", arguments: [1, 2, 3, 7, 1000])
    func pieces(piece: Int) {
        #expect(
            Self.replies(
                "250 2.1.0 Ok\r\n250-first\r\n250-second\r\n250 third\r\n354 go\n550\r\nnonsense\r\n99 no\r\n451-4.7.1 a\r\n451",
                piece: piece) == ["250|250 2.1.0 Ok", "250|250-first second third", "354|354 go", "550|550"])
    }

    @Test("what a server says at length, or with controls in it, comes out as one line of bounded length")
    func harmless() {
        let long = Self.replies("250 " + String(repeating: "x", count: 100_000) + "\r\n250 Ok\r\n", piece: 4096)
        #expect(long.count == 2 && long[0].utf8.count <= 1004 && long[1] == "250|250 Ok")
        let endless = Self.replies(String(repeating: "250-more\r\n", count: 5000) + "250 end\r\n", piece: 4096)
        #expect(endless.count == 1 && endless[0].count <= 1004)
        let odd = Self.replies("550 a\u{0}b\u{1b}[31mc\r\n", piece: 4096)[0]
        #expect(!odd.unicodeScalars.contains { $0.value < 32 }, "\(odd)")
    }

    @Test(
        "dots are stuffed where a line begins, and the end is a line of its own",
        arguments: [
            ("", ".\r\n"), (".", "..\r\n.\r\n"), ("a", "a\r\n.\r\n"), ("a\r\n", "a\r\n.\r\n"),
            (".a\r\n.\r\n..\r\nb.\r\n", "..a\r\n..\r\n...\r\nb.\r\n.\r\n"), ("a\r\n\r\n.b", "a\r\n\r\n..b\r\n.\r\n"),
            ("a\n.b\r\n", "a\n.b\r\n.\r\n"),
        ])
    func content(message: String, sent: String) {
        #expect(String(decoding: SMTPSession.content(Array(message.utf8)), as: UTF8.self) == sent)
    }
}
