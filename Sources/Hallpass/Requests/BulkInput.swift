import Foundation
import Integrations

/// What `POST /v1/requests/bulk` asks for: one action, and the requests to carry it out on.
struct BulkInput: Sendable {
    var action: ActionName
    /// In the order given, each once.
    var ids: [UUID]
    var body: JSONValue?

    /// Actions that a bulk call can carry out: a wizard's completion and a checklist belong to one request.
    static let actions = ActionName.allCases.filter { $0 != .share && $0 != .checklist }

    /// - Throws: 422 for the whole call: an offence anywhere, a body that no request could take, or too many ids.
    static func read(_ json: JSONValue?, _ call: Call) throws(Problem) -> BulkInput {
        let complaints = Complaints()
        var query = call.query(complaints)
        _ = query.bool("dry_run")
        query.finish()
        var reader = ObjectReader(json, complaints: complaints)
        let action: ActionName? = reader.choice("action", of: actions, required: true)
        let maxAffected = reader.integer("max_affected", in: 0...Int.max)
        let ids = ids(&reader)
        let body = reader.value("body")
        if let action {
            var bodyReader = ObjectReader(body, pointer: "/body", complaints: complaints)
            let command = RequestActions.read(action, &bodyReader)
            bodyReader.finish()
            if let command { check(command, bodyReader, now: call.now) }
        }
        reader.finish()
        try complaints.check()
        if let maxAffected, ids.count > maxAffected {
            let detail = "\(ids.count) requests would be affected, more than max_affected (\(maxAffected))"
            throw Problem(
                status: 422, code: .maxAffectedExceeded, detail: "\(detail). Nothing was done.",
                errors: [FieldProblem(place: .pointer("/max_affected"), detail: detail)])
        }
        guard let action else { preconditionFailure("an input without a complaint is whole") }
        return BulkInput(action: action, ids: ids, body: body)
    }

    private static func ids(_ reader: inout ObjectReader) -> [UUID] {
        var ids: [UUID] = []
        var seen: Set<UUID> = []
        for (index, value) in (reader.array("ids", count: 1...500, required: true) ?? []).enumerated() {
            if let id = value.string.flatMap({ Identifier.parse($0) }) {
                if seen.insert(id).inserted { ids.append(id) }
            } else {
                reader.complaints.add(.pointer("/ids/\(index)"), "must be an id (a UUID)")
            }
        }
        return ids
    }

    /// A date that has passed wherever a district may lie, or is too far ahead there, no request could take. Between the
    /// two each district's own zone decides.
    private static func check(_ command: Command, _ reader: ObjectReader, now: Date) {
        let date: CalendarDate?
        switch command {
        case .approve(.set(let given), _, _): date = given
        case .reschedule(let given, _): date = given
        default: date = nil
        }
        guard let date else { return }
        func today(_ offsetHours: Int) -> CalendarDate {
            CalendarDate(now.addingTimeInterval(Double(offsetHours) * 3600), in: .gmt)
        }
        if date < today(-12) { reader.complain("launch_date", "has passed. Give a later date, or null for none") }
        if date > today(14).adding(years: 2) { reader.complain("launch_date", "is more than two years ahead") }
    }
}
