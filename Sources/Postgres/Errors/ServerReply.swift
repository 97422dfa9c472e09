internal import CLibpq

/// An error as the server sent it: the fields this program reads. Here, and nowhere else, SQLSTATEs become errors.
struct ServerReply: Sendable {
    let sqlState: String
    /// The server closes the connection after this one.
    let isFatal: Bool
    let constraint: String
    let column: String
    /// The function in the server's source that raised it, to tell a stale plan from other 0A000s.
    let routine: String
    let message: String

    init(_ result: OpaquePointer?) {
        func field(_ code: Character) -> String {
            let code = Int32(code.asciiValue ?? 0)
            return PQresultErrorField(result, code).map { String(cString: $0) } ?? ""
        }
        sqlState = field("C")
        let severity = field("V")
        isFatal = severity == "FATAL" || severity == "PANIC"
        constraint = field("n")
        column = field("c")
        routine = field("R")
        message = field("M")
    }

    /// The prepared statement must be prepared again: it is gone, or a migration changed the shape of its result.
    var asksForPreparation: Bool {
        sqlState == "26000" || (sqlState == "0A000" && routine == "RevalidateCachedQuery")
    }

    /// Someone cancelled the statement: this program, or an administrator.
    var isCancellation: Bool { sqlState == "57014" }

    /// The message, where it cannot hold data: faults in a statement's own text, and about the server's state.
    var safeMessage: String? {
        switch sqlState.prefix(2) {
        case "42", "57", "53", "08", "28", "3D", "26", "0A", "25": message
        default: nil
        }
    }

    func error(statement: StaticString) -> DatabaseError {
        switch sqlState {
        case "23505": .constraint(kind: .unique, name: constraint)
        case "23503": .constraint(kind: .foreignKey, name: constraint)
        case "23514": .constraint(kind: .check, name: constraint)
        case "23502": .constraint(kind: .notNull, name: column)
        case "23P01": .constraint(kind: .exclusion, name: constraint)
        case "40001", "40P01": .serialization
        case "55P03": .lockTimeout
        case "25006": .readOnly
        case "57014": .cancelled
        case "53100": .unavailable(reason: "the server is out of disk space")
        case "53200": .unavailable(reason: "the server is out of memory")
        case "53300": .unavailable(reason: "the server has no connection left")
        case "57P01", "57P02", "57P03": .unavailable(reason: "the server is stopping or starting")
        case "58030": .unavailable(reason: "the server cannot read or write its files")
        case let state where state.hasPrefix("08") || state.hasPrefix("53"):
            .unavailable(reason: "the server answered with SQLSTATE \(state)")
        case "": .unavailable(reason: "the connection to the server was lost")
        default:
            isFatal
                ? .unavailable(reason: "the server ended the connection with SQLSTATE \(sqlState)")
                : .server(sqlState: sqlState, statement: "\(statement)")
        }
    }
}
