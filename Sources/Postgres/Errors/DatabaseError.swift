/// Everything that can go wrong between this program and its database, by what the caller can do about it.
/// Descriptions never hold data or SQL: names of statements, columns and constraints, SQLSTATEs, and nothing else.
public enum DatabaseError: Error, Hashable, Sendable {
    /// The server is away, refuses connections or has run out of something. Nothing was changed; trying later may work.
    case unavailable(reason: String)
    /// Too many wait for a connection already, or this one waited too long.
    case overloaded
    /// The time for this statement or transaction was up; its statement was cancelled and nothing was changed.
    case deadlineExceeded
    /// The task was cancelled; its statement was cancelled on the server too, and nothing was changed.
    case cancelled
    /// The commit was sent and its answer never came: it may or may not have happened. Never to be repeated blindly.
    case outcomeUnknown
    /// A constraint refused the change.
    case constraint(kind: ConstraintKind, name: String)
    /// A serialization failure or a deadlock: the whole transaction may be tried again.
    case serialization
    /// A lock could not be had in `lock_timeout`, or at once with NOWAIT.
    case lockTimeout
    /// The server takes no writes: a standby, or told to be read-only.
    case readOnly
    /// A column did not hold what was asked of it: a fault of this program.
    case decoding(statement: String, column: String, expected: String)
    /// Any other refusal of the server: most often a fault in the statement.
    case server(sqlState: String, statement: String)
    /// The connection string or the server's answer to it cannot be used; trying again will not help.
    case configuration(reason: String)
    /// The database was closed by this program.
    case closed
}

public enum ConstraintKind: String, Sendable {
    case unique
    case foreignKey
    case check
    case notNull
    case exclusion
}

extension DatabaseError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unavailable(let reason): "the database is unavailable: \(reason)"
        case .overloaded: "too many are waiting for a database connection"
        case .deadlineExceeded: "the database did not answer in time"
        case .cancelled: "the statement was cancelled"
        case .outcomeUnknown: "the connection was lost while committing; whether it was stored is not known"
        case .constraint(let kind, let name): "the \(kind.rawValue) constraint \(name) refused the change"
        case .serialization: "the transaction collided with another one"
        case .lockTimeout: "a lock could not be had in time"
        case .readOnly: "the database takes no writes"
        case .decoding(let statement, let column, let expected):
            "column \(column) of “\(statement)” is not \(expected)"
        case .server(let sqlState, let statement): "the database refused “\(statement)” with SQLSTATE \(sqlState)"
        case .configuration(let reason): reason
        case .closed: "the database was closed"
        }
    }

    /// True when the same transaction may succeed if it is tried again at once.
    public var isRetryable: Bool {
        self == .serialization
    }
}
