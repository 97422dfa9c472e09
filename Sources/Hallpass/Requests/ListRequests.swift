import Foundation
import HTTPServer
import HTTPTypes
import Integrations
import Postgres

/// `GET /v1/requests`: a page as JSON, or the whole result as CSV or NDJSON.
enum ListRequests {
    static let run: @Sendable (Call) async throws -> Answer = { call in
        let complaints = Complaints()
        var query = call.query(complaints)
        let filters = RequestFilters(&query)
        let page = try Page(&query, of: call)
        query.finish()
        try complaints.check()
        if let form = ExportForm(accept: call.request.head.headerFields[.accept]) {
            return try ExportRequests.answer(call, filters, form)
        }
        let rows = try await rows(call, filters, page)
        let (now, known) = (call.now, call.application.renderedRequests)
        let shown = try rows.prefix(page.limit).map { try known.rendering(of: $0, now: now).json }
        let next = try rows.count > page.limit ? filters.sort.cursor(rows[page.limit - 1]) : nil
        let bytes = shown.reduce(512) { $0 + $1.count + 1 }
        var answer = page.answer(shown, next: next, reserving: bytes) { $1.raw(bytes: $0) }
        answer.headerFields[.vary] = "Accept"
        return answer
    }

    /// The page's rows, and one more where another page follows.
    private static func rows(_ call: Call, _ filters: RequestFilters, _ page: Page) async throws -> Rows {
        if filters.isLaunchRangeAlone, filters.sort != .launchDate {
            let rows = try await call.read(
                Query(
                    "request.list_of_few_days",
                    try ListStatement.ofFewDays(filters, after: page.after, limit: page.limit + 1)))
            if try rows.first?.get(0, as: UUID?.self) != nil || rows.isEmpty { return rows }
        }
        return try await call.read(
            Query(
                "request.list", try ListStatement(filters, after: page.after, limit: page.limit + 1).sql,
                isPlannedEachTime: filters.wantOwnPlan))
    }
}

/// The media type of an export, from `Accept` (RFC 9110 §12.5.1); nil is JSON. Of equal quality a type that is named wins
/// over a range, and the first over the later ones.
enum ExportForm: Sendable {
    case csv, ndjson

    var contentType: String {
        switch self {
        case .csv: "text/csv; charset=utf-8; header=present"
        case .ndjson: "application/x-ndjson"
        }
    }

    init?(accept: String?) {
        var best: (quality: Double, precision: Int, form: ExportForm?) = (0, 0, nil)
        for part in (accept ?? "").split(separator: ",") {
            let pieces = part.split(separator: ";").map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
            let quality = pieces.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
            let precision: Int
            let form: ExportForm?
            switch pieces.first {
            case "text/csv": (precision, form) = (3, .csv)
            case "application/x-ndjson": (precision, form) = (3, .ndjson)
            case "application/json": (precision, form) = (3, nil)
            case "text/*": (precision, form) = (2, .csv)
            case "application/*": (precision, form) = (2, nil)
            case "*/*": (precision, form) = (1, nil)
            default: continue
            }
            if (quality, precision) > (best.quality, best.precision), quality > 0 { best = (quality, precision, form) }
        }
        guard let form = best.form else { return nil }
        self = form
    }
}
