import Integrations
import Postgres

/// A row ↔ a request as it is shown: what single requests, lists and exports read. A whole district would come with tens of
/// thousands of licensed teachers.
enum ShownRequestRows {
    /// In the order that `value` reads; the request's id is the first.
    static let columns: SQL = """
        \(RequestRows.columns),
        d.clever_id, d.name, d.type, d.state, d.time_zone, d.account_manager, o.state
        """

    /// What `columns` are taken from.
    /// - Parameter requests: the table `request`, or rows of it in parentheses.
    static func source(_ requests: SQL) -> SQL {
        """
        \(requests) r
        JOIN district d ON d.id = r.district_id
        LEFT JOIN request o ON o.district_id = r.district_id AND o.kind <> r.kind
            AND o.state NOT IN ('declined', 'withdrawn', 'disconnected')
        """
    }

    static func value(_ row: Row) throws -> ShownRequest {
        let request = try RequestRows.value(row)
        let start = RequestRows.columnCount
        let district = DistrictSummary(
            id: request.districtID,
            cleverID: try row.get(start),
            name: try row.get(start + 1),
            type: try RequestRows.known(row.get(start + 2)),
            state: try row.get(start + 3, as: String?.self).map { try RequestRows.known($0) },
            timeZone: try row.get(start + 4),
            accountManager: try row.get(start + 5))
        let pairState: RequestState? = try row.get(start + 6, as: String?.self).map { try RequestRows.known($0) }
        return ShownRequest(request, district: district, pairState: pairState)
    }
}
