/// What a line of shared data is about (API §5).
enum SharedKind: String, Sendable, CaseIterable {
    case section, teacher, student, staff
}

/// Why a line cannot be taken. `detail` is for a person.
enum LineOffence: Error, Hashable {
    case notUTF8
    case tooLong
    case syntax(LineSyntaxError)
    case notAnObject
    case repeatedMember(Name)
    case member(Name, Fault)
    case unknownType(String)
    case sectionTwice

    /// The members that are read; any other is ignored.
    enum Name: String {
        case type, id, school, email, teachers, students
    }

    enum Fault: Hashable {
        case missing
        case notAString
        case notAnArray
        case itemNotAString
        case loneSurrogate
        case empty
        case tooLong(limit: Int)
        case control

        var detail: String {
            switch self {
            case .missing: "is required"
            case .notAString: "must be a string"
            case .notAnArray: "must be an array of ids"
            case .itemNotAString: "must be an array of strings"
            case .loneSurrogate: "holds a lone surrogate, which is no Unicode character"
            case .empty: "must not be empty"
            case .tooLong(let limit): "must be \(limit) characters at most"
            case .control: "must not hold control characters"
            }
        }
    }

    var detail: String {
        switch self {
        case .notUTF8: "is not valid UTF-8"
        case .tooLong: "is longer than \(LineSplitter.maximumLineBytes >> 20) MiB"
        case .syntax(let error): "is not JSON: \(error.reason), at byte \(error.offset)"
        case .notAnObject: "must be a JSON object"
        case .repeatedMember(let name): "`\(name.rawValue)` appears twice"
        case .member(let name, let fault): "`\(name.rawValue)` \(fault.detail)"
        case .unknownType(let found): "`type` \(TextRule.notOne(of: SharedKind.allCases.map(\.rawValue), found: found))"
        case .sectionTwice: "this section id came on an earlier line"
        }
    }
}

/// One line of shared data, read into storage that the next line reuses. Its texts are places in the line's bytes.
struct SharedLine {
    static let idScalars = 200
    /// RFC 5321 §4.5.3.1: a path of 256 octets, angle brackets included.
    static let emailScalars = 254

    private(set) var kind = SharedKind.staff
    private(set) var id = LineText(offset: 0, count: 0)
    private(set) var school: LineText?
    private(set) var email: LineText?
    private(set) var teachers: [LineText] = []
    private(set) var students: [LineText] = []

    private enum Slot {
        case absent, null
        case text(LineText)
        case fault(LineOffence.Fault)
    }

    private struct Slots {
        var type = Slot.absent
        var id = Slot.absent
        var school = Slot.absent
        var email = Slot.absent
        /// Nil when the list is in order or absent.
        var teachers: LineOffence.Fault?
        var students: LineOffence.Fault?
        var hasTeachers = false
        var hasStudents = false
    }

    /// Reads one line that is neither empty nor blank.
    /// - Parameter scratch: holds the line while its escapes are decoded; `consume` then gets its bytes, else the line's.
    mutating func read(
        _ line: UnsafeBufferPointer<UInt8>, scratch: inout [UInt8],
        consume: (borrowing SharedLine, UnsafePointer<UInt8>) -> LineOffence?
    ) -> LineOffence? {
        let form = LineForm(of: line)
        if form == .notUTF8 { return .notUTF8 }
        guard form == .escaped else {
            var scanner = LineScanner(line)
            return read(&scanner, line.baseAddress!, isPlain: form == .plain) ?? consume(self, line.baseAddress!)
        }
        scratch.removeAll(keepingCapacity: true)
        scratch.append(contentsOf: line)
        return scratch.withUnsafeMutableBufferPointer { buffer in
            var scanner = LineScanner(decoding: buffer)
            let base = UnsafePointer(buffer.baseAddress!)
            return read(&scanner, base, isPlain: false) ?? consume(self, base)
        }
    }

    private mutating func read(
        _ scanner: inout LineScanner, _ base: UnsafePointer<UInt8>, isPlain: Bool
    ) -> LineOffence? {
        var slots = Slots()
        teachers.removeAll(keepingCapacity: true)
        students.removeAll(keepingCapacity: true)
        do throws(LineOffence) {
            do throws(LineSyntaxError) {
                if let offence = try members(&scanner, base, &slots) { return offence }
            } catch {
                throw .syntax(error)
            }
            try judge(slots, base, isPlain: isPlain)
            return nil
        } catch {
            return error
        }
    }

    private mutating func members(
        _ scanner: inout LineScanner, _ base: UnsafePointer<UInt8>, _ slots: inout Slots
    ) throws(LineSyntaxError) -> LineOffence? {
        guard scanner.peek() == UInt8(ascii: "{") else {
            try scanner.skipValue(depth: 0)
            return scanner.peek() == 0 && scanner.isAtEnd
                ? .notAnObject : .syntax(scanner.failure("something follows the value"))
        }
        _ = scanner.take(UInt8(ascii: "{"))
        if !scanner.take(UInt8(ascii: "}")) {
            repeat {
                let name = try scanner.memberName()
                if let twice = try member(Self.known(name, base), &scanner, &slots) { return .repeatedMember(twice) }
            } while scanner.take(UInt8(ascii: ","))
            guard scanner.take(UInt8(ascii: "}")) else {
                throw scanner.failure("a comma or the end of the object is expected")
            }
        }
        guard scanner.peek() == 0, scanner.isAtEnd else { throw scanner.failure("something follows the object") }
        return nil
    }

