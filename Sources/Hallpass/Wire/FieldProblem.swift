/// One offence in a body or a query, as it stands in a problem's `errors` (API §1).
struct FieldProblem: Sendable, Hashable {
    enum Place: Sendable, Hashable {
        /// A JSON pointer (RFC 6901) into the body; empty is the whole body.
        case pointer(String)
        /// A query parameter or a header field, by its name.
        case parameter(String)
        /// A line of a streamed upload, from 1.
        case line(Int)
    }

    var place: Place
    /// What is wrong and what would be right.
    var detail: String

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            switch place {
            case .pointer(let pointer): writer.member("pointer", pointer)
            case .parameter(let name): writer.member("parameter", name)
            case .line(let number): writer.member("line", number)
            }
            writer.member("detail", detail)
        }
    }
}

/// Collects the offences of one input, so that all are told at once.
final class Complaints {
    private(set) var problems: [FieldProblem] = []

    var isEmpty: Bool { problems.isEmpty }

    func add(_ place: FieldProblem.Place, _ detail: String) {
        problems.append(FieldProblem(place: place, detail: detail))
    }

    /// Throws 422 `invalid` naming every offender, if there is one.
    func check() throws(Problem) {
        if !problems.isEmpty { throw .invalid(problems) }
    }
}
