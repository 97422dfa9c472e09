// What rows looked like, in two halves of 64 bits, which take turns with the words of a row. They are mixed by multiplication
// to 128 bits and folding, as wyhash (Wang Yi) does, each with keys of this process's own: without them nobody can make two
// rows that look alike, and by chance two that differ by a word do once in 2^64 pairs.

/// Tells apart what a statement gave at different times. Any two of one process can be compared, none of different ones.
public struct Fingerprint: Sendable, Hashable {
    private static let keys = (
        UInt64.random(in: 1 ... .max) | 1, UInt64.random(in: 1 ... .max) | 1, UInt64.random(in: 1 ... .max),
        UInt64.random(in: 1 ... .max)
    )

    private var low: UInt64
    private var high: UInt64
    private let first: UInt64
    private let second: UInt64

    public init() {
        (low, high, first, second) = Self.keys
    }

    /// Mixes a value in; nil is not the same as no bytes.
    public mutating func mix(_ bytes: UnsafeRawBufferPointer?) {
        guard let bytes else { return mix(.max, .max) }
        let count = bytes.count
        guard count > 8, let start = bytes.baseAddress else {
            var word: UInt64 = 0
            for byte in bytes { word = word << 8 | UInt64(byte) }
            return mix(word, UInt64(truncatingIfNeeded: count))
        }
        // What would reach beyond the end is the last eight bytes, some of them for a second time.
        let last = count &- 8
        var offset = 0
        while offset < count {
            mix(
                start.loadUnaligned(fromByteOffset: min(offset, last), as: UInt64.self),
                start.loadUnaligned(fromByteOffset: min(offset &+ 8, last), as: UInt64.self))
            offset &+= 16
        }
        mix(UInt64(truncatingIfNeeded: count), UInt64(truncatingIfNeeded: count))
    }

    @inline(__always)
    private mutating func mix(_ one: UInt64, _ other: UInt64) {
        low = Self.fold(low ^ one, first)
        high = Self.fold(high ^ other, second)
    }

    /// Both halves of the product count. A factor of 0 would forget what came before it.
    private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = (left == 0 ? right : left).multipliedFullWidth(by: right)
        return product.high ^ product.low
    }
}
