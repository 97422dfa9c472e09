// Quoted-printable (RFC 2045 §6.7): lines of at most 76 characters, line ends in CRLF whatever they were, white space at the
// end of a line encoded, and a dot or "From " at a line's beginning too, which some systems change on the way. What is decoded
// is the text to the last octet, with CRLF for its line ends.

enum QuotedPrintable {
    private static let digits = Array("0123456789ABCDEF".utf8)

    static func encode(_ text: String) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.utf8.count * 5 / 4)
        var line: [UInt8] = []
        var isAfterReturn = false
        for byte in text.utf8 {
            if byte == 0x0A, isAfterReturn {
                isAfterReturn = false
                continue
            }
            isAfterReturn = byte == 0x0D
            if byte == 0x0A || byte == 0x0D {
                encode(line: line, into: &output)
                output += [0x0D, 0x0A]
                line.removeAll(keepingCapacity: true)
            } else {
                line.append(byte)
            }
        }
        encode(line: line, into: &output)
        return output
    }

    private static func encode(line: [UInt8], into output: inout [UInt8]) {
        var column = 0
        for (index, byte) in line.enumerated() {
            let isSpace = byte == 0x20 || byte == 0x09
            let isText = byte >= 0x21 && byte <= 0x7E && byte != UInt8(ascii: "=")
            var isPlain = isText || (isSpace && index < line.count - 1)
            if column + (isPlain ? 1 : 3) > 75 {
                output += [UInt8(ascii: "="), 0x0D, 0x0A]
                column = 0
            }
            if column == 0, byte == UInt8(ascii: ".") || line[index...].starts(with: "From ".utf8) { isPlain = false }
            if isPlain {
                output.append(byte)
            } else {
                output += [UInt8(ascii: "="), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
            column += isPlain ? 1 : 3
        }
    }
}
