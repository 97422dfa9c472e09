/// A 128-bit hash of short byte strings: two lanes, each folding a 64×64→128-bit product for every eight bytes, as wyhash
/// does. Fast for ids, keyed, and not cryptographic.
struct IDHash {
    struct Key: Sendable {
        private var a: SIMD2<UInt64>
        private var b: SIMD2<UInt64>

        /// A key of this process's own, for what is forgotten with it.
        static func random() -> Key {
            var generator = SystemRandomNumberGenerator()
            return Key(
                a: SIMD2(generator.next() | 1, generator.next() | 1),
                b: SIMD2(generator.next() | 1, generator.next() | 1))
        }

        /// The key of what is stored and compared later: digits of π, odd.
        static let stored = Key(
            a: SIMD2(0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7345),
            b: SIMD2(0xA409_3822_299F_31D1, 0x082E_FA98_EC4E_6C89))

        /// - Parameter domain: keeps equal bytes of different meaning apart.
        func hash(_ bytes: UnsafeBufferPointer<UInt8>, domain: UInt64 = 0) -> SIMD2<UInt64> {
            var state = SIMD2(a.x ^ domain, b.x ^ UInt64(bytes.count))
            guard let base = bytes.baseAddress else { return mix(state, 0) }
            var offset = 0
            while offset + 8 <= bytes.count {
                state = mix(state, UnsafeRawPointer(base + offset).loadUnaligned(as: UInt64.self))
                offset += 8
            }
            var tail: UInt64 = 0
            var shift: UInt64 = 0
            while offset < bytes.count {
                tail |= UInt64(base[offset]) << shift
                shift += 8
                offset += 1
            }
            return mix(mix(state, tail), UInt64(bytes.count) ^ domain)
        }

        /// The hash of a few hashes, in their order.
        func combine(_ parts: SIMD2<UInt64>...) -> SIMD2<UInt64> {
            var state = SIMD2(a.y, b.y)
            for part in parts { state = mix(mix(state, part.x), part.y) }
            return state
        }

        private func mix(_ state: SIMD2<UInt64>, _ word: UInt64) -> SIMD2<UInt64> {
            SIMD2(Self.fold(state.x ^ word, a.y) &+ state.y, Self.fold(state.y ^ word, b.y) ^ a.x)
        }

        private static func fold(_ x: UInt64, _ y: UInt64) -> UInt64 {
            let product = x.multipliedFullWidth(by: y)
            return product.high ^ product.low
        }
    }
}

extension SIMD2<UInt64> {
    /// Itself, with one bit set, so that zero can mean nothing.
    var nonZero: Self { Self(x | 1, y) }
}
