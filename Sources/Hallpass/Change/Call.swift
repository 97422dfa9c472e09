import Foundation
import HTTPServer
import HTTPTypes
import Postgres

/// One HTTP request on its way through the application: who asks, when, and the input's readers.
final class Call: Sendable {
    let application: Application
    let request: Request
    /// Nil on the routes that need no token.
    let principal: Principal?
    let now: Date

    init(application: Application, request: Request, principal: Principal?, now: Date) {
        self.application = application
        self.request = request
        self.principal = principal
        self.now = now
    }

    /// The path parameter `name` as an id; a malformed one is 404, as an unknown one is.
    func id(_ name: String = "id", of what: String = "resource") throws(Problem) -> UUID {
        guard let text = request.parameters[name], let id = Identifier.parse(text) else { throw .notFound(what) }
        return id
    }

    /// Reads the query; the reader's `finish` names the unknown parameters.
    func query(_ complaints: Complaints) -> QueryReader { QueryReader(request.queryItems, complaints: complaints) }

    /// A read that takes no parameters: any given is 422.
    func refuseQuery() throws(Problem) {
        let complaints = Complaints()
        query(complaints).finish()
        try complaints.check()
    }

    /// `?dry_run=true`. Whether the parameter is well-formed is judged with the rest of the input.
    var isDryRun: Bool { request.queryItems.contains { $0.name == "dry_run" && $0.value == "true" } }

    /// Runs a read of the answer.
    func read(_ query: Query) async throws(DatabaseError) -> Rows {
        try await application.database.query(query, sessionLabel: readLabel)
    }

    /// Reads the rows of an id, together with whoever else asks for such rows now.
    func read(_ query: KeyedQuery, id: UUID) async throws(DatabaseError) -> [Row] {
        try await application.database.query(query, id: id, sessionLabel: readLabel)
    }

    /// Runs several independent reads in one flush.
    func read(all queries: [Query]) async throws(DatabaseError) -> [Rows] {
        try await application.database.query(all: queries, sessionLabel: readLabel)
    }

    private var readLabel: String? { RequestTrace.readLabel(of: request) }

    /// What the change and whatever follows of it are known by.
    var trace: RequestTrace { RequestTrace(request) }

    func headerField(_ name: HTTPField.Name) -> String? { request.field(name) }
}
