// Chunked bodies (RFC 9112 §7.1) as a state machine over whatever bytes have come. Extensions are read past within a
// limit; trailers are checked by the grammar of fields, within a limit, and dropped: nothing here acts on them.

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
    private let limits: ParserLimits

    public init(limits: ParserLimits = .init()) { self.limits = limits }

    /// Takes the next step over `bytes[index...]` and moves `index` behind what it consumed.
    public mutating func step(_ bytes: UnsafeBufferPointer<UInt8>, _ index: inout Int) throws(ParseFailure) -> Result {
        while true {
            switch state {
            case .size:
                guard
                    let line = try Self.line(
                        bytes, &index, limit: limits.chunkLineBytes, .malformed("a chunk's head is too long"))
                else { return .needMore }
                let size = try Self.size(line)
                state = size == 0 ? .trailers : .data(left: size)
            case .data(let left):
                guard index < bytes.count else { return .needMore }
                let count = min(left, bytes.count - index)
                defer { index += count }
                state = count == left ? .dataEnd : .data(left: left - count)
                return .body(index..<index + count)
            case .dataEnd:
                guard bytes.count - index >= 2 else {
                    if index < bytes.count, bytes[index] != 0x0D { throw .malformed("a chunk does not end in CRLF") }
                    return .needMore
                }
                guard bytes[index] == 0x0D, bytes[index + 1] == 0x0A else {
                    throw .malformed("a chunk does not end in CRLF")
                }
                index += 2
                state = .size
            case .trailers:
                let start = index
                let room = limits.trailerBytes - trailerBytes
                guard let line = try Self.line(bytes, &index, limit: room, .fieldsTooLarge) else { return .needMore }
                trailerBytes += index - start
                if line.isEmpty {
                    state = .ended
                } else {
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
        guard let end = bytes[index...].firstIndex(of: 0x0A) else {
            if bytes.count - index >= limit { throw tooLong }
            return nil
        }
        if end + 1 - index > limit { throw tooLong }
        guard end > index, bytes[end - 1] == 0x0D else { throw .malformed("a line feed without its carriage return") }
        let line = UnsafeBufferPointer(rebasing: bytes[index..<end - 1])
        index = end + 1
        return line
    }

    /// `chunk-size [ chunk-ext ]`: at most 15 hexadecimal digits, then nothing or a semicolon.
    private static func size(_ line: UnsafeBufferPointer<UInt8>) throws(ParseFailure) -> Int {
        var size = 0
        var index = 0
        while index < line.count, let digit = RequestTarget.hexDigit(line[index]) {
            guard index < 15 else { throw .malformed("a chunk's size is too large") }
            size = size << 4 | Int(digit)
            index += 1
        }
        guard index > 0 else { throw .malformed("a chunk's size is not hexadecimal") }
        while index < line.count, line[index] == 0x20 || line[index] == 0x09 { index += 1 }
        guard index == line.count || line[index] == UInt8(ascii: ";") else {
            throw .malformed("a chunk's size is followed by something else")
        }
        guard line[index...].allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
            throw .malformed("a chunk's extension holds a control character")
        }
        return size
    }
}
