import Foundation

// Lines in, rows out, in bounded memory. What is certain to come once goes straight into the rows of the final tables;
// what may have come before, because a table of ids is full, is staged, and the database finds out at the end. Teachers are
// always staged, since what is known of one comes from several lines. After the first bad line nothing is written any
// more, but every line is still read, so that all bad lines are counted.

struct SnapshotBuilder: ~Copyable {
    /// Where a row goes.
    enum Target: Int, CaseIterable {
        case sections, students, staged
    }

    /// What a staged row is; the number stands in the staging table.
    enum Staged: Int16 {
        case teacherDirect = 1
        case teacherBySection = 2
        case student = 3
        case staff = 4
        case section = 5
    }

    static let toldOffences = 20

    let snapshotID: UUID
    private(set) var offences: [FieldProblem] = []
    private(set) var offenceCount = 0
    private(set) var sectionsWithoutTeachers = 0
    private(set) var sectionsWithoutStudents = 0
    private(set) var sections: DistinctIDs
    private(set) var students: DistinctIDs
    private(set) var staff: DistinctIDs
    private var teachersBySection: DistinctIDs
    private var digestSum = SIMD2<UInt64>.zero
    private var rows = [CopyRows](repeating: CopyRows(), count: Target.allCases.count)
    private var splitter = LineSplitter()
    private var line = SharedLine()
    private var answers: [DistinctIDs.Answer] = []
    private var scratch: [UInt8] = []

    /// - Parameter capacity: how many ids of each sort are remembered here; more are left to the database.
    init(snapshotID: UUID, capacity: Int = DistinctIDs.standardCapacity) {
        self.snapshotID = snapshotID
        sections = DistinctIDs(capacity: capacity)
        students = DistinctIDs(capacity: capacity)
        staff = DistinctIDs(capacity: capacity)
        teachersBySection = DistinctIDs(capacity: capacity)
    }

    /// Lines read so far.
    var lines: Int { splitter.number }
    var isRefused: Bool { offenceCount > 0 }
    /// Whether something was staged that only the database can tell from what came before.
    var hasOverflowed: Bool { sections.hasOverflowed || students.hasOverflowed || staff.hasOverflowed }

    /// The same for the same content in whatever order; nil when there was too much to tell.
    var digest: [UInt8]? {
        if hasOverflowed { return nil }
        return withUnsafeBytes(of: (digestSum.x.bigEndian, digestSum.y.bigEndian)) { Array($0) }
    }

    mutating func add(_ chunk: ArraySlice<UInt8>) {
        chunk.withUnsafeBufferPointer { chunk in
            var splitter = self.splitter
            swap(&splitter, &self.splitter)
            splitter.split(chunk) { line, number in add(line, number) }
            self.splitter = splitter
        }
    }

    /// There are no more chunks.
    mutating func finish() {
        var splitter = self.splitter
        splitter.finish { line, number in add(line, number) }
        self.splitter = splitter
    }

    /// Bytes waiting to be written to a target.
    func pending(_ target: Target) -> Int { rows[target.rawValue].count }

    mutating func take(_ target: Target, isLast: Bool) -> [UInt8] { rows[target.rawValue].take(isLast: isLast) }

    /// Forgets the rows waiting for a target.
    mutating func drop(_ target: Target) { rows[target.rawValue] = CopyRows() }

    /// Notes bad lines that the database found. - Parameter lines: the first of them.
    mutating func refuse(_ offence: LineOffence, count: Int, lines: [Int]) {
        offenceCount += count
        for line in lines.prefix(Self.toldOffences - offences.count) {
            offences.append(FieldProblem(place: .line(line), detail: offence.detail))
        }
    }

    private mutating func add(_ line: LineSplitter.Line, _ number: Int) {
        guard case .bytes(let bytes) = line else { return refuse(.tooLong, count: 1, lines: [number]) }
        var reader = SharedLine()
        swap(&reader, &self.line)
        var scratch: [UInt8] = []
        swap(&scratch, &self.scratch)
        let offence = reader.read(bytes, scratch: &scratch) { line, base in add(line, base, number) }
        swap(&reader, &self.line)
        swap(&scratch, &self.scratch)
        if let offence { refuse(offence, count: 1, lines: [number]) }
    }

    private mutating func add(
        _ line: borrowing SharedLine, _ base: UnsafePointer<UInt8>, _ number: Int
    ) -> LineOffence? {
        switch line.kind {
        case .section: return addSection(line, base, number)
        case .teacher:
            stage(.teacherDirect, line.id, email: line.email, base, number)
            digestSum &+= IDHash.Key.stored.combine(
                stored(line.id, base, .teacher), line.email.map { stored($0, base, .email) } ?? .zero)
        case .student: addStudent(line.id, students.insert(line.id.bytes(in: base)), base, number)
        case .staff:
            if staff.insert(line.id.bytes(in: base)) == .unknown { stage(.staff, line.id, base, number) }
        }
        return nil
    }

