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
        func cursor(_ row: Row) throws -> Cursor {
            let key: String? =
                switch self {
                case .newestFirst, .oldestFirst: Instant.format(try row.get(RequestRows.createdAt))
                case .launchDate: try row.get(RequestRows.launchDate, as: SQLDate?.self)?.description
                case .lastChanged: Instant.format(try row.get(RequestRows.updatedAt))
                }
            return Cursor(key: key, id: try row.get(0))
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

        /// What comes no later than the one row of `bound`; everything when it has none.
        /// - Precondition: not for `launchDate`.
        func condition(upTo bound: SQL) -> SQL {
            let (key, sign, last): (SQL, SQL, (key: SQL, id: SQL)) =
                switch self {
                case .newestFirst: ("created_at", ">=", Self.lowest)
                case .oldestFirst: ("created_at", "<=", Self.highest)
                case .lastChanged: ("updated_at", ">=", Self.lowest)
                case .launchDate: preconditionFailure("a range of what is sorted by is one index scan")
                }
            return """
                (r.\(key), r.id) \(sign) (
                    coalesce((SELECT \(key) FROM \(bound)), \(last.key)), coalesce((SELECT id FROM \(bound)), \(last.id)))
                """
        }

        private static let lowest: (key: SQL, id: SQL) = (
            "'-infinity'::timestamptz", "'00000000-0000-0000-0000-000000000000'::uuid"
        )
        private static let highest: (key: SQL, id: SQL) = (
            "'infinity'::timestamptz", "'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid"
        )

        private func instant(_ cursor: Cursor) throws(Problem) -> Date {
            guard let instant = cursor.key.flatMap({ Instant.parse($0) }) else { throw Cursor.unreadable }
            return instant
        }
    }

    /// The launch date as the index has it: no date comes last, so that one comparison of rows says what follows a row.
    static let launchDay: SQL = "coalesce(r.launch_date, 'infinity'::date)"

    private enum Awaiting: String, CaseIterable {
        case sso, none
    }

    private(set) var sort = Sort.newestFirst
    /// Those that fit the filters by kind, state, launch status and awaiting; nil without one of these.
    private(set) var facets: [RequestFacet]?
    /// What is searched for, normalised.
    private(set) var search: String?
    /// The range of launch dates, each bound a condition.
    private(set) var launchRange: [SQL] = []
    private var updatedAfter: SQL?
    /// The other filters, each a condition.
    private var others: [SQL] = []

    init(_ query: inout QueryReader) {
        let states = query.choices("state", RequestState.self)
        let kind = query.choice("kind", Kind.self)
        if let id = query.uuid("district_id") { others.append("r.district_id = \(id)") }
        let awaiting = query.choice("awaiting", Awaiting.self)
        let launchStatus = query.choice("launch_status", LaunchStatus.self)
        if states != nil || kind != nil || awaiting != nil || launchStatus != nil {
            facets = RequestFacet.all.filter { facet in
                (states?.contains(facet.state) ?? true) && facet.kind == kind ?? facet.kind
                    && facet.isAwaiting == awaiting.map { $0 == .sso } ?? facet.isAwaiting
                    && facet.launchStatus == launchStatus ?? facet.launchStatus
            }
        }
        if let date = query.date("launch_before") { launchRange.append("\(Self.launchDay) < \(SQLDate(date))") }
        if let date = query.date("launch_after") {
            // The last day there can be, not infinity, which the planner counts among what lies after the first bound.
            launchRange.append("\(Self.launchDay) > \(SQLDate(date)) AND \(Self.launchDay) <= '9999-12-31'::date")
        }
        if let manager = query.string("account_manager", length: 1...320) {
            others.append("r.account_manager = \(manager)")
        }
        updatedAfter = query.instant("updated_after").map { "r.updated_at > \($0)" }
        search = query.string("q").map { SearchText.normalise($0) }
        sort = query.choice("sort", Sort.self) ?? .newestFirst
    }

    /// True when nothing is asked for but facets.
    var areFacetsAlone: Bool { facets != nil && count == 1 }

    /// True when nothing is asked for but a range of launch dates.
    var isLaunchRangeAlone: Bool { !launchRange.isEmpty && count == 1 }

    /// True when the best plan depends on what is asked for: on how many rows hold a text or lie within a range of what is
    /// not sorted by, or on how two filters go together.
    var wantOwnPlan: Bool {
        if search != nil || count > 1 { return true }
        return !launchRange.isEmpty && sort != .launchDate || updatedAfter != nil && sort != .lastChanged
    }

    /// How many filters there are; what the facets or a range's two bounds ask counts as one.
    private var count: Int {
        [facets != nil, !launchRange.isEmpty, updatedAfter != nil, search != nil].count { $0 } + others.count
    }

    /// Everything asked for, each a condition on the row.
    var conditions: [SQL] {
        var all = others + launchRange
        if let updatedAfter { all.append(updatedAfter) }
        if let facets { all.append("r.facet = ANY(\(facets.map(\.number)))") }
        if let search { all.append("strpos(r.search, \(search)) > 0") }
        return all
    }

    /// `WHERE …`, or nothing.
    static func clause(_ conditions: [SQL]) -> SQL {
        conditions.isEmpty ? "" : "WHERE \(conditions.joined(" AND "))"
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
