import Foundation
import HTTPServer
import HTTPTypes
import Integrations
import Postgres

/// The whole result of a list, streamed in constant memory: CSV (RFC 4180) or NDJSON.
enum ExportRequests {
    private static let batchRows = 500

    static func answer(_ call: Call, _ filters: RequestFilters, _ form: ExportForm) throws -> Answer {
        let query = Query("request.export", try ListStatement(filters, after: nil, limit: nil).sql)
        let (database, label, now) = (call.application.database, call.trace.sessionLabel, call.now)
        let body = ResponseBody.stream { writer in
            if form == .csv { try await writer.write(CSV.line(CSVRequest.header)) }
            for try await rows in database.rows(query, batch: batchRows, sessionLabel: label) {
                var bytes: [UInt8] = []
                for row in rows {
                    let shown = try ShownRequestRows.value(row)
                    switch form {
                    case .csv: bytes += CSV.line(CSVRequest.cells(shown, now: now))
                    case .ndjson:
                        var json = JSONWriter(reserving: 2048)
                        RequestJSON.write(shown, now: now, to: &json)
                        bytes += json.bytes + [0x0A]
                    }
                }
                try await writer.write(bytes)
            }
        }
        var answer = Answer(status: 200)
        answer.headerFields[.vary] = "Accept"
        answer.body = .other(contentType: form.contentType, body)
        if form == .csv { answer.headerFields[.contentDisposition] = "attachment; filename=\"requests.csv\"" }
        return answer
    }
}

/// A request as a line of a table.
enum CSVRequest {
    static let header = [
        "id", "kind", "attempt", "state", "awaiting", "district_id", "district_clever_id", "district_name",
        "district_type",
        "district_state", "time_zone", "account_manager", "requester_name", "requester_email", "requester_title",
        "message",
        "source", "external_id", "requested_date", "launch_date", "launch_at", "launch_status", "launched_at", "badge",
        "next_step_owner", "next_step", "decision_by", "decision_at", "configured_at", "version", "created_at",
        "updated_at",
    ]

    static func cells(_ shown: ShownRequest, now: Date) -> [String] {
        let (request, district, next) = (shown.request, shown.district, shown.nextStep(now: now))
        let cells: [String?] = [
            Identifier.format(request.id), request.kind.rawValue, String(request.attempt), request.state.rawValue,
            request.awaiting?.rawValue, Identifier.format(district.id), district.cleverID, district.name,
            district.type.rawValue, district.state?.rawValue, district.timeZone, district.accountManager,
            request.requester.name, request.requester.email, request.requester.title, request.message,
            request.source.rawValue, request.externalID, request.launch.requestedDate?.description,
            request.launch.date?.description, request.launch.at.map(Instant.format), request.launch.status.rawValue,
            request.launch.launchedAt.map(Instant.format), request.badge?.label, next.owner.rawValue, next.text,
            request.decision.by, request.decision.at.map(Instant.format), request.configuredAt.map(Instant.format),
            String(request.version), Instant.format(request.createdAt), Instant.format(request.updatedAt),
        ]
        return cells.map { $0 ?? "" }
    }
}

/// RFC 4180, with cells that a spreadsheet would execute made harmless by a leading apostrophe.
enum CSV {
    static func line(_ cells: [String]) -> [UInt8] {
        Array((cells.map(cell).joined(separator: ",") + "\r\n").utf8)
    }

    static func cell(_ text: String) -> String {
        var text = text
        if let first = text.utf8.first, "=+-@\t\r".utf8.contains(first) { text = "'" + text }
        guard text.utf8.contains(where: { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D }) else { return text }
        return "\"\(text.replacing("\"", with: "\"\""))\""
    }
}
