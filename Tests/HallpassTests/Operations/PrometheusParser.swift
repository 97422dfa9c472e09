/// A strict little reader of Prometheus' text format, version 0.0.4, written from its description and not from the writer.
struct PrometheusParser {
    struct Sample: Hashable {
        var name: String
        var labels: [String: String]
        var value: Double
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private(set) var types: [String: String] = [:]
    private(set) var helps: [String: String] = [:]
    private(set) var samples: [Sample] = []

    init(_ text: String) throws {
        guard text.hasSuffix("\n") else { throw Failure(description: "the last line has no end") }
        var finished: Set<String> = []
        var family = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("# ") {
                let words = line.split(separator: " ", maxSplits: 3).map(String.init)
                guard words.count == 4 else { throw Failure(description: "short: \(line)") }
                if words[2] != family {
                    if !finished.insert(words[2]).inserted { throw Failure(description: "\(words[2]) comes twice") }
                    family = words[2]
                }
                switch words[1] {
                case "HELP": helps[family] = words[3]
                case "TYPE": types[family] = words[3]
                default: throw Failure(description: "unknown comment: \(line)")
                }
                continue
            }
            let sample = try Self.sample(String(line))
            let owner =
                ["_bucket", "_sum", "_count"].lazy
                .compactMap { sample.name.hasSuffix($0) ? String(sample.name.dropLast($0.count)) : nil }
                .first { types[$0] == "histogram" } ?? sample.name
            guard owner == family, types[owner] != nil, helps[owner] != nil else {
                throw Failure(description: "\(line) does not stand under its HELP and TYPE")
            }
            guard !samples.contains(where: { $0.name == sample.name && $0.labels == sample.labels }) else {
                throw Failure(description: "\(line) comes twice")
            }
            samples.append(sample)
        }
        try checkHistograms()
    }

    /// The one sample with the name that has at least these labels.
    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        let found = samples.filter { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }
        return found.count == 1 ? found[0].value : nil
    }

    private static func sample(_ line: String) throws -> Sample {
        var rest = Substring(line)
        let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ":") }
        guard let first = name.first, !first.isNumber else { throw Failure(description: "no name: \(line)") }
        rest = rest.dropFirst(name.count)
        var labels: [String: String] = [:]
        if rest.first == "{" {
            rest.removeFirst()
            while rest.first != "}" {
                let label = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
                rest = rest.dropFirst(label.count)
                guard !label.isEmpty, rest.hasPrefix("=\"") else { throw Failure(description: "no label: \(line)") }
                rest = rest.dropFirst(2)
                var value = ""
                while let character = rest.popFirst(), character != "\"" {
                    guard character == "\\" else {
                        value.append(character)
                        continue
                    }
                    guard let escaped = rest.popFirst(), let meant = ["\\": "\\", "\"": "\"", "n": "\n"][escaped] else {
                        throw Failure(description: "unknown escape: \(line)")
                    }
                    value += meant
                }
                guard labels.updateValue(value, forKey: String(label)) == nil else {
                    throw Failure(description: "a label twice: \(line)")
                }
                if rest.first == "," { rest.removeFirst() }
            }
            rest.removeFirst()
        }
        guard rest.first == " ", let value = number(rest.dropFirst()) else {
            throw Failure(description: "no value: \(line)")
        }
        return Sample(name: String(name), labels: labels, value: value)
    }

    private static func number(_ text: Substring) -> Double? {
        switch text {
        case "+Inf": .infinity
        case "-Inf": -.infinity
        case "NaN": .nan
        default: Double(text)
        }
    }

    /// Buckets grow, end in +Inf, and agree with the count.
    private func checkHistograms() throws {
        for (family, type) in types where type == "histogram" {
            let buckets = Dictionary(grouping: samples.filter { $0.name == "\(family)_bucket" }) { sample in
                sample.labels.filter { $0.key != "le" }
            }
            for (labels, buckets) in buckets {
                let bounds = buckets.compactMap { Self.number(Substring($0.labels["le"] ?? "")) }
                guard bounds.count == buckets.count, bounds == bounds.sorted(), bounds.last == .infinity,
                    buckets.map(\.value) == buckets.map(\.value).sorted(),
                    samples.contains(where: { $0.name == "\(family)_sum" && $0.labels == labels }),
                    samples.contains(where: {
                        $0.name == "\(family)_count" && $0.labels == labels && $0.value == buckets.last?.value
                    })
                else { throw Failure(description: "\(family) \(labels) is no histogram") }
            }
        }
    }
}
