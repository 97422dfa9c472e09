import HTTPServer
import Sockets
import Synchronization

// Answers are counted where they are given: each loop has a part of its own, behind a lock that nobody but that loop and
// a scrape ever takes, so counting costs a look-up and no waiting. What a client writes freely (method, path) never
// becomes a label: there are as many series as there are routes, known methods and statuses.

/// Requests by route, method and status, with how long they took.
final class RequestStatistics: Sendable {
    /// Upper bounds of the latency classes, in seconds.
    static let bounds: [Double] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    struct Key: Hashable, Sendable {
        /// The pattern; `none` where no route was found.
        var route: String
        /// `other` for one that no route has.
        var method: String
    }

    struct Entry: Sendable {
        /// Few: found one by one.
        private(set) var statuses: [(status: Int, count: Int)] = []
        var histogram = [Int](repeating: 0, count: RequestStatistics.bounds.count + 1)
        var seconds = 0.0
        var requestBytes = 0
        var responseBytes = 0

        fileprivate mutating func add(_ count: Int, _ status: Int) {
            if let index = statuses.firstIndex(where: { $0.status == status }) {
                statuses[index].count += count
            } else {
                statuses.append((status, count))
            }
        }

        fileprivate mutating func add(_ other: Entry) {
            for (status, count) in other.statuses { add(count, status) }
            for index in histogram.indices { histogram[index] += other.histogram[index] }
            seconds += other.seconds
            requestBytes += other.requestBytes
            responseBytes += other.responseBytes
        }
    }

    /// Entries by key. What was counted last is likely what is counted next, and is found without hashing.
    private struct Table {
        private(set) var keys: [Key] = []
        private(set) var entries: [Entry] = []
        private var places: [Key: Int] = [:]
        private var last = 0

        mutating func count(_ key: Key, _ change: (inout Entry) -> Void) {
            if last >= keys.count || keys[last] != key { last = place(of: key) }
            change(&entries[last])
        }

        private mutating func place(of key: Key) -> Int {
            if let place = places[key] { return place }
            keys.append(key)
            entries.append(Entry())
            places[key] = keys.count - 1
            return keys.count - 1
        }
    }

    private final class Part: Sendable {
        let table = Mutex(Table())
    }

    private let loops: [EventLoop]
    private let parts: [Part]

    init(loops: [EventLoop]) {
        self.loops = loops
        parts = (0...loops.count).map { _ in Part() }
    }

    func count(_ request: CompletedRequest) {
        let key = Key(
            route: request.route.isEmpty ? "none" : request.route,
            method: Self.isKnown(request.method) ? request.method : "other")
        let seconds = request.duration.inSeconds
        let index = Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count
        part.table.withLock { table in
            table.count(key) { entry in
                entry.add(1, request.status)
                entry.histogram[index] += 1
                entry.seconds += seconds
                entry.requestBytes += request.requestBytes
                entry.responseBytes += request.responseBytes
            }
        }
    }

    private static func isKnown(_ method: String) -> Bool {
        switch method {
        case "GET", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS": true
        default: false
        }
    }

    /// What was counted since the start, over all loops.
    func snapshot() -> [(key: Key, entry: Entry)] {
        var sum: [Key: Entry] = [:]
        for part in parts {
            let table = part.table.withLock { $0 }
            for (key, entry) in zip(table.keys, table.entries) { sum[key, default: Entry()].add(entry) }
        }
        return sum.sorted { ($0.key.route, $0.key.method) < ($1.key.route, $1.key.method) }
            .map { (key: $0.key, entry: $0.value) }
    }

    /// The part of the loop whose thread this is; the last for any other thread.
    private var part: Part {
        guard let current = EventLoop.current, let index = loops.firstIndex(where: { $0 === current }) else {
            return parts[loops.count]
        }
        return parts[index]
    }
}
