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
        var statuses: [Int: Int] = [:]
        var histogram = [Int](repeating: 0, count: RequestStatistics.bounds.count + 1)
        var seconds = 0.0
        var requestBytes = 0
        var responseBytes = 0

        fileprivate mutating func add(_ other: Entry) {
            statuses.merge(other.statuses, uniquingKeysWith: +)
            for index in histogram.indices { histogram[index] += other.histogram[index] }
            seconds += other.seconds
            requestBytes += other.requestBytes
            responseBytes += other.responseBytes
        }
    }

    private final class Part: Sendable {
        let entries = Mutex<[Key: Entry]>([:])
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
        part.entries.withLock { entries in
            func add(_ entry: inout Entry) {
                entry.statuses[request.status, default: 0] += 1
                entry.histogram[index] += 1
                entry.seconds += seconds
                entry.requestBytes += request.requestBytes
                entry.responseBytes += request.responseBytes
            }
            add(&entries[key, default: Entry()])
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
            for (key, entry) in part.entries.withLock({ $0 }) { sum[key, default: Entry()].add(entry) }
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
