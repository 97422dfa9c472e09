// What rows looked like, in 128 bits. Two halves are mixed by multiplication to 128 bits and folding, as wyhash (Wang Yi)
// does, each with keys of this process's own: without them nobody can make two rows that look alike, and by chance two do
// once in 2^128 pairs.

/// Tells apart what a statement gave at different times. Any two of one process can be compared, none of different ones.
public struct Fingerprint: Sendable, Hashable {
    private static let keys = (
        UInt64.random(in: 1 ... .max) | 1, UInt64.random(in: 1 ... .max) | 1, UInt64.random(in: 1 ... .max),
        UInt64.random(in: 1 ... .max)
    )

    private var low: UInt64
    private var high: UInt64

    public init() {
        low = Self.keys.0
        high = Self.keys.1
    }

    /// Mixes a value in; nil is not the same as no bytes.
    public mutating func mix(_ bytes: UnsafeRawBufferPointer?) {
        let keys = Self.keys
        guard let bytes else { return mix(.max, keys.2, keys.3) }
        mix(UInt64(truncatingIfNeeded: bytes.count), keys.2, keys.3)
        var offset = 0
        while offset + 8 <= bytes.count {
            mix(bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self), keys.2, keys.3)
            offset += 8
        }
        guard offset < bytes.count else { return }
        var rest: UInt64 = 0
        while offset < bytes.count {
            rest = rest << 8 | UInt64(bytes[offset])
            offset += 1
        }
        mix(rest, keys.2, keys.3)
    }

    private mutating func mix(_ word: UInt64, _ first: UInt64, _ second: UInt64) {
        low = Self.fold(low ^ word, first)
        high = Self.fold(high ^ word, second)
    }

    /// Both halves of the product count. A factor of 0 would forget what came before it.
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = (left == 0 ? right : left).multipliedFullWidth(by: right)
        return product.high ^ product.low
    }
}
