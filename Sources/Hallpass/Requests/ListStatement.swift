import Integrations
import Postgres

// A page must cost the same with a million requests as with ten thousand, so it is found by an index that gives its rows
// in order, and each way of asking has the form of statement that leads there whatever the planner believes:
// - nothing asked for: the index of the sort;
// - facets alone: the first rows of each facet by the index of facet and sort, merged;
// - a range of launch dates alone that holds few days: the same with the days that occur in it;
// - a search: a look at the first rows in order says whether the text is common. Then they are walked through until the page
//   is full; else the index of grams finds the few that hold it, and these are sorted;
// - anything else: the planner's choice for the values given. The indexes hold what the filters and sorts look at, so
//   even what it has to read in vain is read from an index alone.
// Only the page's own rows are read whole.

/// The statement that lists requests, whole rows as `ShownRequestRows` reads them.
struct ListStatement {
    let sql: SQL
    /// A range of more days is left to the planner: to find a page of it, walking through the order of the sort is as short.
    private static let fewDays: SQL = "32"
    /// So many requests of each day are looked at to see how far the page reaches.
    private static let firstLook: SQL = "8"
    /// So many rows are looked at to see whether a text is common, and so many of them have to hold it.
    private static let sampleSize: SQL = "300"
    private static let sampleFinds: SQL = "3"

    /// - Parameters:
    ///   - limit: rows to a page; nil is the whole result.
    init(_ filters: RequestFilters, after cursor: Cursor?, limit: Int?) throws(Problem) {
        let after = try Self.condition(filters.sort, after: cursor)
        // In the text: a plan for any limit would be one for a tenth of the table.
        let cut: SQL = limit.map { SQL(raw: "LIMIT \($0)") } ?? ""
        let page: SQL
        if limit != nil, filters.areFacetsAlone, let facets = filters.facets {
            page = Self.merged("\(facets.map(\.number))", of: "r.facet", filters.sort, after, cut)
        } else if let text = filters.search {
            page = Self.bySearch(text, filters, after, cut)
        } else if limit == nil || filters.conditions.isEmpty {
            page = Self.wholeRows(filters, after, cut)
        } else {
            page = """
                SELECT r.* FROM (
                    SELECT r.id FROM request r \(RequestFilters.clause(after + filters.conditions))
                    ORDER BY \(filters.sort.order) \(cut)
                ) p JOIN request r ON r.id = p.id
                """
        }
        sql = """
            SELECT \(ShownRequestRows.columns) FROM \(ShownRequestRows.source("(\(page))")) ORDER BY \(filters.sort.order)
            """
    }

    /// A page of a range of launch dates alone, if few days occur in it: no row when there is none in the range, and one of
    /// NULLs when there are too many days, or no more rows after the cursor. The first few requests of each day tell how far
    /// the page reaches at most (`bound`), so that no day is read further. One statement, since a request must not slip from
    /// a day that is still to be read to one that has been.
    static func ofFewDays(_ filters: RequestFilters, after cursor: Cursor?, limit: Int) throws(Problem) -> SQL {
        let day = RequestFilters.launchDay
        let order = filters.sort.order
        let days: SQL = "(SELECT days FROM span WHERE NOT is_wide)"
        let after = try condition(filters.sort, after: cursor)
        let page = Self.merged(
            days, of: "r.launch_date", filters.sort, after + [filters.sort.condition(upTo: "bound")],
            SQL(raw: "LIMIT \(limit)"))
        return """
            WITH RECURSIVE day (day) AS (
                (SELECT \(day) FROM request r \(RequestFilters.clause(filters.launchRange)) ORDER BY \(day) LIMIT 1)
                UNION ALL
                SELECT (
                    SELECT \(day) FROM request r \(RequestFilters.clause(["\(day) > day.day"] + filters.launchRange))
                    ORDER BY \(day) LIMIT 1
                ) FROM day WHERE day IS NOT NULL
            ), span AS (
                SELECT array_agg(day) AS days, count(*) > \(fewDays) AS is_wide
                FROM (SELECT day FROM day WHERE day IS NOT NULL LIMIT \(fewDays) + 1) found
            ), bound AS MATERIALIZED (
                SELECT r.* FROM \(firstOfEach(days, of: "r.launch_date", filters.sort, after, "LIMIT \(firstLook)"))
                ORDER BY \(order) OFFSET \(SQL(raw: "\(limit - 1)")) LIMIT 1
            )
            SELECT \(ShownRequestRows.columns) FROM span LEFT JOIN (\(ShownRequestRows.source("(\(page))"))) ON true
            WHERE span.days IS NOT NULL ORDER BY \(order)
            """
    }

    private static func condition(_ sort: RequestFilters.Sort, after cursor: Cursor?) throws(Problem) -> [SQL] {
        guard let cursor else { return [] }
        return [try sort.condition(after: cursor)]
    }

    private static func wholeRows(_ filters: RequestFilters, _ after: [SQL], _ cut: SQL) -> SQL {
        """
        SELECT r.* FROM request r \(RequestFilters.clause(after + filters.conditions)) ORDER BY \(filters.sort.order) \(cut)
        """
    }

    /// The first rows of each of the values of a column, merged.
    private static func merged(
        _ values: SQL, of column: SQL, _ sort: RequestFilters.Sort, _ after: [SQL], _ cut: SQL
    ) -> SQL {
        """
        SELECT r.* FROM (
            SELECT r.id FROM \(firstOfEach(values, of: column, sort, after, cut)) ORDER BY \(sort.order) \(cut)
        ) p JOIN request r ON r.id = p.id
        """
    }

    private static func firstOfEach(
        _ values: SQL, of column: SQL, _ sort: RequestFilters.Sort, _ after: [SQL], _ cut: SQL
    ) -> SQL {
        """
        unnest(\(values)) part (value) CROSS JOIN LATERAL (
            SELECT r.id, r.created_at, r.updated_at, r.launch_date FROM request r
            \(RequestFilters.clause(["\(column) = part.value"] + after)) ORDER BY \(sort.order) \(cut)
        ) r
        """
    }

    private static func bySearch(_ text: String, _ filters: RequestFilters, _ after: [SQL], _ cut: SQL) -> SQL {
        let order = filters.sort.order
        let conditions = filters.conditions
        let grams: SQL = "search_grams(r.search) @@ (\(SearchText.gramQuery(text))::text)::tsquery"
        return """
            WITH sample AS MATERIALIZED (
                SELECT count(*) >= \(sampleFinds) AS is_common FROM (
                    SELECT * FROM request r \(RequestFilters.clause(after)) ORDER BY \(order) LIMIT \(sampleSize)
                ) r \(RequestFilters.clause(conditions))
            )
            SELECT * FROM (
                SELECT r.* FROM (SELECT * FROM request r \(RequestFilters.clause(after)) ORDER BY \(order) OFFSET 0) r
                \(RequestFilters.clause(conditions + ["(SELECT is_common FROM sample)"])) \(cut)
            ) common
            UNION ALL
            SELECT * FROM (
                SELECT r.* FROM request r
                \(RequestFilters.clause([grams] + after + conditions + ["NOT (SELECT is_common FROM sample)"]))
                ORDER BY \(order) \(cut)
            ) rare
            """
    }
}
