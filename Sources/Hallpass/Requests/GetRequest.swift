import Foundation
import Integrations
import Postgres

/// `GET /v1/requests/{id}`: the request, with its version as ETag.
enum GetRequest {
    private static let statement = KeyedQuery(
        "request.get", many: "request.get_many", keyColumn: RequestRows.columnCount + DistrictRows.columnCount
    ) { id in
        """
        SELECT \(RequestRows.columns), \(DistrictRows.columns), r.id
        FROM request r JOIN district d ON d.id = r.district_id WHERE r.id = \(id)
        UNION ALL
        SELECT \(RequestRows.columns), \(DistrictRows.columns), a.id
        FROM request a JOIN request r ON r.district_id = a.district_id AND r.kind <> a.kind
            AND r.state NOT IN ('declined', 'withdrawn', 'disconnected')
            JOIN district d ON d.id = r.district_id
        WHERE a.id = \(id)
        """
    }

    static let run: @Sendable (Call) async throws -> Answer = { call in
        let id = try call.id(of: "request")
        // Next steps speak of the other kind too, so the district's open request of it comes along.
        let rows = try await call.read(statement, id: id)
        guard let first = rows.first else { throw Problem.notFound("request") }
        try call.refuseQuery()
        let shown = try call.application.shownRequests.rendering(of: id, from: rows, now: call.now) {
            let value = DistrictCase(
                district: try DistrictRows.value(first, from: RequestRows.columnCount),
                requests: try rows.map { try RequestRows.value($0) })
            return RequestAnswer.rendering(of: id, in: value, now: call.now)
        }
        return Answer(status: 200, body: .json(shown.json), version: shown.version)
    }
}
