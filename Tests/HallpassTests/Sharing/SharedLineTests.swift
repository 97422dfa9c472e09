import Foundation
import Testing

@testable import Hallpass

@Suite("One line of shared data")
struct SharedLineTests {
    @Test("the four types are read, whatever the order of their members")
    func types() {
        #expect(
            ReadLine(#"{"type":"section","id":"s1","school":"k1","teachers":["t1","t2"],"students":["u1"]}"#)
                == .section("s1", school: "k1", teachers: ["t1", "t2"], students: ["u1"]))
        #expect(
            ReadLine(#" {"students" : [ ] , "teachers":[],"id":"s1" ,"type":"section" } "#)
                == .section("s1", school: nil, teachers: [], students: []))
        #expect(
            ReadLine(#"{"type":"teacher","id":"t1","email":"a@b.example"}"#) == .teacher("t1", email: "a@b.example"))
        #expect(ReadLine(#"{"email":null,"id":"t1","type":"teacher"}"#) == .teacher("t1", email: nil))
        #expect(ReadLine("{\"id\":\"u1\",\"type\":\"student\"}\r") == .student("u1"))
        #expect(ReadLine(#"{"type":"staff","id":"f1"}"#) == .staff("f1"))
    }

    @Test("other members are stepped over, whatever they hold")
    func others() {
        #expect(
            ReadLine(
                #"{"name":{"first":"A","l":[1,-2.5e+3,true,false,null,{"id":"x"}]},"id":"u1","type":"student","x":"\ud800"}"#
            )
                == .student("u1"))
        #expect(ReadLine(#"{"type":"student","id":"u1","teachers":5,"email":{},"school":[]}"#) == .student("u1"))
        #expect(ReadLine(#"{"type":"teacher","id":"t1","students":"all","school":1}"#) == .teacher("t1", email: nil))
        #expect(ReadLine(#"{"a":1,"a":2,"type":"staff","id":"f"}"#) == .staff("f"))
    }

