/// What kind of bytes a line is made of, found in one quick pass: nearly every line of shared data is plain, and a plain
/// line needs no decoding, no validation and no look at each character of its ids.
enum LineForm: Hashable {
    /// Printable ASCII, white space and ASCII control characters below 0x20; no backslash.
    case plain
    /// Valid UTF-8 with characters beyond that, without a backslash.
    case unicode
    /// Valid UTF-8 with a backslash.
    case escaped
    case notUTF8

    init(of line: UnsafeBufferPointer<UInt8>) {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let high: UInt64 = 0x8080_8080_8080_8080
        var beyond: UInt64 = 0
        var backslashes: UInt64 = 0
        var index = 0
        guard let base = line.baseAddress else {
            self = .plain
            return
        }
        while index + 8 <= line.count {
            let word = UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self)
            let backslash = word ^ (ones &* 0x5C)
            backslashes |= (backslash &- ones) & ~backslash & high
            // 0x7F and everything above it get the high bit.
            beyond |= (word | ((word & ~high) &+ ones)) & high
            index += 8
        }
        while index < line.count {
            if base[index] == 0x5C { backslashes = 1 }
            if base[index] >= 0x7F { beyond = 1 }
            index += 1
        }
        if beyond != 0, !Self.isValidUTF8(line) {
            self = .notUTF8
        } else {
            self = backslashes != 0 ? .escaped : beyond != 0 ? .unicode : .plain
        }
    }

    private static func isValidUTF8(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: line.span)
            return true
        } catch {
            return false
        }
    }
}

extension LineText {
    func bytes(in base: UnsafePointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: base + offset, count: count)
    }

    func spells(_ word: StaticString, in base: UnsafePointer<UInt8>) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        for index in 0..<count where base[offset + index] != word.utf8Start[index] { return false }
        return true
    }

    /// The text's beginning, for a message.
    func string(in base: UnsafePointer<UInt8>, prefix: Int) -> String {
        String(String(decoding: bytes(in: base), as: UTF8.self).prefix(prefix))
    }

    /// What is wrong with the text as an id: 1 to 200 Unicode scalars without control characters.
    /// - Parameter isPlain: the line is `LineForm.plain`, so a scalar is a byte and none can be a control character.
    func fault(
        in base: UnsafePointer<UInt8>, isPlain: Bool, limit: Int = SharedLine.idScalars
    ) -> LineOffence.Fault? {
        if count == 0 { return .empty }
        if isPlain { return count > limit ? .tooLong(limit: limit) : nil }
        var scalars = 0
        var previous: UInt8 = 0
        for byte in bytes(in: base) {
            if byte & 0xC0 != 0x80 { scalars += 1 }
            // U+0000–001F, U+007F, and U+0080–009F, which are C2 80–9F.
            if byte < 0x20 || byte == 0x7F || previous == 0xC2 && byte < 0xA0 { return .control }
            previous = byte
        }
        return scalars > limit ? .tooLong(limit: limit) : nil
    }
}