    private mutating func addSection(
        _ line: borrowing SharedLine, _ base: UnsafePointer<UInt8>, _ number: Int
    ) -> LineOffence? {
        let answer = sections.insert(line.id.bytes(in: base))
        if answer == .known { return .sectionTwice }
        if line.teachers.isEmpty { sectionsWithoutTeachers += 1 }
        if line.students.isEmpty { sectionsWithoutStudents += 1 }
        if answer == .new { write(section: line, base) } else { stage(section: line, base, number) }
        var teachers = SIMD2<UInt64>.zero
        for teacher in line.teachers {
            teachers &+= stored(teacher, base, .sectionTeacher)
            if teachersBySection.insert(teacher.bytes(in: base)) != .known {
                stage(.teacherBySection, teacher, base, number)
            }
        }
        var sum = SIMD2<UInt64>.zero
        students.insert(line.students, in: base, answers: &answers)
        for index in line.students.indices {
            sum &+= stored(line.students[index], base, .sectionStudent)
            addStudent(line.students[index], answers[index], base, number)
        }
        digestSum &+= IDHash.Key.stored.combine(
            stored(line.id, base, .section), line.school.map { stored($0, base, .school) } ?? .zero, teachers, sum)
        return nil
    }

    private mutating func addStudent(
        _ id: LineText, _ answer: DistinctIDs.Answer, _ base: UnsafePointer<UInt8>, _ number: Int
    ) {
        switch answer {
        case .known: break
        case .unknown: stage(.student, id, base, number)
        case .new:
            digestSum &+= stored(id, base, .student)
            if isRefused { return }
            rows[Target.students.rawValue].append(fields: 2, size: CopyRows.Size.uuid + CopyRows.Size.text(id)) {
                $0.uuid(snapshotID)
                $0.text(id, in: base)
            }
        }
    }

    private mutating func write(section line: borrowing SharedLine, _ base: UnsafePointer<UInt8>) {
        if isRefused { return }
        typealias Size = CopyRows.Size
        let size =
            Size.uuid + Size.text(line.id) + Size.text(line.school) + Size.array(line.teachers)
            + Size.array(line.students)
        let (id, school, teachers, students) = (line.id, line.school, line.teachers, line.students)
        rows[Target.sections.rawValue].append(fields: 5, size: size) {
            $0.uuid(snapshotID)
            $0.text(id, in: base)
            $0.text(school, in: base)
            $0.array(teachers, in: base)
            $0.array(students, in: base)
        }
    }

    /// Columns: kind, line, id, email, school, teachers, students.
    private mutating func stage(
        _ kind: Staged, _ id: LineText, email: LineText? = nil, _ base: UnsafePointer<UInt8>, _ number: Int
    ) {
        if isRefused { return }
        typealias Size = CopyRows.Size
        let size = Size.smallInteger + Size.integer + Size.text(id) + Size.text(email) + 3 * Size.text(nil)
        rows[Target.staged.rawValue].append(fields: 7, size: size) {
            $0.smallInteger(kind.rawValue)
            $0.integer(number)
            $0.text(id, in: base)
            $0.text(email, in: base)
            $0.null()
            $0.null()
            $0.null()
        }
    }

    private mutating func stage(section line: borrowing SharedLine, _ base: UnsafePointer<UInt8>, _ number: Int) {
        if isRefused { return }
        typealias Size = CopyRows.Size
        let size =
            Size.smallInteger + Size.integer + Size.text(line.id) + Size.text(nil) + Size.text(line.school)
            + Size.array(line.teachers) + Size.array(line.students)
        let (id, school, teachers, students) = (line.id, line.school, line.teachers, line.students)
        rows[Target.staged.rawValue].append(fields: 7, size: size) {
            $0.smallInteger(Staged.section.rawValue)
            $0.integer(number)
            $0.text(id, in: base)
            $0.null()
            $0.text(school, in: base)
            $0.array(teachers, in: base)
            $0.array(students, in: base)
        }
    }

    private enum Domain: UInt64 {
        case section = 1, school, sectionTeacher, sectionStudent, student, teacher, email
    }

    private func stored(_ text: LineText, _ base: UnsafePointer<UInt8>, _ domain: Domain) -> SIMD2<UInt64> {
        IDHash.Key.stored.hash(text.bytes(in: base), domain: domain.rawValue)
    }
}
