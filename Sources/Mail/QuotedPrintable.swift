// Quoted-printable (RFC 2045 §6.7): lines of at most 76 characters, line ends in CRLF whatever they were, white space at the
// end of a line encoded, and a dot or "From " at a line's beginning too, which some systems change on the way. What is decoded
// is the text to the last octet, with CRLF for its line ends.

enum QuotedPrintable {
    /// Of a line, its soft break included.
    private static let lineColumns = 76
    private static let digits = Array("0123456789ABCDEF".utf8)

    /// How an octet is treated, by its value.
    private enum Kind: UInt8 {
        /// Stands for itself, everywhere.
        case plain
        /// Encoded at the end of a line.
        case space
        /// `.` and `F`, with which a line must not begin.
        case dot, capitalF
        case lineEnd
        case other
    }

    private static let kinds: [Kind] = (0...255).map { (octet: UInt8) -> Kind in
        switch octet {
        case UInt8(ascii: " "), UInt8(ascii: "\t"): .space
        case UInt8(ascii: "."): .dot
        case UInt8(ascii: "F"): .capitalF
        case 0x0A, 0x0D: .lineEnd
        case UInt8(ascii: "="): .other
        case 0x21...0x7E: .plain
        default: .other
        }
    }

    static func encode(_ text: String) -> [UInt8] {
        var output: [UInt8] = []
        encode(text, into: &output)
        return output
    }

    static func encode(_ text: String, into output: inout [UInt8]) {
        var text = text
        text.withUTF8 { encode($0, into: &output) }
    }

    /// Copies runs of octets that stand for themselves, as long as the line has room, and stops at every other one.
    private static func encode(_ text: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) {
        output.reserveCapacity(output.count + text.count * 5 / 4)
        kinds.withUnsafeBufferPointer { kinds in
            var index = 0
            var column = 0
            while index < text.count {
                // The last column is kept for a soft break's `=`.
                let limit = min(text.count, index + lineColumns - 1 - column)
                var end = index
                while end < limit, isPlain(end, text, kinds, startsLine: column == 0 && end == index) { end += 1 }
                if end > index {
                    output.append(contentsOf: text[index..<end])
                    column += end - index
                    index = end
                    if index == text.count { return }
                }
                let octet = text[index]
                if kinds[Int(octet)] == .lineEnd {
                    if octet == 0x0D, index + 1 < text.count, text[index + 1] == 0x0A { index += 1 }
                    output.append(0x0D)
                    output.append(0x0A)
                    column = 0
                    index += 1
                    continue
                }
                let plain = isPlain(index, text, kinds, startsLine: column == 0)
                if column + (plain ? 1 : 3) > lineColumns - 1 {
                    output.append(UInt8(ascii: "="))
                    output.append(0x0D)
                    output.append(0x0A)
                    column = 0
                    continue
                }
                output.append(UInt8(ascii: "="))
                output.append(digits[Int(octet >> 4)])
                output.append(digits[Int(octet & 15)])
                column += 3
                index += 1
            }
        }
    }

    @inline(__always)
    private static func isPlain(
        _ index: Int, _ text: UnsafeBufferPointer<UInt8>, _ kinds: UnsafeBufferPointer<Kind>, startsLine: Bool
    ) -> Bool {
        switch kinds[Int(text[index])] {
        case .plain: return true
        case .other, .lineEnd: return false
        case .space: return index + 1 < text.count && kinds[Int(text[index + 1])] != .lineEnd
        case .dot: return !startsLine
        case .capitalF: return !startsLine || !text[index...].starts(with: "From ".utf8)
        }
    }
}
