import Foundation

/// Ids are UUIDv7 (RFC 9562 §5.7): a millisecond clock, then 74 random bits, so that they sort by age.
enum Identifier {
    static func make(at date: Date) -> UUID {
        var generator = SystemRandomNumberGenerator()
        let milliseconds = UInt64(max(0, Instant.milliseconds(date)))
        let a = generator.next()
        let b = generator.next()
        func byte(_ value: UInt64, _ shift: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: value >> shift) }
        return UUID(
            uuid: (
                byte(milliseconds, 40), byte(milliseconds, 32), byte(milliseconds, 24), byte(milliseconds, 16),
                byte(milliseconds, 8), byte(milliseconds, 0), 0x70 | byte(a, 0) & 0x0F, byte(a, 8),
                0x80 | byte(a, 16) & 0x3F, byte(a, 24), byte(b, 0), byte(b, 8), byte(b, 16), byte(b, 24), byte(b, 32),
                byte(b, 40)
            ))
    }

    /// An id as it stands in a path: 36 characters, hyphens in their places, either case. Nil for anything else.
    static func parse(_ text: some StringProtocol) -> UUID? {
        text.utf8.count == 36 ? UUID(uuidString: String(text)) : nil
    }

    static func format(_ id: UUID) -> String {
        let digits = StaticString("0123456789abcdef").utf8Start
        return withUnsafeBytes(of: id.uuid) { bytes in
            String(unsafeUninitializedCapacity: 36) { buffer in
                var position = 0
                for (index, byte) in bytes.enumerated() {
                    if index == 4 || index == 6 || index == 8 || index == 10 {
                        buffer[position] = UInt8(ascii: "-")
                        position += 1
                    }
                    buffer[position] = digits[Int(byte >> 4)]
                    buffer[position + 1] = digits[Int(byte & 0xF)]
                    position += 2
                }
                return 36
            }
        }
    }
}