    @Test("escapes and characters beyond ASCII mean what they mean in JSON")
    func escapes() {
        #expect(
            ReadLine(#"{"t\u0079pe":"stud\u0065nt","\u0069d":"u\/1\"\\\u00e9\uD83D\uDE00"}"#) == .student("u/1\"\\é😀"))
        #expect(ReadLine(#"{"type":"student","id":"é日本😀"}"#) == .student("é日本😀"))
        #expect(
            ReadLine(
                #"{"type":"section","id":"s","school":"Ni\u00f1o","teachers":["\u0041","B"],"students":["c\u0064"]}"#)
                == .section("s", school: "Niño", teachers: ["A", "B"], students: ["cd"]))
    }

    @Test("a section may leave its lists out, and an empty school or e-mail is none")
    func leftOut() {
        #expect(ReadLine(#"{"type":"section","id":"s"}"#) == .section("s", school: nil, teachers: [], students: []))
        #expect(
            ReadLine(#"{"type":"section","id":"s","teachers":null,"students":null,"school":""}"#)
                == .section("s", school: nil, teachers: [], students: []))
        #expect(ReadLine(#"{"type":"teacher","id":"t","email":""}"#) == .teacher("t", email: nil))
    }

    static let refusals: [(String, LineOffence)] = [
        (#"[]"#, .notAnObject),
        (#""section""#, .notAnObject),
        (#"{}"#, .member(.type, .missing)),
        (#"{"id":"x"}"#, .member(.type, .missing)),
        (#"{"type":null,"id":"x"}"#, .member(.type, .missing)),
        (#"{"type":5,"id":"x"}"#, .member(.type, .notAString)),
        (#"{"type":"school","id":"x"}"#, .unknownType("school")),
        (#"{"type":"Section","id":"x"}"#, .unknownType("Section")),
        (#"{"type":"student"}"#, .member(.id, .missing)),
        (#"{"type":"student","id":null}"#, .member(.id, .missing)),
        (#"{"type":"student","id":""}"#, .member(.id, .empty)),
        (#"{"type":"student","id":17}"#, .member(.id, .notAString)),
        (#"{"type":"student","id":"a\u0000"}"#, .member(.id, .control)),
        (#"{"type":"student","id":"a\u0085"}"#, .member(.id, .control)),
        ("{\"type\":\"student\",\"id\":\"a\u{7F}\"}", .member(.id, .control)),
        (#"{"type":"student","id":"\ud83d"}"#, .member(.id, .loneSurrogate)),
        (#"{"type":"student","id":"a","id":"b"}"#, .repeatedMember(.id)),
        (#"{"type":"section","id":"s","teachers":"t"}"#, .member(.teachers, .notAnArray)),
        (#"{"type":"section","id":"s","teachers":["t",5]}"#, .member(.teachers, .itemNotAString)),
        (#"{"type":"section","id":"s","students":["u",""]}"#, .member(.students, .empty)),
        (#"{"type":"section","id":"s","students":[["u"]]}"#, .member(.students, .itemNotAString)),
        (#"{"type":"section","id":"s","school":3}"#, .member(.school, .notAString)),
        (#"{"type":"teacher","id":"t","email":3}"#, .member(.email, .notAString)),
    ]

    @Test("what is wrong with a line is told", arguments: refusals)
    func refused(_ text: String, _ offence: LineOffence) {
        #expect(ReadLine(text) == .refused(offence))
        #expect(!offence.detail.isEmpty)
    }

    @Test("lengths are counted in Unicode scalars: 200 for ids, 254 for e-mail addresses")
    func lengths() {
        let long = String(repeating: "é", count: 200)
        #expect(ReadLine(#"{"type":"student","id":"\#(long)"}"#) == .student(long))
        #expect(ReadLine(#"{"type":"student","id":"\#(long)e"}"#) == .refused(.member(.id, .tooLong(limit: 200))))
        let plain = String(repeating: "e", count: 201)
        #expect(ReadLine(#"{"type":"student","id":"\#(plain)"}"#) == .refused(.member(.id, .tooLong(limit: 200))))
        let address = String(repeating: "e", count: 254)
        #expect(ReadLine(#"{"type":"teacher","id":"t","email":"\#(address)"}"#) == .teacher("t", email: address))
        #expect(
            ReadLine(#"{"type":"teacher","id":"t","email":"\#(address)e"}"#)
                == .refused(.member(.email, .tooLong(limit: 254))))
    }

    @Test(
        "what is not JSON is refused, and the place is told",
        arguments: [
            ("{", 1), (#"{"type""#, 7), (#"{"type":"student","id":"u1""#, 27), (#"{"type":"student","id":"u1"}x"#, 28),
            (#"{"type":"student",}"#, 18), (#"{"id":01}"#, 7), (#"{"id":tru}"#, 6), (#"{"id":"\x"}"#, 8),
            ("{\"id\":\"a\tb\"}", 8), (#"{type:1}"#, 1), ("\u{FEFF}{}", 0), (#"{"a":1.}"#, 7), (#"{"a":[1,]}"#, 8),
        ])
    func syntax(_ text: String, _ offset: Int) {
        guard case .refused(.syntax(let error)) = ReadLine(text) else {
            Issue.record("\(text) was taken, or refused otherwise: \(ReadLine(text))")
            return
        }
        #expect(error.offset == offset)
    }

    @Test("bytes that are no UTF-8 are refused, also where nobody reads them")
    func encoding() {
        #expect(
            ReadLine(bytes: Array(#"{"type":"staff","id":"f","x":"1234567"#.utf8) + [0xFF] + Array(#"12345678"}"#.utf8))
                == .refused(.notUTF8))
        #expect(
            ReadLine(bytes: Array(#"{"type":"staff","id":"f","x":""#.utf8) + [0xC0, 0xAF] + Array(#""}"#.utf8))
                == .refused(.notUTF8))
        #expect(
            ReadLine(bytes: Array(#"{"type":"staff","id":""#.utf8) + [0xED, 0xA0, 0x80] + Array(#""}"#.utf8))
                == .refused(.notUTF8))
    }

    @Test("nesting has a limit")
    func depth() {
        func nested(_ depth: Int) -> String {
            #"{"type":"staff","id":"f","x":"# + String(repeating: "[", count: depth)
                + String(repeating: "]", count: depth) + "}"
        }
        #expect(ReadLine(nested(63)) == .staff("f"))
        guard case .refused(.syntax) = ReadLine(nested(64)) else {
            Issue.record("64 levels in an object were taken")
            return
        }
    }
}

/// A line as the reader took it, by value.
enum ReadLine: Equatable {
    case section(String, school: String?, teachers: [String], students: [String])
    case teacher(String, email: String?)
    case student(String)
    case staff(String)
    case refused(LineOffence)

    init(_ text: String) { self.init(bytes: Array(text.utf8)) }

    init(bytes: [UInt8]) {
        var line = SharedLine()
        var scratch: [UInt8] = []
        var read: ReadLine?
        let offence = bytes.withUnsafeBufferPointer { buffer in
            line.read(buffer, scratch: &scratch) { line, base in
                func string(_ text: LineText) -> String { String(decoding: text.bytes(in: base), as: UTF8.self) }
                switch line.kind {
                case .section:
                    read = .section(
                        string(line.id), school: line.school.map(string), teachers: line.teachers.map(string),
                        students: line.students.map(string))
                case .teacher: read = .teacher(string(line.id), email: line.email.map(string))
                case .student: read = .student(string(line.id))
                case .staff: read = .staff(string(line.id))
                }
                return nil
            }
        }
        self = offence.map(ReadLine.refused) ?? read!
    }
}
