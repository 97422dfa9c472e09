import HTTPTypes

/// `X-Request-Id`.
enum RequestID {
    static let name = HTTPField.Name("X-Request-Id")!
    static let traceParent = HTTPField.Name("traceparent")!

    /// The client's, if it is 1 to 128 of `A-Za-z0-9._-`.
    static func kept(_ text: String?) -> String? {
        guard let text, (1...128).contains(text.utf8.count), text.utf8.allSatisfy(isAllowed) else { return nil }
        return text
    }

    /// A new one: 26 random characters.
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        let (high, low) = (generator.next(), generator.next())
        let digits = StaticString("0123456789abcdefghjkmnpqrstvwxyz").utf8Start
        return String(unsafeUninitializedCapacity: 26) { buffer in
            for index in 0..<26 {
                let word = index < 13 ? high >> UInt64(index * 5 % 64) : low >> UInt64((index - 13) * 5 % 64)
                buffer[index] = digits[Int(word & 31)]
            }
            return 26
        }
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
