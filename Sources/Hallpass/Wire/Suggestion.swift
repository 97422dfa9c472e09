/// "Did you mean": the nearest known name to one that is unknown.
enum Suggestion {
    /// The candidate nearest to `name`, if it is near enough to be a slip of the pen (a third of its length, at least 1).
    static func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
        let typed = Array(name.lowercased().unicodeScalars.prefix(64))
        return
            candidates
            .map { (candidate: $0, distance: distance(typed, Array($0.lowercased().unicodeScalars))) }
            .filter { $0.distance <= max(1, $0.candidate.count / 3) }
            .min { ($0.distance, $0.candidate) < ($1.distance, $1.candidate) }?
            .candidate
    }

    /// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, one each.
    static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
        var before: [Int] = []
        var row = Array(0...b.count)
        for i in 0..<a.count {
            var next = [i + 1]
            for j in 0..<b.count {
                var cost = min(row[j + 1] + 1, next[j] + 1, row[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
                next.append(cost)
            }
            before = row
            row = next
        }
        return row[b.count]
    }
}
