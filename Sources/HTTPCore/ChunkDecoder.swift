// Chunked bodies (RFC 9112 §7.1) as a state machine over whatever bytes have come. Lines end in CRLF and nothing else.
// Extensions are checked by their grammar and read past, within a limit for each line and one for the body; trailers are
// checked by the grammar of fields, within a limit, and dropped: nothing here acts on them.

/// Takes the framing off a chunked body.
public struct ChunkDecoder: Sendable {
    public enum Result: Sendable, Hashable {
        /// Everything given was consumed, or what is left is less than a line: more is needed.
        case needMore
        /// Bytes of the body, as a range of what was given.
        case body(Range<Int>)
        /// The body and its trailers are over.
        case end
    }

    private enum State: Sendable {
        case size
        case data(left: Int)
        case dataEnd
        case trailers
        case ended
    }

    private var state = State.size
    private var trailerBytes = 0
    private var extensionBytes = 0
    private let limits: ParserLimits

    public init(limits: ParserLimits = .init()) { self.limits = limits }

    /// Takes the next step over `bytes[index...]` and moves `index` behind what it consumed. What is not consumed must be
    /// given again, with more behind it.
    public mutating func step(_ bytes: UnsafeBufferPointer<UInt8>, _ index: inout Int) throws(ParseFailure) -> Result {
        while true {
            switch state {
            case .size:
                guard
                    let line = try Self.line(
                        bytes, &index, limit: limits.chunkLineBytes, .malformed("a chunk's head is too long"))
                else { return .needMore }
                let size = try size(line)
                state = size == 0 ? .trailers : .data(left: size)
            case .data(let left):
                guard index < bytes.count else { return .needMore }
                let count = min(left, bytes.count - index)
                let start = index
                index += count
                state = count == left ? .dataEnd : .data(left: left - count)
                return .body(start..<index)
            case .dataEnd:
                guard index < bytes.count else { return .needMore }
                guard bytes[index] == 0x0D else { throw .malformed("a chunk does not end in CRLF") }
                guard index + 1 < bytes.count else { return .needMore }
                guard bytes[index + 1] == 0x0A else { throw .malformed("a chunk does not end in CRLF") }
                index += 2
                state = .size
            case .trailers:
                let start = index
                let room = limits.trailerBytes + 2 - trailerBytes
                guard let line = try Self.line(bytes, &index, limit: room, .fieldsTooLarge) else { return .needMore }
                if line.isEmpty {
                    state = .ended
                } else {
                    trailerBytes += index - start
                    if trailerBytes > limits.trailerBytes { throw .fieldsTooLarge }
                    _ = try HeadParser.field(line)
                }
            case .ended: return .end
            }
        }
    }

    /// The next line without its CRLF, nil while it is not whole.
    private static func line(
        _ bytes: UnsafeBufferPointer<UInt8>, _ index: inout Int, limit: Int, _ tooLong: ParseFailure
    ) throws(ParseFailure) -> UnsafeBufferPointer<UInt8>? {
        guard let end = Grammar.index(of: 0x0A, in: bytes, from: index) else {
            if bytes.count - index >= limit { throw tooLong }
            return nil
        }
        if end + 1 - index > limit { throw tooLong }
        guard end > index, bytes[end - 1] == 0x0D else { throw .malformed("a line feed without its carriage return") }
        let line = UnsafeBufferPointer(rebasing: bytes[index..<end - 1])
        index = end + 1
        return line
    }

    /// `chunk-size [ chunk-ext ]`: at most 15 hexadecimal digits, then nothing or extensions.
    private mutating func size(_ line: UnsafeBufferPointer<UInt8>) throws(ParseFailure) -> Int {
        var size = 0
        var index = 0
        while index < line.count, let digit = Grammar.hexDigit(line[index]) {
            guard index < 15 else { throw .malformed("a chunk's size is too large") }
            size = size << 4 | Int(digit)
            index += 1
        }
        guard index > 0 else { throw .malformed("a chunk's size is not hexadecimal") }
        if index == line.count { return size }
        extensionBytes += line.count - index
        guard extensionBytes <= limits.chunkExtensionBytes else {
            throw .malformed("the chunks' extensions are too long")
        }
        guard ChunkExtensions.areValid(line, from: index) else {
            throw .malformed("a chunk's size is followed by what is no extension")
        }
        return size
    }
}

/// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )` (RFC 9112 §7.1.1).
enum ChunkExtensions {
    static func areValid(_ line: UnsafeBufferPointer<UInt8>, from start: Int) -> Bool {
        var index = start
        while index < line.count {
            skipBlanks(line, &index)
            guard index < line.count, line[index] == UInt8(ascii: ";") else { return false }
            index += 1
            skipBlanks(line, &index)
            guard skipToken(line, &index) else { return false }
            var next = index
            skipBlanks(line, &next)
            guard next < line.count, line[next] == UInt8(ascii: "=") else { continue }
            index = next + 1
            skipBlanks(line, &index)
            if index < line.count, line[index] == UInt8(ascii: "\"") {
                guard skipQuoted(line, &index) else { return false }
            } else {
                guard skipToken(line, &index) else { return false }
            }
        }
        return true
    }

    private static func skipBlanks(_ line: UnsafeBufferPointer<UInt8>, _ index: inout Int) {
        while index < line.count, Grammar.isBlank(line[index]) { index += 1 }
    }

    private static func skipToken(_ line: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> Bool {
        let start = index
        while index < line.count, Grammar.isToken(line[index]) { index += 1 }
        return index > start
    }

    /// From one quotation mark to behind the other (RFC 9110 §5.6.4).
    private static func skipQuoted(_ line: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> Bool {
        index += 1
        while index < line.count {
            let byte = line[index]
            guard Grammar.isFieldText(byte) else { return false }
            index += 1
            if byte == UInt8(ascii: "\"") { return true }
            if byte == UInt8(ascii: "\\") {
                guard index < line.count, Grammar.isFieldText(line[index]) else { return false }
                index += 1
            }
        }
        return false
    }
}
