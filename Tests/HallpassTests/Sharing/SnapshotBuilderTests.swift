import Foundation
import Testing

@testable import Hallpass

@Suite("Lines to rows")
struct SnapshotBuilderTests {
    static let lines = [
        #"{"type":"section","id":"s1","school":"k","teachers":["t1","t2"],"students":["u1","u2"]}"#,
        #"{"type":"section","id":"s2","teachers":["t1"],"students":["u2","u3"]}"#,
        #"{"type":"section","id":"s3","teachers":[],"students":["u2"]}"#,
        #"{"type":"teacher","id":"t1","email":"t1@x.example"}"#,
        #"{"type":"teacher","id":"t9"}"#,
        #"{"type":"student","id":"u1"}"#,
        #"{"type":"student","id":"u4"}"#,
        #"{"type":"staff","id":"f1"}"#,
        #"{"type":"staff","id":"f1"}"#,
    ]

    static func build(_ lines: [String], chunk: Int = .max, capacity: Int = 1000, ending: String = "\n")
        -> SnapshotBuilder
    {
        var builder = SnapshotBuilder(snapshotID: UUID(), capacity: capacity)
        let bytes = Array((lines.joined(separator: "\n") + ending).utf8)
        var start = 0
        while start < bytes.count {
            let end = start + min(chunk, bytes.count - start)
            builder.add(bytes[start..<end])
            start = end
        }
        builder.finish()
        return builder
    }

    @Test(
        "ids are counted once, however the bytes are cut", arguments: [1, 2, 3, 7, 64, 1000], ["", "\n", "\n\n \r\n"])
    func counts(chunk: Int, ending: String) {
        let builder = Self.build(Self.lines, chunk: chunk, ending: ending)
        let counts = [builder.sections.count, builder.students.count, builder.staff.count]
        #expect(counts == [3, 4, 1])
        let without = [builder.sectionsWithoutTeachers, builder.sectionsWithoutStudents]
        #expect(without == [1, 0])
        let (isRefused, pending) = (builder.isRefused, SnapshotBuilder.Target.allCases.map { builder.pending($0) })
        #expect(!isRefused && pending.allSatisfy { $0 > 0 })
    }

    @Test("every bad line is counted, the first twenty are told by number, and nothing is written after the first")
    func badLines() {
        var lines: [String] = []
        for number in 0..<30 { lines += ["", "nonsense \(number)"] }
        var builder = Self.build(lines + Self.lines)
        let numbers = [builder.offenceCount, builder.pending(.sections), builder.lines]
        #expect(numbers == [30, 0, 69])
        let places = builder.offences.map(\.place)
        #expect(places == (1...20).map { .line($0 * 2) })
        builder.refuse(.sectionTwice, count: 1, lines: [99])
        let count = builder.offenceCount
        #expect(count == 31)
    }

    @Test("a section id twice is a bad line")
    func sectionTwice() {
        let offences = Self.build([Self.lines[0], Self.lines[1], Self.lines[0]]).offences
        #expect(offences == [FieldProblem(place: .line(3), detail: LineOffence.sectionTwice.detail)])
    }

