import CZlib

/// zlib's format (RFC 1950) for what is kept in the archive.
enum Zlib {
    struct DamagedError: Error {}

    static func compress(_ bytes: [UInt8]) -> [UInt8] {
        var count = compressBound(UInt(bytes.count))
        let compressed = [UInt8](unsafeUninitializedCapacity: Int(count)) { room, initialized in
            let result = CZlib.compress(room.baseAddress, &count, bytes, UInt(bytes.count))
            precondition(result == Z_OK, "compressBound gives room enough")
            initialized = Int(count)
        }
        return compressed
    }

    /// - Parameter limit: bytes that may come out at most.
    static func uncompress(_ bytes: [UInt8], limit: Int = 16 << 20) throws -> [UInt8] {
        var capacity = max(1024, bytes.count * 4)
        while true {
            var count = UInt(capacity)
            var result = Z_OK
            let plain = [UInt8](unsafeUninitializedCapacity: capacity) { room, initialized in
                result = CZlib.uncompress(room.baseAddress, &count, bytes, UInt(bytes.count))
                initialized = result == Z_OK ? Int(count) : 0
            }
            if result == Z_OK { return plain }
            guard result == Z_BUF_ERROR, capacity < limit else { throw DamagedError() }
            capacity = min(limit, capacity * 4)
        }
    }
}
