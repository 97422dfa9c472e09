import Foundation
import Synchronization

/// Ids are UUIDv7 (RFC 9562 §5.7): a millisecond clock, then 26 bits of a counter that begins at random and grows with
/// each id (§6.2), then 48 random bits. So the ids that one process makes in one millisecond sort as they were made: what a
/// change writes at one instant keeps its order wherever it is listed by instant and id.
enum Identifier {
    private static let counter = Atomic(UInt64.random(in: 0...UInt64(UInt32.max)))

    static func make(at date: Date) -> UUID {
        var generator = SystemRandomNumberGenerator()
        let milliseconds = UInt64(max(0, Instant.milliseconds(date)))
        let random = generator.next()
        let counter = counter.wrappingAdd(1, ordering: .relaxed).newValue
        func byte(_ value: UInt64, _ shift: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: value >> shift) }
        return UUID(
            uuid: (
                byte(milliseconds, 40), byte(milliseconds, 32), byte(milliseconds, 24), byte(milliseconds, 16),
                byte(milliseconds, 8), byte(milliseconds, 0), 0x70 | byte(counter, 22) & 0x0F, byte(counter, 14),
                0x80 | byte(counter, 8) & 0x3F, byte(counter, 0), byte(random, 0), byte(random, 8), byte(random, 16),
                byte(random, 24), byte(random, 32), byte(random, 40)
            ))
    }

    /// An id as it stands in a path: 36 characters, hyphens in their places, either case. Nil for anything else.
    static func parse(_ text: some StringProtocol) -> UUID? {
        var text = String(text)
        return text.withUTF8 { characters in
            guard characters.count == 36 else { return nil }
            var bytes: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
            let isWhole = withUnsafeMutableBytes(of: &bytes) { bytes in
                var position = 0
                for index in bytes.indices {
                    if index == 4 || index == 6 || index == 8 || index == 10 {
                        guard characters[position] == UInt8(ascii: "-") else { return false }
                        position += 1
                    }
                    guard let high = digit(characters[position]), let low = digit(characters[position + 1]) else {
                        return false
                    }
                    bytes[index] = high << 4 | low
                    position += 2
                }
                return true
            }
            return isWhole ? UUID(uuid: bytes) : nil
        }
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
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
