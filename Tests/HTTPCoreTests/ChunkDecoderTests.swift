import HTTPCore
import Testing

@Suite("Chunked bodies, whole and in pieces")
struct ChunkDecoderTests {
    private func outcome(_ text: String, limits: ParserLimits = .init()) -> ChunkOutcome? {
        Feeding.chunksHoweverSplit(Array(text.utf8), limits: limits)
    }

    @Test("bodies come out without their framing, and what follows is left")
    func bodies() {
        let cases = [
            ("0\r\n\r\n", ""), ("3\r\nabc\r\n0\r\n\r\n", "abc"), ("3\r\nabc\r\n2\r\nde\r\n00\r\n\r\n", "abcde"),
            ("00000000000000A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
            ("a\r\n\r\n\r\n\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n\r\n\r\n\r\n"),
            ("1;a\r\nx\r\n0;b=c\r\n\r\n", "x"), ("1 ; a = \"q;\\\"\\\t\" ;b\r\nx\r\n0\r\n\r\n", "x"),
            ("1\t;a=b;c=\"\"\r\nx\r\n0\r\n\r\n", "x"), ("1\r\nx\r\n0\r\nA: b\r\nC:\r\n\r\n", "x"),
        ]
        for (text, body) in cases {
            let expected = ChunkOutcome(body: Array(body.utf8), end: .ended(bytes: text.utf8.count))
            #expect(outcome(text) == expected, "\(text.debugDescription)")
            #expect(outcome(text + "GET / HTTP/1.1\r\n") == expected, "\(text.debugDescription) with a request behind")
        }
    }

    @Test("broken framing is refused")
    func refused() {
        let notHex = ParseFailure.malformed("a chunk's size is not hexadecimal")
        let noExtension = ParseFailure.malformed("a chunk's size is followed by what is no extension")
        let noEnd = ParseFailure.malformed("a chunk does not end in CRLF")
        let bareLF = ParseFailure.malformed("a line feed without its carriage return")
        let cases: [(String, ParseFailure)] = [
            ("\r\n", notHex), ("x\r\n", notHex), ("-1\r\n", notHex), ("+1\r\n", notHex), (" 1\r\n", notHex),
            ("1_0\r\n", noExtension), ("0x1\r\n", noExtension), ("1 \r\n", noExtension), ("1;\r\n", noExtension),
            ("1,1\r\n", noExtension),
            ("1 a\r\n", noExtension), ("1;a=\r\n", noExtension), ("1;=a\r\n", noExtension), ("1;a b\r\n", noExtension),
            ("1;a=\"\r\n", noExtension), ("1;a=\"b\"c\r\n", noExtension), ("1;a;;b\r\n", noExtension),
            ("1;a \r\n", noExtension),
            ("1;\u{1}\r\n", noExtension), ("1;a=\"\u{0}\"\r\n", noExtension), ("1\r;a\r\n", noExtension),
            ("1000000000000000\r\n", .malformed("a chunk's size is too large")),
            ("FFFFFFFFFFFFFFFFF\r\n", .malformed("a chunk's size is too large")), ("1\n", bareLF), ("1;a\n", bareLF),
            ("\n", bareLF), ("1\r\nxy\r\n", noEnd), ("1\r\nx\n", noEnd), ("1\r\nx\rx", noEnd),
            ("1\r\nx0\r\n\r\n", noEnd),
            ("0\r\n\n", bareLF), ("0\r\nA: b\n\r\n", bareLF), ("0\r\n A: b\r\n\r\n", .malformed("a folded field line")),
            ("0\r\nA : b\r\n\r\n", .malformed("a field name is no token")),
            ("0\r\nA\r\n\r\n", .malformed("a field line without a name")),
            ("0\r\nA: \u{0}\r\n\r\n", .malformed("a field value holds a control character")),
        ]
        for (text, failure) in cases { #expect(outcome(text)?.end == .refused(failure), "\(text.debugDescription)") }
    }

    @Test("a body that is not whole is waited for, and what has come of it is given")
    func waiting() {
        let text = Array("3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nA: b\r\n\r\n".utf8)
        for count in 0..<text.count {
            let outcome = Feeding.chunksHoweverSplit(Array(text.prefix(count)))
            #expect(
                outcome?.end == .needMore && Array("abcde".utf8).starts(with: outcome?.body ?? [0]), "\(count) bytes")
        }
    }

    @Test("every limit of chunks lets its own size pass and one more not")
    func limits() {
        var limits = ParserLimits()
        limits.chunkLineBytes = 20
        limits.chunkExtensionBytes = 30
        limits.trailerBytes = 24
        func refusal(_ text: String) -> ParseFailure? {
            guard case .refused(let failure) = outcome(text, limits: limits)?.end else { return nil }
            return failure
        }
        func line(_ bytes: Int) -> String { "1;" + String(repeating: "a", count: bytes - 4) + "\r\n" }
        let end = "0\r\n\r\n"
        #expect(refusal(line(20) + "x\r\n" + end) == nil)
        #expect(refusal(line(21) + "x\r\n" + end) == .malformed("a chunk's head is too long"))
        #expect(refusal(line(18) + "x\r\n" + line(18) + "x\r\n" + end) == nil)
        #expect(
            refusal(line(18) + "x\r\n" + line(19) + "x\r\n" + end) == .malformed("the chunks' extensions are too long"))
        func trailers(_ bytes: Int) -> String {
            "0\r\nA: b\r\nC: " + String(repeating: "d", count: bytes - 11) + "\r\n\r\n"
        }
        #expect(refusal(trailers(24)) == nil)
        #expect(refusal(trailers(25)) == .fieldsTooLarge)
        #expect(refusal(String(trailers(60).dropLast(4))) == .fieldsTooLarge)
    }
}