    /// Reads one member's value; answers its name when it came before.
    private mutating func member(
        _ name: LineOffence.Name?, _ scanner: inout LineScanner, _ slots: inout Slots
    ) throws(LineSyntaxError) -> LineOffence.Name? {
        switch name {
        case nil: try scanner.skipValue(depth: 1)
        case .type: return try Self.slot(&scanner, &slots.type) ? nil : .type
        case .id: return try Self.slot(&scanner, &slots.id) ? nil : .id
        case .school: return try Self.slot(&scanner, &slots.school) ? nil : .school
        case .email: return try Self.slot(&scanner, &slots.email) ? nil : .email
        case .teachers:
            if slots.hasTeachers { return .teachers }
            slots.hasTeachers = true
            slots.teachers = try Self.list(&scanner, &teachers)
        case .students:
            if slots.hasStudents { return .students }
            slots.hasStudents = true
            slots.students = try Self.list(&scanner, &students)
        }
        return nil
    }

    /// False when the slot was filled before.
    private static func slot(_ scanner: inout LineScanner, _ slot: inout Slot) throws(LineSyntaxError) -> Bool {
        guard case .absent = slot else { return false }
        switch scanner.peek() {
        case UInt8(ascii: "\""): slot = try scanner.string().map(Slot.text) ?? .fault(.loneSurrogate)
        case UInt8(ascii: "n"):
            try scanner.skipLiteral("null")
            slot = .null
        default:
            try scanner.skipValue(depth: 1)
            slot = .fault(.notAString)
        }
        return true
    }

    /// Reads an array of strings, or steps over whatever else it is. Null is an empty list.
    private static func list(
        _ scanner: inout LineScanner, _ texts: inout [LineText]
    ) throws(LineSyntaxError) -> LineOffence.Fault? {
        guard scanner.take(UInt8(ascii: "[")) else {
            if scanner.peek() == UInt8(ascii: "n") {
                try scanner.skipLiteral("null")
                return nil
            }
            try scanner.skipValue(depth: 1)
            return .notAnArray
        }
        if scanner.take(UInt8(ascii: "]")) { return nil }
        var fault: LineOffence.Fault?
        repeat {
            if scanner.peek() == UInt8(ascii: "\"") {
                if let text = try scanner.string() { texts.append(text) } else { fault = fault ?? .loneSurrogate }
            } else {
                try scanner.skipValue(depth: 2)
                fault = fault ?? .itemNotAString
            }
        } while scanner.take(UInt8(ascii: ","))
        guard scanner.take(UInt8(ascii: "]")) else {
            throw scanner.failure("a comma or the end of the array is expected")
        }
        return fault
    }

    private static func known(_ name: LineText, _ base: UnsafePointer<UInt8>) -> LineOffence.Name? {
        switch name.count {
        case 2: name.spells("id", in: base) ? .id : nil
        case 4: name.spells("type", in: base) ? .type : nil
        case 5: name.spells("email", in: base) ? .email : nil
        case 6: name.spells("school", in: base) ? .school : nil
        case 8: name.spells("students", in: base) ? .students : name.spells("teachers", in: base) ? .teachers : nil
        default: nil
        }
    }
}

extension SharedLine {
    /// Takes what belongs to the line's type; members of other types are ignored, whatever they hold.
    private mutating func judge(
        _ slots: Slots, _ base: UnsafePointer<UInt8>, isPlain: Bool
    ) throws(LineOffence) {
        guard let type = try Self.text(slots.type, .type) else { throw .member(.type, .missing) }
        guard let kind = Self.kind(type, base) else { throw .unknownType(type.string(in: base, prefix: 64)) }
        self.kind = kind
        guard let id = try Self.text(slots.id, .id) else { throw .member(.id, .missing) }
        if let fault = id.fault(in: base, isPlain: isPlain) { throw .member(.id, fault) }
        self.id = id
        school = nil
        email = nil
        if kind == .section {
            if let fault = slots.teachers ?? Self.fault(teachers, base, isPlain) { throw .member(.teachers, fault) }
            if let fault = slots.students ?? Self.fault(students, base, isPlain) { throw .member(.students, fault) }
            school = try Self.optional(slots.school, .school, base, isPlain, limit: Self.idScalars)
        }
        if kind == .teacher { email = try Self.optional(slots.email, .email, base, isPlain, limit: Self.emailScalars) }
    }

    private static func kind(_ type: LineText, _ base: UnsafePointer<UInt8>) -> SharedKind? {
        if type.spells("student", in: base) { return .student }
        if type.spells("section", in: base) { return .section }
        if type.spells("teacher", in: base) { return .teacher }
        return type.spells("staff", in: base) ? .staff : nil
    }

    private static func text(_ slot: Slot, _ name: LineOffence.Name) throws(LineOffence) -> LineText? {
        switch slot {
        case .absent, .null: nil
        case .text(let text): text
        case .fault(let fault): throw .member(name, fault)
        }
    }

    /// A text that may be missing; an empty one is as good as none.
    private static func optional(
        _ slot: Slot, _ name: LineOffence.Name, _ base: UnsafePointer<UInt8>, _ isPlain: Bool, limit: Int
    ) throws(LineOffence) -> LineText? {
        guard let text = try text(slot, name), text.count > 0 else { return nil }
        if let fault = text.fault(in: base, isPlain: isPlain, limit: limit) { throw .member(name, fault) }
        return text
    }

    private static func fault(_ ids: [LineText], _ base: UnsafePointer<UInt8>, _ isPlain: Bool) -> LineOffence.Fault? {
        for id in ids { if let fault = id.fault(in: base, isPlain: isPlain) { return fault } }
        return nil
    }
}
