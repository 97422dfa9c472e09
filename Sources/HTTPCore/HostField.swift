/// `Host`, and the authority of an absolute-form target (RFC 9110 §7.2, RFC 3986 §3.2): a name, an IPv4 address or a
/// bracketed IPv6 address, and perhaps a port. Stricter than the grammar where two readings are possible: no user
/// information, no sub-delimiters (a comma is how a gateway would join two hosts), and never empty (RFC 9110 §4.2.1).
enum HostField {
    static func isValid(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let first = bytes.first else { return false }
        var index = 0
        if first == UInt8(ascii: "[") {
            guard let end = Grammar.index(of: UInt8(ascii: "]"), in: bytes),
                isIPv6(UnsafeBufferPointer(rebasing: bytes[1..<end]))
            else { return false }
            index = end + 1
        } else {
            while index < bytes.count, bytes[index] != UInt8(ascii: ":") {
                guard isNameCharacter(bytes[index]) else { return false }
                index += 1
            }
            if index == 0 { return false }
        }
        if index == bytes.count { return true }
        return bytes[index] == UInt8(ascii: ":") && isPort(UnsafeBufferPointer(rebasing: bytes[(index + 1)...]))
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        Grammar.isLetter(byte) || Grammar.isDigit(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "~")
    }

    /// `*DIGIT`, at most 65535. Nothing behind the colon stands for the default.
    private static func isPort(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard bytes.count <= 5 else { return false }
        var port = 0
        for byte in bytes {
            guard Grammar.isDigit(byte) else { return false }
            port = port * 10 + Int(byte - 0x30)
        }
        return port <= 65_535
    }

    /// `IPv6address`: eight groups, fewer with one `::`, the last two perhaps as a dotted quad.
    private static func isIPv6(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var groups = 0
        var isCompressed = false
        var index = 0
        if bytes.count >= 2, bytes[0] == UInt8(ascii: ":") {
            guard bytes[1] == UInt8(ascii: ":") else { return false }
            isCompressed = true
            index = 2
            if index == bytes.count { return true }
        }
        while true {
            let start = index
            while index < bytes.count, Grammar.hexDigit(bytes[index]) != nil { index += 1 }
            if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
                guard isIPv4(UnsafeBufferPointer(rebasing: bytes[start...])) else { return false }
                groups += 2
                break
            }
            guard (1...4).contains(index - start) else { return false }
            groups += 1
            if index == bytes.count { break }
            guard bytes[index] == UInt8(ascii: ":"), index + 1 < bytes.count else { return false }
            index += 1
            if bytes[index] == UInt8(ascii: ":") {
                if isCompressed { return false }
                isCompressed = true
                index += 1
                if index == bytes.count { break }
            }
        }
        return isCompressed ? groups < 8 : groups == 8
    }

    private static func isIPv4(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var parts = 1
        var value = 0
        var digits = 0
        for byte in bytes {
            if byte == UInt8(ascii: ".") {
                guard digits > 0 else { return false }
                parts += 1
                value = 0
                digits = 0
            } else {
                guard Grammar.isDigit(byte), digits == 0 || value > 0 else { return false }
                value = value * 10 + Int(byte - 0x30)
                digits += 1
                guard value <= 255 else { return false }
            }
        }
        return parts == 4 && digits > 0
    }
}
