// Prometheus' text format, version 0.0.4: for each family a HELP and a TYPE line, then its samples, one a line, each as
// `name{label="value"} number`. A family's lines stand together and its name comes once; samples of a histogram end in
// `_bucket`, `_sum` and `_count`, the buckets are cumulative and the last one is `+Inf`.
// (https://prometheus.io/docs/instrumenting/exposition_formats/)

/// A page of metrics as it is written.
struct PrometheusText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    enum Kind: String {
        case counter, gauge, histogram
    }

    private(set) var bytes: [UInt8] = []

    /// Writes a family; `samples` writes its lines. Nothing is written of a family that has no sample.
    mutating func family(_ name: String, _ kind: Kind, _ help: String, _ samples: (inout Family) -> Void) {
        var family = Family(name: name)
        samples(&family)
        if family.bytes.isEmpty { return }
        bytes.append(
            contentsOf: "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n".utf8)
        bytes.append(contentsOf: family.bytes)
    }

    /// A family of one sample without labels.
    mutating func single(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        family(name, kind, help) { $0.sample(value) }
    }

    /// The samples of one family.
    struct Family {
        let name: String
        fileprivate(set) var bytes: [UInt8] = []

        mutating func sample(_ value: Double, _ labels: KeyValuePairs<String, String> = [:]) {
            line("", labels, extra: nil, value)
        }

        /// - Parameters:
        ///   - bounds: upper bounds in ascending order, without the last.
        ///   - counts: how many fell into each class, one more than there are bounds.
        mutating func histogram(
            bounds: [Double], counts: [Int], sum: Double, _ labels: KeyValuePairs<String, String> = [:]
        ) {
            precondition(counts.count == bounds.count + 1, "a class for each bound and one for the rest")
            var total = 0
            for (bound, count) in zip(bounds, counts) {
                total += count
                line("_bucket", labels, extra: PrometheusText.number(bound), Double(total))
            }
            total += counts[bounds.count]
            line("_bucket", labels, extra: "+Inf", Double(total))
            line("_sum", labels, extra: nil, sum)
            line("_count", labels, extra: nil, Double(total))
        }

        private mutating func line(
            _ suffix: String, _ labels: KeyValuePairs<String, String>, extra bound: String?, _ value: Double
        ) {
            var pairs = labels.map { "\($0.key)=\"\(PrometheusText.escaped($0.value, quotes: true))\"" }
            if let bound { pairs.append("le=\"\(bound)\"") }
            let braces = pairs.isEmpty ? "" : "{\(pairs.joined(separator: ","))}"
            bytes.append(contentsOf: "\(name)\(suffix)\(braces) \(PrometheusText.number(value))\n".utf8)
        }
    }

    /// Whole numbers without a fraction, the rest as Go reads it.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value.rounded() == value && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
    }

    fileprivate static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\\\"
            case "\n", "\r\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.append(character)
            }
        }
        return result
    }
}
