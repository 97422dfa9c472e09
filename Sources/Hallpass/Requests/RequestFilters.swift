import Foundation
import Integrations
import Postgres

/// The filters and the sort of `GET /v1/requests`, as conditions on the row `r`.
struct RequestFilters: Sendable {
    enum Sort: String, Sendable, CaseIterable {
        case newestFirst = "-created_at"
        case oldestFirst = "created_at"
        case launchDate = "launch_date"
        case lastChanged = "-updated_at"

        var order: SQL {
            switch self {
            case .newestFirst: "r.created_at DESC, r.id DESC"
            case .oldestFirst: "r.created_at ASC, r.id ASC"
            case .launchDate: "\(RequestFilters.launchDay) ASC, r.id ASC"
            case .lastChanged: "r.updated_at DESC, r.id DESC"
            }
        }

        /// The row's place in the order.
        func cursor(_ request: IntegrationRequest) -> Cursor {
            switch self {
            case .newestFirst, .oldestFirst: Cursor(key: Instant.format(request.createdAt), id: request.id)
            case .launchDate: Cursor(key: request.launch.date?.description, id: request.id)
            case .lastChanged: Cursor(key: Instant.format(request.updatedAt), id: request.id)
            }
        }

        /// What comes after a place in the order.
        func condition(after cursor: Cursor) throws(Problem) -> SQL {
            switch self {
            case .newestFirst: return "(r.created_at, r.id) < (\(try instant(cursor)), \(cursor.id))"
            case .oldestFirst: return "(r.created_at, r.id) > (\(try instant(cursor)), \(cursor.id))"
            case .lastChanged: return "(r.updated_at, r.id) < (\(try instant(cursor)), \(cursor.id))"
            case .launchDate:
                guard let key = cursor.key else {
                    return "(\(RequestFilters.launchDay), r.id) > ('infinity'::date, \(cursor.id))"
                }
                guard let date = SQLDate(key) else { throw Cursor.unreadable }
                return "(\(RequestFilters.launchDay), r.id) > (\(date), \(cursor.id))"
            }
        }

        private func instant(_ cursor: Cursor) throws(Problem) -> Date {
            guard let instant = cursor.key.flatMap({ Instant.parse($0) }) else { throw Cursor.unreadable }
            return instant
        }
    }

    /// The launch date as the index has it: no date comes last, so that one comparison of rows says what follows a row.
    private static let launchDay: SQL = "coalesce(r.launch_date, 'infinity'::date)"

    private enum Awaiting: String, CaseIterable {
        case sso, none
    }

    let sort: Sort
    private(set) var conditions: [SQL] = []

    init(_ query: inout QueryReader) {
        if let states = query.choices("state", RequestState.self) {
            conditions.append(
                states.count == 1
                    ? "r.state = \(states[0].rawValue)" : "r.state = ANY(\(states.map(\.rawValue)))")
        }
        if let kind = query.choice("kind", Kind.self) { conditions.append("r.kind = \(kind.rawValue)") }
        if let id = query.uuid("district_id") { conditions.append("r.district_id = \(id)") }
        switch query.choice("awaiting", Awaiting.self) {
        case .sso: conditions.append("r.awaiting IS NOT NULL")
        case .some(.none): conditions.append("r.awaiting IS NULL")
        case nil: break
        }
        if let status = query.choice("launch_status", LaunchStatus.self) {
            conditions.append("r.launch_status = \(status.rawValue)")
        }
        if let date = query.date("launch_before") { conditions.append("\(Self.launchDay) < \(SQLDate(date))") }
        if let date = query.date("launch_after") {
            conditions.append("\(Self.launchDay) > \(SQLDate(date)) AND \(Self.launchDay) < 'infinity'::date")
        }
        if let manager = query.string("account_manager", length: 1...320) {
            conditions.append("r.account_manager = \(manager)")
        }
        if let instant = query.instant("updated_after") { conditions.append("r.updated_at > \(instant)") }
        if let text = query.string("q") { conditions.append("r.search LIKE \(SearchText.pattern(text))") }
        sort = query.choice("sort", Sort.self) ?? .newestFirst
    }

    /// `WHERE …`, or nothing.
    func clause(after cursor: Cursor? = nil) throws(Problem) -> SQL {
        var all = conditions
        if let cursor { all.append(try sort.condition(after: cursor)) }
        return all.isEmpty ? "" : "WHERE \(all.joined(" AND "))"
    }
}

extension QueryReader {
    mutating func date(_ name: String) -> CalendarDate? {
        guard let text = string(name) else { return nil }
        if let date = CalendarDate(text) { return date }
        complain(name, "must be a date that exists, as YYYY-MM-DD")
        return nil
    }
}
