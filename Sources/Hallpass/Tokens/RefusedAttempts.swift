import Foundation
import Synchronization

// How many wrong tokens each address has sent of late, in constant memory however many addresses there are. Each address
// falls into one slot of each of two rows, by two keyed hashes; a slot holds a level that each refusal raises by one and
// that time lowers steadily. An address is over its limit when both of its slots are: sharing one with a busy stranger
// does no harm. A right token is never refused, and a missing one tries nothing, so neither is counted.
// The addresses of one IPv6 subscriber (a /64) count as one.

final class RefusedAttempts: Sendable {
    private static let slotsPerRow = 4096

    private struct Slot {
        var level = 0.0
        var at = Date.distantPast
    }

    private let perMinute: Double
    private let seeds = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
    private let rows = Mutex([Slot](repeating: Slot(), count: 2 * slotsPerRow))

    /// - Parameter perMinute: refusals that an address may cause, all at once or spread; 0 does not limit.
    init(perMinute: Int) { self.perMinute = Double(perMinute) }

    /// Counts one refusal. - Returns: seconds to wait when it is one too many, else nil.
    func count(_ address: String, now: Date) -> Int? {
        guard perMinute > 0 else { return nil }
        let key = Self.subscriber(address)
        let places = [seeds.0, seeds.1].enumerated().map { row, seed in
            row * Self.slotsPerRow + Int(Self.hash(key, seed) % UInt64(Self.slotsPerRow))
        }
        let excess = rows.withLock { slots in
            for place in places {
                let passed = max(0, now.timeIntervalSince(slots[place].at))
                slots[place].level = max(0, slots[place].level - passed * perMinute / 60)
                slots[place].at = now
            }
            let excess = min(slots[places[0]].level, slots[places[1]].level) + 1 - perMinute
            // What is refused for being one too many counts no further, so waiting as long as told is enough.
            if excess <= 0 { for place in places { slots[place].level = min(perMinute, slots[place].level + 1) } }
            return excess
        }
        return excess > 0 ? max(1, Int((excess * 60 / perMinute).rounded(.up))) : nil
    }

    private static func hash(_ text: String, _ seed: UInt64) -> UInt64 {
        var hasher = Hasher()
        hasher.combine(seed)
        hasher.combine(text)
        return UInt64(bitPattern: Int64(hasher.finalize()))
    }

    /// The address, of IPv6 its first 64 bits.
    private static func subscriber(_ address: String) -> String {
        var bytes = in6_addr()
        guard address.contains(":"), inet_pton(AF_INET6, address, &bytes) == 1 else { return address }
        return withUnsafeBytes(of: &bytes) { $0.prefix(8).map { String($0, radix: 16) }.joined(separator: ":") }
    }
}
