import Foundation
import Integrations
import Postgres

/// A request's row ↔ its value. One list of columns for every statement that reads whole requests.
enum RequestRows {
    /// In the order that `value` reads; `r` is the request.
    static let columns: SQL = """
        r.id, r.district_id, r.kind, r.attempt, r.state, r.awaiting, r.requester_name, r.requester_email,
        r.requester_title, r.message, r.source, r.external_id, r.requested_date, r.launch_date, r.launch_at,
        r.launch_status, r.launched_at, r.sharing_method, r.sharing_rules, r.sharing_completed_at, r.sharing_source,
        r.checklist, r.decision_by, r.decision_at, r.decision_message, r.configured_at, r.version, r.created_at,
        r.updated_at
        """
    static let columnCount = 29
    static let (launchDate, createdAt, updatedAt) = (13, 27, 28)

    /// - Parameter start: index of the first of `columns` in the row.
    static func value(_ row: Row, from start: Int = 0) throws -> IntegrationRequest {
        IntegrationRequest(
            id: try row.get(start),
            districtID: try row.get(start + 1),
            kind: try known(row.get(start + 2)),
            attempt: try row.get(start + 3),
            state: try known(row.get(start + 4)),
            awaiting: try row.get(start + 5, as: String?.self) == nil ? nil : .sso,
            requester: Requester(
                name: try row.get(start + 6), email: try row.get(start + 7), title: try row.get(start + 8)),
            message: try row.get(start + 9),
            source: try known(row.get(start + 10)),
            externalID: try row.get(start + 11),
            launch: Launch(
                requestedDate: try row.get(start + 12, as: SQLDate?.self).map(CalendarDate.init),
                date: try row.get(start + 13, as: SQLDate?.self).map(CalendarDate.init),
                at: try row.get(start + 14),
                status: try known(row.get(start + 15)),
                launchedAt: try row.get(start + 16)),
            sharing: try sharing(row, from: start + 17),
            checklist: try ChecklistText.read(row.get(start + 21)),
            decision: Decision(
                by: try row.get(start + 22), at: try row.get(start + 23), message: try row.get(start + 24)),
            configuredAt: try row.get(start + 25),
            version: try row.get(start + 26),
            createdAt: try row.get(start + 27),
            updatedAt: try row.get(start + 28))
    }

    private static func sharing(_ row: Row, from start: Int) throws -> Sharing? {
        guard let method = try row.get(start, as: String?.self),
            let completedAt = try row.get(start + 2, as: Date?.self),
            let source = try row.get(start + 3, as: String?.self)
        else { return nil }
        return Sharing(
            method: try known(method), rules: try row.get(start + 1, as: String?.self),
            completedAt: completedAt, source: try known(source))
    }

    /// The value of a column that a CHECK constrains to the names of `Value`.
    static func known<Value: RawRepresentable<String>>(_ text: String) throws -> Value {
        guard let value = Value(rawValue: text) else { throw StoredValueError(type: "\(Value.self)", text: text) }
        return value
    }

    static func insert(_ request: IntegrationRequest, in district: District) -> Query {
        Query(
            "request.insert",
            """
            INSERT INTO request (id, district_id, kind, attempt, state, awaiting, requester_name, requester_email,
                requester_title, message, source, external_id, requested_date, launch_date, launch_at, launch_status,
                launched_at, checklist, account_manager, search, overdue_at, version, created_at, updated_at)
            VALUES (\(request.id), \(request.districtID), \(request.kind.rawValue), \(request.attempt),
                \(request.state.rawValue), \(request.awaiting?.rawValue), \(request.requester.name),
                \(request.requester.email), \(request.requester.title), \(request.message), \(request.source.rawValue),
                \(request.externalID), \(request.launch.requestedDate.map(SQLDate.init)),
                \(request.launch.date.map(SQLDate.init)), \(request.launch.at), \(request.launch.status.rawValue),
                \(request.launch.launchedAt), (\(ChecklistText.write(request.checklist))::text)::json, \(district.accountManager),
                \(search(request, in: district)), \(request.overdueAt(in: district.zone)), \(request.version),
                \(request.createdAt), \(request.updatedAt))
            """)
    }

