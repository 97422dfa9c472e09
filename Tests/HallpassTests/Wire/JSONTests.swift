import Testing

@testable import Hallpass

@Suite("JSON on the wire")
struct JSONTests {
    @Test(
        "what RFC 8259 allows is read as it is meant",
        arguments: [
            (#"{}"#, "{}"), (#" [ 1 , -0.5e+3 , true , false , null ] "#, "[1,-0.5e+3,true,false,null]"),
            (#""é😀\u00e9\ud83d\ude00\n""#, #""é😀é😀\n""#), (#"{"a":{"b":[{}]}}"#, #"{"a":{"b":[{}]}}"#),
            (#""\/\b\f\"\\""#, #""/\u0008\u000c\"\\""#),
        ])
    func reads(text: String, meaning: String) throws {
        #expect(try JSONParser.parse(Array(text.utf8)).text == meaning)
    }

    @Test(
        "what RFC 8259 does not allow is refused",
        arguments: [
            "", " ", "{", "[1,]", "{\"a\":1,}", "{'a':1}", "01", "1.", ".5", "1e", "+1", "nul", "tru", "\"a", "\"\\x\"",
            "\"\\u12g4\"", "[1] 2", "\u{FEFF}{}", "\"\u{1}\"", "{\"a\" 1}", "{1:2}", "NaN", "[", "-",
            "{\"a\":1,\"a\":2}",
        ])
    func refuses(text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(Array(text.utf8)) }
    }

    @Test("a lone surrogate is well-formed JSON, and told apart as unusable")
    func loneSurrogates() throws {
        for text in [#""\ud800""#, #""\udc00 x""#, #""\ud800\u0041""#, #""a\ud83dz""#] {
            #expect(try JSONParser.parse(Array(text.utf8)) == .unusableString)
        }
    }

    @Test("bytes that are not UTF-8 are refused, overlong and surrogate encodings among them")
    func notUTF8() {
        for bytes: [UInt8] in [[0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82]] {
            #expect(throws: JSONSyntaxError.self) { try JSONParser.parse([0x22] + bytes + [0x22]) }
        }
    }

    @Test("nesting is limited, at the limit and one past it")
    func depth() throws {
        let deep = { (levels: Int) in
            Array(String(repeating: "[", count: levels).utf8) + Array(String(repeating: "]", count: levels).utf8)
        }
        _ = try JSONParser.parse(deep(JSONParser.maximumDepth))
        #expect(throws: JSONSyntaxError.self) { try JSONParser.parse(deep(JSONParser.maximumDepth + 1)) }
    }

    @Test("an object of many members is searched for doubles too")
    func manyMembers() throws {
        let members = (0..<40).map { "\"m\($0)\":\($0)" }
        #expect(try JSONParser.parse(Array("{\(members.joined(separator: ","))}".utf8))["m39"]?.integer == 39)
        #expect(throws: JSONSyntaxError.self) {
            try JSONParser.parse(Array("{\((members + ["\"m7\":0"]).joined(separator: ","))}".utf8))
        }
    }

    @Test("what was written is read again, whatever the text holds")
    func roundTrip() throws {
        var generator = SeededGenerator(seed: 8259)
        for _ in 0..<2000 {
            let scalars = (0..<Int.random(in: 0...20, using: &generator)).compactMap { _ in
                Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &generator))
            }
            let value = JSONValue.object([
                .init(
                    name: String(String.UnicodeScalarView(scalars)),
                    value: .string(String(String.UnicodeScalarView(scalars))))
            ])
            #expect(try JSONParser.parse(Array(value.text.utf8)) == value)
        }
    }
}

/// A small repeatable generator (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
