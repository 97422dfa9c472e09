// Quoted-printable (RFC 2045 §6.7): lines of at most 76 characters, line ends in CRLF, white space at the end of a line
// encoded, and a lone dot or "From " at a line's beginning too, which some systems change on the way.

enum QuotedPrintable {
    static func encode(_ text: String) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.utf8.count * 5 / 4)
        let unified = text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
        var lines = unified.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        for line in lines {
            encode(line: Array(line.utf8), into: &output)
            output += [0x0D, 0x0A]
        }
        return output
    }

    private static func encode(line: [UInt8], into output: inout [UInt8]) {
        let digits = Array("0123456789ABCDEF".utf8)
        var column = 0
        for (index, byte) in line.enumerated() {
            let isLast = index == line.count - 1
            let isSpace = byte == 0x20 || byte == 0x09
            let isRisky =
                column == 0
                && (byte == UInt8(ascii: ".") || (byte == UInt8(ascii: "F") && line.starts(with: "From ".utf8)))
            let isPlain = (byte >= 0x21 && byte <= 0x7E && byte != UInt8(ascii: "=") || isSpace && !isLast) && !isRisky
            let width = isPlain ? 1 : 3
            if column + width > 75 {
                output += [UInt8(ascii: "="), 0x0D, 0x0A]
                column = 0
            }
            if isPlain {
                output.append(byte)
            } else {
                output += [UInt8(ascii: "="), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
            column += width
        }
    }
}