    @Test("the digest tells content, not order")
    func digest() {
        let digest = Self.build(Self.lines).digest
        #expect(digest != nil)
        let reversed = Self.build(Self.lines.reversed()).digest
        #expect(reversed == digest)
        for index in Self.lines.indices.dropLast(2) where index != 5 {
            var fewer = Self.lines
            fewer.remove(at: index)
            let other = Self.build(fewer).digest
            #expect(other != digest, "without \(Self.lines[index])")
        }
        let moved = Self.lines.map { $0.replacing(#""students":["u2","u3"]"#, with: #""students":["u1","u3"]"#) }
        let digestOfMoved = Self.build(moved).digest
        #expect(digestOfMoved != digest)
        let renamed = Self.lines.map { $0.replacing("t1@x", with: "t1@y") }
        let digestOfRenamed = Self.build(renamed).digest
        #expect(digestOfRenamed != digest)
    }

    @Test("what does not fit the tables of ids is staged, and there is no digest then")
    func overflow() {
        let builder = Self.build(Self.lines, capacity: 2)
        let (counts, digest) = ([builder.sections.count, builder.students.count], builder.digest)
        #expect(counts == [2, 2] && digest == nil)
        let (hasOverflowed, staged) = (builder.hasOverflowed, builder.pending(.staged))
        let usual = Self.build(Self.lines).pending(.staged)
        #expect(hasOverflowed && staged > usual)
    }

    @Test("a line longer than the limit is a bad line, and the next one is read")
    func longLine() {
        let long =
            #"{"type":"student","id":"u","x":""# + String(repeating: "x", count: LineSplitter.maximumLineBytes) + "\"}"
        let builder = Self.build([Self.lines[5], long, Self.lines[6], long], chunk: 1 << 16, ending: "")
        let (places, counts) = (builder.offences.map(\.place), [builder.students.count, builder.lines])
        #expect(places == [.line(2), .line(4)] && counts == [2, 4])
    }
}

@Suite("Distinct ids in bounded memory")
struct DistinctIDsTests {
    private func insert(_ id: String, _ ids: inout DistinctIDs) -> DistinctIDs.Answer {
        Array(id.utf8).withUnsafeBufferPointer { ids.insert($0) }
    }

    @Test("each id is new once, through every growth of the table and whatever the key", arguments: 0..<30)
    func once(_: Int) {
        var ids = DistinctIDs()
        for round in 0..<3 {
            for number in 0..<5000 {
                let answer = insert("id-\(number)", &ids)
                #expect(answer == (round == 0 ? .new : .known))
            }
        }
        let (count, hasOverflowed) = (ids.count, ids.hasOverflowed)
        #expect(count == 5000 && !hasOverflowed)
    }

    @Test("ids inserted together are answered as one by one, with one of them twice and while the table grows")
    func together() {
        var single = DistinctIDs(capacity: 2000)
        var several = DistinctIDs(capacity: 2000)
        for round in 0..<60 {
            let names =
                (0..<50).map { "id-\(($0 * 37 + round * 41) % 2500)" } + ["id-\(round)", "id-\(round)", "n\(round)"]
            let bytes = Array(names.joined().utf8)
            bytes.withUnsafeBufferPointer { bytes in
                guard let base = bytes.baseAddress else { return }
                var (offset, texts, answers) = (0, [LineText](), [DistinctIDs.Answer]())
                for name in names {
                    texts.append(LineText(offset: offset, count: name.utf8.count))
                    offset += name.utf8.count
                }
                let expected = names.map { insert($0, &single) }
                several.insert(texts, in: base, answers: &answers)
                #expect(answers == expected)
            }
        }
        let (counts, haveOverflowed) = ([single.count, several.count], [single.hasOverflowed, several.hasOverflowed])
        #expect(counts[0] == counts[1] && haveOverflowed == [true, true])
    }

    @Test(
        "a full table knows what it holds and says that it does not know the rest",
        arguments: [1, 2, 191, 192, 193, 1000])
    func full(capacity: Int) {
        var ids = DistinctIDs(capacity: capacity)
        func expect(_ id: String, _ expected: DistinctIDs.Answer) {
            let answer = insert(id, &ids)
            #expect(answer == expected, "\(id)")
        }
        for number in 0..<capacity { expect("\(number)", .new) }
        let hadOverflowed = ids.hasOverflowed
        for number in 0..<capacity { expect("\(number)", .known) }
        expect("another", .unknown)
        expect("another", .unknown)
        expect("0", .known)
        let hasOverflowed = ids.hasOverflowed
        #expect(!hadOverflowed && hasOverflowed)
    }

    @Test("ids that differ in one byte, one length or one zero are different")
    func near() {
        var ids = DistinctIDs()
        for id in ["a", "a\0", "a\0\0", "aaaaaaaa", "aaaaaaa", "aaaaaaaaa", "aaaaaaab", "baaaaaaa", "aaaaaaaaaaaaaaaa"]
        {
            let answer = insert(id, &ids)
            #expect(answer == .new)
        }
        let count = ids.count
        #expect(count == 9)
    }

    @Test("the hash of what is stored is the same in every process")
    func stable() {
        let hash = Array("4fd43cc56d11340000000005".utf8).withUnsafeBufferPointer { IDHash.Key.stored.hash($0) }
        #expect(hash == Array("4fd43cc56d11340000000005".utf8).withUnsafeBufferPointer { IDHash.Key.stored.hash($0) })
        #expect(String(hash.x, radix: 16) + "-" + String(hash.y, radix: 16) == "44a631f3c6565c4c-43b479ef5941b9fa")
    }
}
