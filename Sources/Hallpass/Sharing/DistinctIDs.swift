// How many different ids an upload holds, and which come for the first time, in bounded memory. An id is remembered as 127
// bits of a keyed hash, 16 bytes a slot in an open-addressed table. For two of a million ids to be taken for one has a
// chance of 1 in 10^26, and nobody can make it happen, since the keys are drawn anew for each upload. When the table is
// full (a million and a half ids, more than any district has students) it says that it does not know; whoever asks then
// lets the database find out.

struct DistinctIDs {
    enum Answer {
        /// Comes for the first time; remembered from now on.
        case new
        case known
        /// The table is full, and the id is not in it: it may have come before.
        case unknown
    }

    /// 32 MiB of slots.
    static let standardCapacity = 3 << 19

    /// How many different ids are remembered.
    private(set) var count = 0
    /// Whether some id got the answer `unknown`.
    private(set) var hasOverflowed = false
    private let capacity: Int
    private let key: IDHash.Key
    /// A power of two of slots; an empty one is 0, which no hash is.
    private var slots: [SIMD2<UInt64>]

    init(capacity: Int = Self.standardCapacity, key: IDHash.Key = .random()) {
        precondition(capacity > 0)
        self.capacity = capacity
        self.key = key
        slots = Array(repeating: .zero, count: 256)
    }

    mutating func insert(_ id: UnsafeBufferPointer<UInt8>) -> Answer {
        let hash = key.hash(id).nonZero
        if let answer = place(hash) { return answer }
        grow()
        return place(hash) ?? .unknown
    }

    /// Nil when there is no room left for a new id.
    private mutating func place(_ hash: SIMD2<UInt64>) -> Answer? {
        let mask = slots.count - 1
        var index = Int(truncatingIfNeeded: hash.y) & mask
        while slots[index] != .zero {
            if slots[index] == hash { return .known }
            index = (index + 1) & mask
        }
        // Three quarters full, linear probing looks at three slots for what is known and nine for what is new.
        if count >= capacity {
            hasOverflowed = true
            return .unknown
        }
        if count >= slots.count / 4 * 3 { return nil }
        slots[index] = hash
        count += 1
        return .new
    }

    private mutating func grow() {
        let old = slots
        slots = Array(repeating: .zero, count: old.count * 2)
        let mask = slots.count - 1
        for hash in old where hash != .zero {
            var index = Int(truncatingIfNeeded: hash.y) & mask
            while slots[index] != .zero { index = (index + 1) & mask }
            slots[index] = hash
        }
    }
}
