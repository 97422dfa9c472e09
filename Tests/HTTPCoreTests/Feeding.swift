import HTTPCore
import HTTPTypes

// What a connection does with the parser and the decoder, without the connection: bytes come in pieces, what was not
// consumed is given again. Every fixture is fed whole, byte by byte and in random pieces, and must come to the same.

/// A generator that a seed repeats (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// 0 to `bound` - 1.
    mutating func below(_ bound: Int) -> Int { Int(truncatingIfNeeded: next() >> 33) % bound }
}

/// What bytes come to.
enum HeadOutcome: Equatable {
    case needMore
    case refused(ParseFailure)
    case head(HeadSummary)
}

/// A parsed head in a form that can be compared.
struct HeadSummary: Equatable {
    var method: String
    var target: RequestTarget
    var authority: String?
    var minorVersion: Int
    var framing: BodyFraming
    var keepsAlive: Bool
    var expectsContinue: Bool
    var fields: HTTPFields
    var bytes: Int

    init(_ head: RequestHead, bytes: Int) {
        method = head.method.rawValue
        target = head.target
        authority = head.authority
        minorVersion = head.minorVersion
        framing = head.framing
        keepsAlive = head.keepsAlive
        expectsContinue = head.expectsContinue
        fields = head.fields
        self.bytes = bytes
    }
}

/// What a chunked body comes to: what was decoded until the end, the refusal or the want of more.
struct ChunkOutcome: Equatable {
    enum End: Equatable {
        case needMore
        case ended(bytes: Int)
        case refused(ParseFailure)
    }
    var body: [UInt8] = []
    var end: End
}

enum Feeding {
    /// - Parameter cuts: where the bytes are split, ascending.
    static func head(_ bytes: [UInt8], cuts: [Int] = [], limits: ParserLimits = .init()) -> HeadOutcome {
        let parser = HeadParser(limits: limits)
        var scanned = 0
        return bytes.withUnsafeBufferPointer { buffer in
            for end in cuts + [bytes.count] {
                do throws(ParseFailure) {
                    let part = UnsafeBufferPointer(rebasing: buffer[..<end])
                    if case .head(let head, let count) = try parser.parse(part, scanned: &scanned) {
                        return .head(HeadSummary(head, bytes: count))
                    }
                } catch {
                    return .refused(error)
                }
            }
            return .needMore
        }
    }

    static func chunks(_ bytes: [UInt8], cuts: [Int] = [], limits: ParserLimits = .init()) -> ChunkOutcome {
        var decoder = ChunkDecoder(limits: limits)
        var outcome = ChunkOutcome(end: .needMore)
        var consumed = 0
        bytes.withUnsafeBufferPointer { buffer in
            for end in cuts + [bytes.count] {
                let part = UnsafeBufferPointer(rebasing: buffer[consumed..<end])
                var index = 0
                do throws(ParseFailure) {
                    steps: while true {
                        switch try decoder.step(part, &index) {
                        case .needMore: break steps
                        case .body(let range): outcome.body.append(contentsOf: part[range])
                        case .end:
                            outcome.end = .ended(bytes: consumed + index)
                            return
                        }
                    }
                } catch {
                    outcome.end = .refused(error)
                    return
                }
                consumed += index
            }
        }
        return outcome
    }

    static func everyByte(_ count: Int) -> [Int] { count > 1 ? Array(1..<count) : [] }

    static func randomCuts(_ count: Int, _ generator: inout SeededGenerator) -> [Int] {
        guard count > 1 else { return [] }
        return Set((0..<(1 + generator.below(6))).map { _ in 1 + generator.below(count - 1) }).sorted()
    }

    /// The outcome in whatever pieces, or nil when it depends on them.
    static func headHoweverSplit(_ text: [UInt8], limits: ParserLimits = .init()) -> HeadOutcome? {
        var generator = SeededGenerator(seed: UInt64(text.count))
        let whole = head(text, limits: limits)
        guard head(text, cuts: everyByte(text.count), limits: limits) == whole else { return nil }
        for _ in 0..<20 where head(text, cuts: randomCuts(text.count, &generator), limits: limits) != whole {
            return nil
        }
        return whole
    }

    static func chunksHoweverSplit(_ text: [UInt8], limits: ParserLimits = .init()) -> ChunkOutcome? {
        var generator = SeededGenerator(seed: UInt64(text.count))
        let whole = chunks(text, limits: limits)
        guard chunks(text, cuts: everyByte(text.count), limits: limits) == whole else { return nil }
        for _ in 0..<20 where chunks(text, cuts: randomCuts(text.count, &generator), limits: limits) != whole {
            return nil
        }
        return whole
    }
}