    /// Writes every column that a change may touch; guarded by the version that was read.
    static func update(_ request: IntegrationRequest, in district: District, from version: Int) -> Query {
        Query(
            "request.update",
            """
            UPDATE request SET state = \(request.state.rawValue), awaiting = \(request.awaiting?.rawValue),
                requester_name = \(request.requester.name), requester_email = \(request.requester.email),
                requester_title = \(request.requester.title), message = \(request.message),
                requested_date = \(request.launch.requestedDate.map(SQLDate.init)),
                launch_date = \(request.launch.date.map(SQLDate.init)), launch_at = \(request.launch.at),
                launch_status = \(request.launch.status.rawValue), launched_at = \(request.launch.launchedAt),
                sharing_method = \(request.sharing?.method.rawValue),
                sharing_rules = (\(request.sharing?.rules)::text)::json,
                sharing_completed_at = \(request.sharing?.completedAt), sharing_source = \(request.sharing?.source.rawValue),
                checklist = (\(ChecklistText.write(request.checklist))::text)::json, decision_by = \(request.decision.by),
                decision_at = \(request.decision.at), decision_message = \(request.decision.message),
                configured_at = \(request.configuredAt),
                ended_at = CASE WHEN \(request.state.isEnded) THEN coalesce(ended_at, \(request.updatedAt)) END,
                account_manager = \(district.accountManager),
                search = \(search(request, in: district)), overdue_at = \(request.overdueAt(in: district.zone)),
                version = \(request.version), updated_at = \(request.updatedAt)
            WHERE id = \(request.id) AND version = \(version)
            """)
    }

    private static func search(_ request: IntegrationRequest, in district: District) -> String {
        SearchText.normalise([district.name, request.requester.name, request.requester.email].joined(separator: "\n"))
    }
}

/// A stored value that no constraint should have let in.
struct StoredValueError: Error {
    var type: String
    var text: String
}

/// The checklist as JSON: `[{"item","status","by","at","note"}]`.
enum ChecklistText {
    static func read(_ text: String) throws -> [ChecklistItem] {
        guard case .array(let values) = try JSONParser.parse(Array(text.utf8)) else { return [] }
        return try values.map { value in
            ChecklistItem(
                item: value["item"]?.string ?? "",
                status: try RequestRows.known(value["status"]?.string ?? ""),
                by: value["by"]?.string,
                at: value["at"]?.string.flatMap { Instant.parse($0) },
                note: value["note"]?.string)
        }
    }

    static func write(_ items: [ChecklistItem]) -> String {
        var writer = JSONWriter()
        write(items, to: &writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    static func write(_ items: [ChecklistItem], to writer: inout JSONWriter) {
        writer.array { writer in
            for item in items {
                writer.object { writer in
                    writer.member("item", item.item)
                    writer.member("status", item.status.rawValue)
                    writer.member("by", item.by)
                    writer.member("at", item.at.map(Instant.format))
                    writer.member("note", item.note)
                }
            }
        }
    }
}

extension CalendarDate {
    /// The database's dates lie within the calendar's years: a CHECK-free column that only this service writes.
    init(_ date: SQLDate) {
        let parts = date.parts
        guard let value = CalendarDate(year: parts.year, month: parts.month, day: parts.day) else {
            preconditionFailure("the database holds dates of the years 1 to 9999")
        }
        self = value
    }
}

extension SQLDate {
    init(_ date: CalendarDate) {
        guard let value = SQLDate(year: date.year, month: date.month, day: date.day) else {
            preconditionFailure("a calendar date exists")
        }
        self = value
    }
}
