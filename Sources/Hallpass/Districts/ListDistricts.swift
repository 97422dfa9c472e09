import Foundation
import Integrations
import Postgres

/// `GET /v1/districts`, newest first; filters `q`, `state`, `account_manager`, `missing`.
enum ListDistricts {
    static let run: @Sendable (Call) async throws -> Answer = { call in
        let complaints = Complaints()
        var query = call.query(complaints)
        var conditions: [SQL] = []
        if let text = query.string("q").map({ SearchText.normalise($0) }) {
            conditions.append(
                """
                search_grams(d.search) @@ (\(SearchText.gramQuery(text))::text)::tsquery
                    AND strpos(d.search, \(text)) > 0
                """)
        }
        if let state = query.choice("state", USState.self) { conditions.append("d.state = \(state.rawValue)") }
        if let manager = query.string("account_manager", length: 1...320) {
            conditions.append("d.account_manager = \(manager)")
        }
        if let kind = query.choice("missing", Kind.self) {
            conditions.append(
                """
                NOT EXISTS (SELECT FROM request r WHERE r.district_id = d.id AND r.kind = \(kind.rawValue)
                    AND r.state NOT IN ('declined', 'withdrawn', 'disconnected'))
                """)
        }
        let page = try Page(&query, of: call)
        query.finish()
        try complaints.check()
        if let after = page.after {
            guard let at = after.key.flatMap({ Instant.parse($0) }) else { throw Cursor.unreadable }
            conditions.append("(d.created_at, d.id) < (\(at), \(after.id))")
        }
        let filter: SQL = conditions.isEmpty ? "" : "WHERE \(conditions.joined(" AND "))"
        let rows = try await call.read(
            Query(
                "district.list",
                """
                SELECT \(DistrictRows.columns) FROM district d \(filter)
                ORDER BY d.created_at DESC, d.id DESC LIMIT \(page.limit + 1)
                """, isPlannedEachTime: !conditions.isEmpty))
        let districts = try rows.map { try DistrictRows.value($0) }
        return page.answer(
            districts, cursor: { Cursor(key: Instant.format($0.createdAt), id: $0.id) },
            write: { DistrictJSON.write($0, to: &$1) })
    }
}

/// `GET /v1/districts/{id}`, with its version as ETag.
enum GetDistrict {
    static let run: @Sendable (Call) async throws -> Answer = { call in
        let id = try call.id(of: "district")
        let rows = try await call.read(
            Query("district.get", "SELECT \(DistrictRows.columns) FROM district d WHERE d.id = \(id)"))
        guard let row = rows.first else { throw Problem.notFound("district") }
        try call.refuseQuery()
        let district = try DistrictRows.value(row)
        return .json(version: district.version) { DistrictJSON.write(district, to: &$0) }
    }
}
