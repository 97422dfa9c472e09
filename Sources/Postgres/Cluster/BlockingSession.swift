internal import CLibpq

/// A plain, blocking connection for the few statements that set up a cluster.
final class BlockingSession {
    private let handle: OpaquePointer

    init(_ connection: String) throws(ClusterError) {
        guard let handle = PQconnectdb(connection) else {
            throw .commandFailed(program: "postgres", lastLine: "out of memory")
        }
        self.handle = handle
        guard PQstatus(handle) == CONNECTION_OK else {
            throw .commandFailed(program: "postgres", lastLine: firstLine(PQerrorMessage(handle)))
        }
    }

    deinit {
        PQfinish(handle)
    }

    func run(_ statement: String) throws(ClusterError) {
        _ = try isEmpty(statement)
    }

    /// Runs a statement; true when it gave no rows.
    func isEmpty(_ statement: String) throws(ClusterError) -> Bool {
        let result = PQexec(handle, statement)
        defer { PQclear(result) }
        let status = PQresultStatus(result)
        guard status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK else {
            throw .commandFailed(program: "postgres", lastLine: firstLine(PQerrorMessage(handle)))
        }
        return PQntuples(result) == 0
    }
}

/// The first line of one of libpq's messages.
func firstLine(_ message: UnsafePointer<CChar>?) -> String {
    guard let message else { return "" }
    return String(cString: message).split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
}
