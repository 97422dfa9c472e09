import Foundation
import Integrations
import Postgres

/// How many different ids an upload holds (API §5).
struct SnapshotCounts: Sendable, Equatable {
    var sections = 0
    var teachersDirect = 0
    var teachersBySection = 0
    /// The union of the two.
    var teachers = 0
    /// The union of the student lines and the sections' lists.
    var students = 0
    var staff = 0
    var sectionsWithoutTeachers = 0
    var sectionsWithoutStudents = 0
    /// Teachers with a line of their own, none of whose lines gives an e-mail address.
    var teachersWithoutEmail = 0

    /// What the uploader should look at.
    var warnings: [SharingWarning] {
        let counts: [(SharingWarning.Code, Int)] = [
            (.sectionsWithoutTeachers, sectionsWithoutTeachers), (.sectionsWithoutStudents, sectionsWithoutStudents),
            (.teachersWithoutEmail, teachersWithoutEmail), (.staffIgnored, staff),
        ]
        return counts.filter { $0.1 > 0 }.map { SharingWarning(code: $0.0, count: $0.1) }
    }

    var warningsText: JSONText {
        var writer = JSONWriter()
        writeWarnings(to: &writer)
        return JSONText(String(decoding: writer.bytes, as: UTF8.self))
    }

    private func writeWarnings(to writer: inout JSONWriter) {
        writer.array { writer in
            for warning in warnings {
                writer.object { writer in
                    writer.member("code", warning.code.rawValue)
                    writer.member("text", warning.code.text)
                    writer.member("count", warning.count)
                }
            }
        }
    }

    func members(to writer: inout JSONWriter) {
        writer.member("sections", sections)
        writer.member(
            "teachers",
            object: { writer in
                writer.member("direct", teachersDirect)
                writer.member("by_section", teachersBySection)
                writer.member("total", teachers)
            })
        writer.member("students", students)
        writer.member("staff_ignored", staff)
        writer.name("warnings")
        writeWarnings(to: &writer)
    }

    /// As the audit trail and the timeline keep it.
    var text: JSONText { Self.text(sections: sections, teachers: teachers, students: students) }

    static func text(sections: Int, teachers: Int, students: Int) -> JSONText {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("sections", sections)
            writer.member("teachers", teachers)
            writer.member("students", students)
        }
        return JSONText(String(decoding: writer.bytes, as: UTF8.self))
    }

    /// As a sentence has it: "250,000 sections, 64,000 teachers, 1 student".
    var sentence: String {
        [(sections, "section"), (teachers, "teacher"), (students, "student")].map { count, noun in
            "\(Self.grouped(count)) \(noun)\(count == 1 ? "" : "s")"
        }.joined(separator: ", ")
    }

    static func grouped(_ number: Int) -> String {
        var digits = Array(String(number))
        var index = digits.count - 3
        while index > 0 {
            digits.insert(",", at: index)
            index -= 3
        }
        return String(digits)
    }
}
