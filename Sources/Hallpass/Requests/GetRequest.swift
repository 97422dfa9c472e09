import Foundation
import Integrations
import Postgres

/// `GET /v1/requests/{id}`: the request, with its version as ETag.
enum GetRequest {
    private static let statement = KeyedQuery("request.get", many: "request.get_many", keyColumn: 0) { id in
        "SELECT \(ShownRequestRows.columns) FROM \(ShownRequestRows.source("request")) WHERE r.id = \(id)"
    }

    static let run: @Sendable (Call) async throws -> Answer = { call in
        let id = try call.id(of: "request")
        let rows = try await call.read(statement, id: id)
        guard let row = rows.first else { throw Problem.notFound("request") }
        try call.refuseQuery()
        let shown = try call.application.renderedRequests.rendering(of: row, now: call.now)
        return Answer(status: 200, body: .json(shown.json), version: shown.version)
    }
}
