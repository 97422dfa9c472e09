import CZlib

// gzip by zlib (RFC 1952), as streams both ways. Inflating gives a piece at a time, so nothing inflates further than it is
// asked for; several members one behind the other are one body (RFC 1952 §2.2). What is no member behind a member, and a
// member cut short, are errors: such a body is not what its sender meant.

final class Deflater {
    private var stream = z_stream()

    /// - Parameter level: 1 to 9.
    init(level: Int) {
        // 15 bits of window, and 16 for a gzip wrapper.
        let result = deflateInit2_(
            &stream, Int32(level), Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK, "zlib has no memory")
    }

    deinit { deflateEnd(&stream) }

    /// Ready for another body.
    func reset() { deflateReset(&stream) }

    enum Flush: Int32 {
        case none = 0
        case sync = 2
        case finish = 4
    }

    func deflate(_ bytes: [UInt8], _ flush: Flush, into output: inout [UInt8]) {
        bytes.withUnsafeBufferPointer { input in
            stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.avail_in = UInt32(input.count)
            var ended = false
            while !ended {
                let count = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16_384) { room in
                    stream.next_out = room.baseAddress
                    stream.avail_out = UInt32(room.count)
                    let result = CZlib.deflate(&stream, flush.rawValue)
                    let count = room.count - Int(stream.avail_out)
                    output.append(contentsOf: room[..<count])
                    ended = result == Z_STREAM_END || (stream.avail_out != 0 && stream.avail_in == 0)
                    return count
                }
                if count == 0 { break }
            }
            stream.next_in = nil
        }
    }
}

struct InflateError: Error {}

final class Inflater {
    private static let pieceBytes = 32_768

    private var stream = z_stream()
    private var input: ArraySlice<UInt8> = []
    /// Whether a member has ended and no other has begun.
    private var isBetweenMembers = false
    private var mayHaveMore = false
    private(set) var inflatedBytes = 0
    private(set) var consumedBytes = 0

    init() {
        let result = inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK, "zlib has no memory")
    }

    deinit { inflateEnd(&stream) }

    /// Gives more to inflate; what was given before must have been taken out.
    func give(_ bytes: ArraySlice<UInt8>) {
        precondition(input.isEmpty, "the last bytes have not been inflated yet")
        input = bytes
    }

    /// The next piece, at most 32 KiB; nil when what was given is used up.
    func next() throws(InflateError) -> [UInt8]? {
        while !input.isEmpty || mayHaveMore {
            if isBetweenMembers {
                guard inflateReset(&stream) == Z_OK else { throw InflateError() }
                isBetweenMembers = false
            }
            let piece = try step()
            if !piece.isEmpty { return piece }
        }
        return nil
    }

    private func step() throws(InflateError) -> [UInt8] {
        var result: Int32 = Z_OK
        let piece = [UInt8](unsafeUninitializedCapacity: Self.pieceBytes) { room, count in
            input.withUnsafeBufferPointer { input in
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.avail_in = UInt32(input.count)
                stream.next_out = room.baseAddress
                stream.avail_out = UInt32(room.count)
                result = CZlib.inflate(&stream, Z_NO_FLUSH)
                stream.next_in = nil
            }
            count = room.count - Int(stream.avail_out)
        }
        let used = input.count - Int(stream.avail_in)
        consumedBytes += used
        inflatedBytes += piece.count
        input = input.dropFirst(used)
        // A full room may have left something inside zlib.
        mayHaveMore = result == Z_OK && stream.avail_out == 0
        switch result {
        case Z_STREAM_END: isBetweenMembers = true
        case Z_OK: break
        case Z_BUF_ERROR where input.isEmpty: break
        default: throw InflateError()
        }
        return piece
    }

    /// - Throws: when the member was cut short.
    func finish() throws(InflateError) {
        if !isBetweenMembers { throw InflateError() }
    }
}

/// Inflates a body within a limit and a ratio.
final class BodyInflater {
    private static let ratioFromBytes = 1 << 20

    private let inflater = Inflater()
    private let limit: Int
    private let ratio: Int

    /// - Parameters:
    ///   - limit: inflated bytes.
    ///   - ratio: inflated bytes to each byte as sent, looked at past 1 MiB.
    init(limit: Int, ratio: Int) {
        self.limit = limit
        self.ratio = ratio
    }

    func give(_ bytes: ArraySlice<UInt8>) { inflater.give(bytes) }

    func next() throws(BodyError) -> [UInt8]? {
        let next: [UInt8]?
        do throws(InflateError) { next = try inflater.next() } catch { throw .malformedEncoding }
        guard let piece = next else { return nil }
        let inflated = inflater.inflatedBytes
        if inflated > limit { throw .tooLarge }
        if inflated > Self.ratioFromBytes, inflated / ratio > inflater.consumedBytes { throw .tooLarge }
        return piece
    }

    func finish() throws(BodyError) {
        do throws(InflateError) { try inflater.finish() } catch { throw .malformedEncoding }
    }
}

/// gzip on whole texts.
public enum Gzip {
    /// - Throws: `BodyError.tooLarge` or `.malformedEncoding`.
    public static func inflate(_ bytes: [UInt8], limit: Int, ratio: Int = .max) throws(BodyError) -> [UInt8] {
        let inflater = BodyInflater(limit: limit, ratio: ratio)
        inflater.give(bytes[...])
        var plain: [UInt8] = []
        while let piece = try inflater.next() { plain.append(contentsOf: piece) }
        try inflater.finish()
        return plain
    }
}
