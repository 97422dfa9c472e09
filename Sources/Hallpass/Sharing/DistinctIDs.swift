import Sockets

// How many different ids an upload holds, and which come for the first time, in bounded memory. An id is remembered as 127
// bits of a keyed hash, 16 bytes a slot in an open-addressed table. For two of a million ids to be taken for one has a
// chance of 1 in 10^26, and nobody can make it happen, since the keys are drawn anew for each upload. When the table is
// full (a million and a half ids, more than any district has students) it says that it does not know; whoever asks then
// lets the database find out. The table grows where it lies, so that there are never two of it.

struct DistinctIDs: ~Copyable {
    enum Answer {
        /// Comes for the first time; remembered from now on.
        case new
        case known
        /// The table is full, and the id is not in it: it may have come before.
        case unknown
    }

    /// 32 MiB of slots.
    static let standardCapacity = 3 << 19
    private static let smallest = 256

    /// How many different ids are remembered.
    private(set) var count = 0
    /// Whether some id got the answer `unknown`.
    private(set) var hasOverflowed = false
    private let capacity: Int
    private let key: IDHash.Key
    /// A power of two of slots; an empty one is 0, which no hash is.
    private let pages = ZeroedPages(byteCount: smallest * MemoryLayout<SIMD2<UInt64>>.size)
    private var slots: UnsafeMutableBufferPointer<SIMD2<UInt64>>
    /// Of the ids that are inserted together, and whether each lay in its first slot; kept for the next ones.
    private var hashes: [SIMD2<UInt64>] = []
    private var isFound: [Bool] = []

    init(capacity: Int = Self.standardCapacity, key: IDHash.Key = .random()) {
        precondition(capacity > 0)
        self.capacity = capacity
        self.key = key
        slots = Self.slots(in: pages)
    }

    private static func slots(in pages: ZeroedPages) -> UnsafeMutableBufferPointer<SIMD2<UInt64>> {
        UnsafeMutableRawBufferPointer(start: pages.base, count: pages.byteCount)
            .bindMemory(to: SIMD2<UInt64>.self)
    }

    mutating func insert(_ id: UnsafeBufferPointer<UInt8>) -> Answer { insert(key.hash(id).nonZero) }

    /// Inserts several, and puts their answers in their order. In a table larger than the processor's caches most of the
    /// time is waiting for memory; here every first slot is looked at before anything depends on what is there, so that
    /// the waits overlap, and most ids are known and lie in theirs.
    mutating func insert(_ ids: [LineText], in base: UnsafePointer<UInt8>, answers: inout [Answer]) {
        let mask = slots.count - 1
        hashes.removeAll(keepingCapacity: true)
        isFound.removeAll(keepingCapacity: true)
        for id in ids { hashes.append(key.hash(id.bytes(in: base)).nonZero) }
        for hash in hashes { isFound.append(slots[Int(truncatingIfNeeded: hash.y) & mask] == hash) }
        answers.removeAll(keepingCapacity: true)
        for index in hashes.indices { answers.append(isFound[index] ? .known : insert(hashes[index])) }
    }

    private mutating func insert(_ hash: SIMD2<UInt64>) -> Answer {
        if let answer = place(hash) { return answer }
        grow()
        return place(hash) ?? .unknown
    }

    /// Nil when there is no room left for a new id.
    private mutating func place(_ hash: SIMD2<UInt64>) -> Answer? {
        let index = find(hash)
        if slots[index] == hash { return .known }
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

    /// Where the hash is, or would be.
    private func find(_ hash: SIMD2<UInt64>) -> Int {
        let mask = slots.count - 1
        var index = Int(truncatingIfNeeded: hash.y) & mask
        while slots[index] != .zero, slots[index] != hash { index = (index + 1) & mask }
        return index
    }

    /// Doubles the table. Each hash is taken out and put where it belongs now, in the order in which they lie: what is put
    /// back before it comes to lie at or before its old slot, or in the new half, so no hash is passed over and every run
    /// of full slots stays whole. Those that ran over the old table's end to its beginning wait for the others.
    private mutating func grow() {
        let oldCount = slots.count
        pages.double()
        slots = Self.slots(in: pages)
        var ranOver: [SIMD2<UInt64>] = []
        var start = 0
        while slots[start] != .zero {
            ranOver.append(take(start))
            start += 1
        }
        for index in start..<oldCount where slots[index] != .zero {
            let hash = take(index)
            slots[find(hash)] = hash
        }
        for hash in ranOver { slots[find(hash)] = hash }
    }

    private mutating func take(_ index: Int) -> SIMD2<UInt64> {
        defer { slots[index] = .zero }
        return slots[index]
    }
}
