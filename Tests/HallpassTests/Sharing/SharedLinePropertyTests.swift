import Foundation
import Testing

@testable import Hallpass

@Suite("The line scanner against the JSON parser")
struct SharedLinePropertyTests {
    @Test("both take the same lines and read the same out of them", arguments: UInt64(1)...8)
    func same(seed: UInt64) {
        var generator = LineGenerator(seed: seed)
        var taken = 0
        for _ in 0..<2500 {
            let bytes = generator.line()
            guard let expected = Model(bytes) else { continue }
            let found = ReadLine(bytes: bytes)
            let text = String(decoding: bytes, as: UTF8.self)
            switch (expected, found) {
            case (.taken(let line), _):
                taken += 1
                #expect(found == line, "seed \(seed): \(text)")
            case (.refused, .refused): break
            case (.refused, _): Issue.record("seed \(seed): taken, but it should not be: \(text) \(bytes)")
            }
        }
        #expect(taken > 500)
    }

    /// What the contract makes of a line, told from the JSON parser's tree.
    enum Model {
        case taken(ReadLine)
        case refused

        /// Nil where the two may differ: a member that is ignored came twice.
        init?(_ bytes: [UInt8]) {
            let tree: JSONValue
            do {
                tree = try JSONParser.parse(bytes)
            } catch {
                if error.reason.contains("appears twice") { return nil }
                self = .refused
                return
            }
            self = Self.line(tree).map(Model.taken) ?? .refused
        }

        private static func line(_ tree: JSONValue) -> ReadLine? {
            guard case .object = tree, let type = tree["type"]?.string, let id = tree["id"].flatMap({ text($0) }) else {
                return nil
            }
            switch type {
            case "section":
                guard let teachers = ids(tree["teachers"]), let students = ids(tree["students"]),
                    let school = optional(tree["school"], limit: 200)
                else { return nil }
                return .section(id, school: school, teachers: teachers, students: students)
            case "teacher":
                guard let email = optional(tree["email"], limit: 254) else { return nil }
                return .teacher(id, email: email)
            case "student": return .student(id)
            case "staff": return .staff(id)
            default: return nil
            }
        }

        private static func text(_ value: JSONValue, limit: Int = 200) -> String? {
            guard let text = value.string, (1...limit).contains(text.unicodeScalars.count),
                !text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
            else { return nil }
            return text
        }

        private static func ids(_ value: JSONValue?) -> [String]? {
            guard let value, value != .null else { return [] }
            guard let items = value.array else { return nil }
            let texts = items.compactMap { text($0) }
            return texts.count == items.count ? texts : nil
        }

        /// Nil is wrong, `.some(nil)` is none.
        private static func optional(_ value: JSONValue?, limit: Int) -> String?? {
            guard let value, value != .null, value.string != "" else { return .some(nil) }
            return text(value, limit: limit).map { .some($0) }
        }
    }
}

/// Lines that are nearly right: every spelling JSON has, wrong types here and there, and now and then a damaged byte.
struct LineGenerator {
    private var random: SplitMix

    init(seed: UInt64) { random = SplitMix(state: seed) }

    mutating func line() -> [UInt8] {
        let kinds = ["section", "teacher", "student", "staff", "section", "teacher", "school"]
        var members = [("type", string(pick(kinds))), ("id", chance(20) ? value(depth: 2) : id())]
        if chance(2) { members.append(("teachers", list())) }
        if chance(2) { members.append(("students", list())) }
        if chance(3) { members.append(("school", chance(5) ? value(depth: 2) : id())) }
        if chance(3) { members.append(("email", chance(5) ? value(depth: 2) : id())) }
        for number in 0..<random.below(3) { members.append(("other\(number)", value(depth: 3))) }
        if chance(40) { members.append(pick(members)) }
        if chance(20) { members.removeFirst() }
        members.shuffle(using: &random)
        let text = members.map { "\(space())\(string($0.0))\(space()):\(space())\($0.1)\(space())" }.joined(
            separator: ",")
        var bytes = Array("\(space()){\(text)}\(space())".utf8)
        if chance(4) { damage(&bytes) }
        return bytes
    }

    private mutating func damage(_ bytes: inout [UInt8]) {
        let place = random.below(bytes.count)
        switch random.below(4) {
        case 0: bytes.remove(at: place)
        case 1: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 2: bytes.insert(pick(Array(#"{}[]",:\0-e.tn"#.utf8)), at: place)
        default: bytes.removeSubrange(place...)
        }
        if bytes.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) { bytes = [UInt8(ascii: "{")] }
    }

    private mutating func list() -> String {
        if chance(20) { return value(depth: 2) }
        let count = random.below(5)
        let items = (0..<count).map { _ in "\(space())\(chance(30) ? value(depth: 1) : id())\(space())" }
        return "[\(items.isEmpty ? space() : items.joined(separator: ","))]"
    }

    private mutating func value(depth: Int) -> String {
        switch random.below(depth > 0 ? 9 : 7) {
        case 0: return "null"
        case 1: return pick(["true", "false"])
        case 2: return pick(["0", "-0", "17", "-3.25", "1e9", "2E-7", "01", "1.", "+1", "-"])
        case 3: return string("")
        case 7: return "[\((0..<random.below(3)).map { _ in value(depth: depth - 1) }.joined(separator: ","))]"
        case 8:
            return
                "{\((0..<random.below(3)).map { "\(string("m\($0)")):\(value(depth: depth - 1))" }.joined(separator: ","))}"
        default: return id()
        }
    }

    private mutating func id() -> String {
        if chance(60) {
            return string(String(repeating: pick(["a", "é", "😀"]), count: pick([199, 200, 201, 254, 255])))
        }
        let scalars = "abcdef0123456789-_/\"\\éß日😀\u{7F}\u{80}\n ".unicodeScalars
        let plain = "abcdef0123456789".unicodeScalars
        let source = Array(chance(3) ? scalars : plain)
        let count = chance(40) ? 0 : 1 + random.below(24)
        var text = String.UnicodeScalarView()
        for _ in 0..<count { text.append(pick(source)) }
        return string(String(text))
    }

    /// A string in one of the spellings that JSON has for it.
    private mutating func string(_ text: String) -> String {
        var spelling = "\""
        for scalar in text.unicodeScalars {
            let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
            if mustEscape ? !chance(30) : chance(25) {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16, uppercase: chance(2))
                    spelling += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            } else if scalar == "/", chance(2) {
                spelling += "\\/"
            } else {
                spelling.unicodeScalars.append(scalar)
            }
        }
        if chance(60) { spelling += pick(["\\ud800", "\\udc00x", "\\ud800\\u0041", "\\n", "\\b", "\\q", "\\u12"]) }
        return spelling + "\""
    }

    private mutating func space() -> String { chance(6) ? pick([" ", "\t", "\r", "  "]) : "" }
    private mutating func chance(_ one: Int) -> Bool { random.below(one) == 0 }
    private mutating func pick<Item>(_ items: [Item]) -> Item { items[random.below(items.count)] }
}

/// SplitMix64: small, seeded, the same everywhere.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}
