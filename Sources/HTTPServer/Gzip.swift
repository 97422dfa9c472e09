import CZlib

// gzip by zlib (RFC 1952), as streams both ways. Inflating is bounded by the caller; what follows the gzip member, and a
// member cut short, are errors: such a body is not what its sender meant.

final class Deflater {
    private var stream = z_stream()
    private var isOpen = false

    init(level: Int) {
        // 15 bits of window, and 16 for a gzip wrapper.
        let result = deflateInit2_(
            &stream, Int32(level), Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK, "zlib has no memory")
        isOpen = true
    }

    deinit {
        if isOpen { deflateEnd(&stream) }
    }

    enum Flush: Int32 {
        case none = 0
        case sync = 2
        case finish = 4
    }

    func deflate(_ bytes: [UInt8], _ flush: Flush, into output: inout [UInt8]) {
        var input = bytes
        input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
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
    private var stream = z_stream()
    private var isEnded = false
    private(set) var inflatedBytes = 0
    private(set) var consumedBytes = 0

    init() {
        let result = inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK, "zlib has no memory")
    }

    deinit { inflateEnd(&stream) }

    /// Inflates all of `bytes`, giving pieces of at most 64 KiB to `body`, which may stop it.
    func inflate(_ bytes: ArraySlice<UInt8>, _ body: ([UInt8]) throws -> Void) throws {
        guard !bytes.isEmpty else { return }
        if isEnded { throw InflateError() }
        consumedBytes += bytes.count
        var input = Array(bytes)
        try input.withUnsafeMutableBufferPointer { input in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            defer { stream.next_in = nil }
            while true {
                var result: Int32 = Z_OK
                let piece = [UInt8](unsafeUninitializedCapacity: 65_536) { room, count in
                    stream.next_out = room.baseAddress
                    stream.avail_out = UInt32(room.count)
                    result = CZlib.inflate(&stream, Z_NO_FLUSH)
                    count = room.count - Int(stream.avail_out)
                }
                inflatedBytes += piece.count
                if !piece.isEmpty { try body(piece) }
                switch result {
                case Z_STREAM_END:
                    isEnded = true
                    if stream.avail_in > 0 { throw InflateError() }
                    return
                case Z_OK, Z_BUF_ERROR:
                    if stream.avail_in == 0, stream.avail_out > 0 { return }
                    if result == Z_BUF_ERROR, piece.isEmpty { return }
                default: throw InflateError()
                }
            }
        }
    }

    /// - Throws: when the member was cut short.
    func finish() throws {
        if !isEnded { throw InflateError() }
    }
}

/// gzip on whole texts.
public enum Gzip {
    /// - Throws: `BodyError.tooLarge` or `.malformedEncoding`.
    public static func inflate(_ bytes: [UInt8], limit: Int) throws -> [UInt8] {
        let inflater = Inflater()
        var plain: [UInt8] = []
        do {
            try inflater.inflate(bytes[...]) { piece in
                if inflater.inflatedBytes > limit { throw BodyError.tooLarge }
                plain.append(contentsOf: piece)
            }
            try inflater.finish()
        } catch is InflateError {
            throw BodyError.malformedEncoding
        }
        return plain
    }
}
