import Foundation
import Integrations
import Postgres

/// What waits for one account manager.
struct DigestReport: Sendable {
    struct Section: Sendable {
        var heading: String
        /// For the subject; nil where the section has no place there.
        var short: String?
        /// Of all; `rows` are the first of them.
        var count: Int
        var rows: [(text: String, detail: String)]

        var values: TemplateValues {
            var values: TemplateValues = [
                "heading": .text(heading), "heading_upper": .text(heading.uppercased()), "count": .number(count),
                "rows": .list(rows.map { ["text": .text($0.text), "detail": .text($0.detail)] }),
            ]
            if count > rows.count { values.say("more", .number(count - rows.count)) }
            return values
        }
    }

    /// Those with something in them.
    var sections: [Section]
    /// Districts that are named.
    var districtIDs: [UUID]

    static let maximumRows = 20

    var isEmpty: Bool { sections.isEmpty }

    /// Such as `2 requests to decide, 1 launch this week`.
    var headline: String { sections.compactMap(\.short).prefix(2).joined(separator: ", ") }

    /// - Parameter withUnknownDistricts: also callbacks about districts that nobody knows yet.
    static func load(
        _ address: String, withUnknownDistricts: Bool, now: Date, _ transaction: Transaction
    ) async throws -> DigestReport {
        let answers = try await transaction.query(all: queries(address, withUnknownDistricts, now))
        var districtIDs: Set<UUID> = []
        var sections: [Section] = []
        func add(_ rows: Rows, _ heading: String, _ short: (Int) -> String?, _ tell: (Row) throws -> (String, String))
            throws
        {
            guard let first = rows.first else { return }
            let count = try first.get(0, as: Int.self)
            for row in rows { if let id = try row.get(1, as: UUID?.self) { districtIDs.insert(id) } }
            sections.append(
                Section(heading: heading, short: short(count), count: count, rows: try rows.map(tell)))
        }
        try add(answers[0], "Requests to decide, oldest first", { "\(plural($0, "request")) to decide" }) { row in
            let waits = age(try row.get(5), now)
            let state = try row.get(4, as: String.self)
            return (
                try title(row),
                state == "needs_info" ? "asked \(waits) ago; waits for their answer" : "asked \(waits) ago"
            )
        }
        try add(answers[1], "Launching in the next 7 days", { "\(plural($0, "launch", "launches")) this week" }) {
            row in
            (try title(row), try launch(row))
        }
        try add(answers[2], "Launching but not configured", { "\(plural($0, "account")) to configure" }) { row in
            let state = try row.get(4, as: String.self)
            let lack = state == "shared" ? "review the data and configure" : "their setup in Clever is not complete"
            return (try title(row), "\(try launch(row)); \(lack)")
        }
        try add(answers[3], "E-mails that could not be delivered", { "\(plural($0, "failed e-mail"))" }) { row in
            let reply = try row.get(4, as: String?.self)
            return (
                "\(try row.get(2, as: String.self)), to \(try row.get(3, as: String.self))",
                reply ?? "no reply is known"
            )
        }
        try add(answers[4], "Callbacks that wait", { "\(plural($0, "waiting callback"))" }) { row in
            let name = try row.get(2, as: String?.self) ?? "a district that is not known yet"
            return (
                "\(try row.get(3, as: String?.self) ?? "callback") for \(name)",
                "received \(age(try row.get(5), now)) ago; \(try row.get(4, as: String?.self) ?? "it cannot be applied yet")"
            )
        }
        return DigestReport(sections: sections, districtIDs: districtIDs.sorted { $0.uuidString < $1.uuidString })
    }

    /// Each row: how many there are in all, the district's id, and what is told.
    private static func queries(_ address: String, _ withUnknownDistricts: Bool, _ now: Date) -> [Query] {
        let week = now.addingTimeInterval(7 * 86_400)
        let month = now.addingTimeInterval(30 * 86_400)
        let requests: SQL = """
            SELECT count(*) OVER (), d.id, d.name, r.kind, r.state, r.created_at, r.launch_date, r.launch_status
            FROM request r JOIN district d ON d.id = r.district_id WHERE d.account_manager = \(address)
            """
        return [
            Query(
                "digest.undecided",
                """
                \(requests) AND r.state IN ('pending', 'needs_info') ORDER BY r.created_at, r.id LIMIT \(maximumRows)
                """),
            Query(
                "digest.launching",
                """
                \(requests) AND r.launch_status <> 'launched' AND r.launch_at > \(now) AND r.launch_at <= \(week)
                    AND r.state IN ('approved', 'shared', 'configured')
                ORDER BY r.launch_at, d.name, r.id LIMIT \(maximumRows)
                """),
            Query(
                "digest.not_configured",
                """
                \(requests) AND r.state IN ('approved', 'shared')
                    AND (r.launch_status = 'launched' OR r.launch_at <= \(month))
                ORDER BY r.launch_at NULLS FIRST, d.name, r.id LIMIT \(maximumRows)
                """),
            Query(
                "digest.failed_emails",
                """
                SELECT count(*) OVER (), d.id, e.subject, e.recipient,
                    (SELECT a.reply FROM email_attempt a WHERE a.email_id = e.id ORDER BY a.at DESC, a.id DESC LIMIT 1)
                FROM email e JOIN district d ON d.id = e.district_id
                WHERE e.status = 'failed' AND d.account_manager = \(address)
                ORDER BY e.created_at DESC, e.id DESC LIMIT \(maximumRows)
                """),
            Query(
                "digest.parked",
                """
                SELECT count(*) OVER (), d.id, d.name, w.type, w.detail, w.received_at
                FROM webhook_delivery w LEFT JOIN district d ON d.clever_id = w.clever_district_id
                WHERE w.status = 'parked'
                    AND (d.account_manager = \(address) OR d.id IS NULL AND \(withUnknownDistricts))
                ORDER BY w.received_at, w.id LIMIT \(maximumRows)
                """),
        ]
    }

    /// `Demo District, SSO`
    private static func title(_ row: Row) throws -> String {
        let kind = Kind(rawValue: try row.get(3))?.title ?? ""
        return "\(try row.get(2, as: String.self)), \(kind)"
    }

    private static func launch(_ row: Row) throws -> String {
        if try row.get(7, as: String.self) == "launched" { return "launched" }
        guard let date = try row.get(6, as: SQLDate?.self).map(CalendarDate.init) else { return "has no launch date" }
        return "launches \(MailValues.words(date))"
    }

    private static func age(_ since: Date, _ now: Date) -> String {
        let hours = max(0, Int(now.timeIntervalSince(since) / 3600))
        return hours < 48 ? plural(hours, "hour") : plural(hours / 24, "day")
    }

    private static func plural(_ count: Int, _ one: String, _ many: String? = nil) -> String {
        count == 1 ? "1 \(one)" : "\(count) \(many ?? "\(one)s")"
    }
}
