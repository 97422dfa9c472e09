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

    /// A new one: 26 random characters. - Parameter generator: the loop's own; an id must be unlike others, and is no secret.
    static func make(_ generator: inout RequestIDGenerator) -> String {
        let (high, low) = (generator.next(), generator.next())
        let digits = StaticString("0123456789abcdefghjkmnpqrstvwxyz").utf8Start
        return String(unsafeUninitializedCapacity: 26) { buffer in
            for index in 0..<13 {
                buffer[index] = digits[Int(high >> UInt64(index * 5) & 31)]
                buffer[index + 13] = digits[Int(low >> UInt64(index * 5) & 31)]
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

/// Random numbers without a system call for each: xoshiro256++ (Blackman and Vigna, 2019), begun with the system's own.
struct RequestIDGenerator: RandomNumberGenerator {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    init() {
        var system = SystemRandomNumberGenerator()
        state = (system.next() | 1, system.next(), system.next(), system.next())
    }

    mutating func next() -> UInt64 {
        let sum = state.0 &+ state.3
        let result = (sum << 23 | sum >> 41) &+ state.0
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = state.3 << 45 | state.3 >> 19
        return result
    }
}
