/// A server's answer to one command (RFC 5321 §4.2), as it comes in line by line.
struct SMTPReply: Hashable {
    /// 0 before its first line.
    private(set) var code = 0
    /// One line, without controls, whatever the server sends.
    private(set) var text = ""
    /// Its last line is there.
    private(set) var isWhole = false

    private static let maximumScalars = 1000

    /// 4xx or 5xx.
    var isRefusal: Bool { code >= 400 }

    /// What is no line of a reply is passed over.
    mutating func add(_ line: some Collection<UInt8>) {
        guard line.count >= 3, let number = Int(String(decoding: line.prefix(3), as: UTF8.self)),
            (200...599).contains(number)
        else { return }
        let words = HeaderText.harmless(String(decoding: line.prefix(Self.maximumScalars), as: UTF8.self))
        text = code == 0 ? words : String("\(text) \(words.dropFirst(4))".prefix(Self.maximumScalars))
        code = number
        isWhole = line.dropFirst(3).first != UInt8(ascii: "-")
    }

    /// Whatever comes now belongs to another.
    mutating func end() { isWhole = true }
}

/// Puts replies together out of what arrives, in pieces of any size.
struct SMTPReplyReader {
    private var line: [UInt8] = []
    private var current = SMTPReply()
    private var whole: ArraySlice<SMTPReply> = []

    /// Octets that a line may have (RFC 5321 §4.5.3.1.5: 512); what is beyond is dropped.
    private static let maximumLine = 4096

    mutating func take(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes {
            guard byte == 0x0A else {
                if line.count < Self.maximumLine { line.append(byte) }
                continue
            }
            if line.last == 0x0D { line.removeLast() }
            current.add(line)
            line.removeAll(keepingCapacity: true)
            guard current.isWhole else { continue }
            whole.append(current)
            current = SMTPReply()
        }
    }

    /// The oldest whole reply that was not given out yet.
    mutating func next() -> SMTPReply? { whole.popFirst() }
}
