import Foundation
import HTTPCore
import Testing

// A million inputs, made and mutated from a seed, over parser and decoder: nothing traps, nothing hangs, the pieces in which
// bytes come never matter, and what gets in keeps what was promised, checked by rules that share no code with the parser.
//
//   HALLPASS_FUZZ_SEED=7 HALLPASS_FUZZ_INPUTS=100000000 swift test --filter HTTPCoreTests.Fuzz
//
// makes a long run of it; a failure names the seed of its own input, which HALLPASS_FUZZ_INPUTS=1 then repeats.

@Suite("A million inputs")
struct FuzzTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let seed = environment["HALLPASS_FUZZ_SEED"].flatMap(UInt64.init) ?? 20_261_124
    private static let inputs = environment["HALLPASS_FUZZ_INPUTS"].flatMap(Int.init) ?? 600_000

    /// Runs `body` on each seed until one fails; it says what is wrong. On a thread of its own, since the threads of tasks
    /// are few and others' tests wait for them.
    private func run(_ body: @escaping @Sendable (UInt64) -> (problem: String, input: [UInt8])?) async {
        let failure = await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: Self.firstFailure(body)) }
        }
        if let failure { Issue.record("\(failure)") }
    }

    private static func firstFailure(_ body: (UInt64) -> (problem: String, input: [UInt8])?) -> String? {
        for number in 0..<UInt64(inputs) {
            let seed = seed &+ number
            guard let (problem, input) = body(seed) else { continue }
            let text = String(decoding: input, as: UTF8.self).debugDescription
            return "HALLPASS_FUZZ_SEED=\(seed): \(problem): \(text) \(input)"
        }
        return nil
    }

    @Test("heads come to the same however they are split, and no dubious one gets in")
    func heads() async {
        await run { seed in
            var inputs = FuzzInputs(seed: seed)
            let input = inputs.head()
            let whole = Feeding.head(input)
            if Feeding.head(input, cuts: inputs.cuts(input.count)) != whole { return ("two pieces differ", input) }
            if seed % 64 == 0, Feeding.head(input, cuts: Feeding.everyByte(input.count)) != whole {
                return ("single bytes differ", input)
            }
            guard case .head(let head) = whole else { return nil }
            return Self.problem(input, head).map { ($0, input) }
        }
    }

    @Test("chunked bodies come to the same however they are split")
    func chunks() async {
        await run { seed in
            var inputs = FuzzInputs(seed: seed)
            let input = inputs.chunks()
            let whole = Feeding.chunks(input)
            if Feeding.chunks(input, cuts: inputs.cuts(input.count)) != whole { return ("two pieces differ", input) }
            if seed % 64 == 0, Feeding.chunks(input, cuts: Feeding.everyByte(input.count)) != whole {
                return ("single bytes differ", input)
            }
            if whole.body.count > input.count { return ("a body of more bytes than were given", input) }
            guard case .ended(let bytes) = whole.end else { return nil }
            if bytes > input.count || !input[..<bytes].reversed().starts(with: [10, 13]) {
                return ("an end elsewhere than behind CRLF", input)
            }
            return nil
        }
    }

    /// What a head that got in must not have. - Returns: nil when there is none of it.
    private static func problem(_ input: [UInt8], _ head: HeadSummary) -> String? {
        guard head.bytes <= input.count else { return "more bytes than were given" }
        var previous: UInt8 = 0
        var lines: [[UInt8]] = [[]]
        for byte in input[..<head.bytes] {
            if byte == 0 || byte == 0x7F { return "a control character" }
            if (byte == 10) != (previous == 13) { return "half a line end" }
            if byte == 10 {
                lines.append([])
            } else if byte != 13 {
                lines[lines.count - 1].append(byte)
            }
            previous = byte
        }
        if lines[0].isEmpty { lines.removeFirst() }
        var counts: [String: Int] = [:]
        for line in lines.dropFirst() where !line.isEmpty {
            guard let colon = line.firstIndex(of: 58), colon > 0, line[0] > 32, line[colon - 1] > 32 else {
                return "a field line out of form"
            }
            counts[String(decoding: line[..<colon], as: UTF8.self).lowercased(), default: 0] += 1
        }
        let hosts = counts["host"] ?? 0
        if hosts > 1 || (hosts == 0 && head.minorVersion == 1) { return "\(hosts) hosts" }
        if (counts["content-length"] ?? 0) + (counts["transfer-encoding"] ?? 0) > 1 { return "two framings" }
        if (counts["transfer-encoding"] ?? 0) == 1, head.framing != .chunked { return "a coding that was not heeded" }
        for segment in head.target.segments {
            let pieces = segment.split(whereSeparator: { $0 == "/" || $0 == "\\" })
            if pieces.contains(where: { $0 == "." || $0 == ".." }) { return "a dot segment" }
        }
        return nil
    }
}
