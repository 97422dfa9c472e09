import Integrations

/// What happened to a request, in a sentence for people: who did what, with the facts that changed.
enum TimelineWords {
    /// - Parameter data: the audit entry's `before` and `after`.
    static func of(action: String, actor: String, data: JSONValue) -> (TimelineType, String) {
        let entry = Entry(actor: actor, before: data["before"] ?? .null, after: data["after"] ?? .null)
        let who = entry.who
        return switch action {
        case "request.create": (.note, entry.asked)
        case "request.approve": (.decision, "\(who) approved it\(entry.launchChange)\(entry.words).")
        case "request.decline": (.decision, "\(who) declined it\(entry.words).")
        case "request.request_info": (.decision, "\(who) asked the district for more information.")
        case "request.provide_info":
            (.note, "\(entry.isByToken ? "\(who) passed on the district's answer" : "The district answered").")
        case "request.withdraw": (.decision, "\(who) withdrew the request.")
        case "request.disconnect": (.decision, "\(who) disconnected it.")
        case "request.reschedule": (.launch, "\(who) changed the launch date\(entry.launchChange).")
        case "request.launch": (.launch, entry.launched)
        case "request.move_launch":
            (.launch, "The launch has moved with the district's time zone\(entry.instantChange).")
        case "request.awaiting":
            (
                .note,
                entry.after["awaiting"]?.string == nil
                    ? "SSO is approved, so it no longer waits for SSO."
                    : "It waits for SSO: rostering needs an approved SSO request."
            )
        case "request.share": (.sharing, entry.shared)
        case "request.change_sharing": (.sharing, "\(who) changed what is shared: \(entry.method).")
        case "request.unshare": (.sharing, "\(who) stopped sharing; Clever's sharing wizard is to be completed again.")
        case "request.shared_data": (.sharing, "\(who) uploaded shared data.")
        case "request.checklist": (.note, entry.checklist)
        case "request.configure": (.decision, "\(who) configured it.")
        case "request.reopen": (.decision, "\(who) reopened it.")
        case "request.amend": (.note, "\(who) corrected \(entry.corrected).")
        case "request.change_wish": (.note, "\(who) changed its wish: \(entry.corrected)\(entry.wishChange).")
        default: (.note, action)
        }
    }

    /// What was mailed to whom, and what became of it.
    static func ofEmail(_ data: JSONValue) -> String {
        let attempts = data["attempts"]?.array ?? []
        let reply = attempts.last?["reply"]?.string.map { " (\($0))" } ?? ""
        let mail = "“\(data["subject"]?.string ?? "")” to \(data["to"]?.string ?? "")"
        switch data["status"]?.string {
        case "sent": return "Mailed \(mail): sent\(reply)."
        case "failed": return "Could not mail \(mail): failed\(reply). It can be retried."
        case "cancelled": return "Mail \(mail) was cancelled."
        case "sending": return "Mail \(mail) is being sent."
        case _ where attempts.isEmpty: return "Mail \(mail) is queued."
        default:
            let times = attempts.count == 1 ? "once" : "\(attempts.count) times"
            let next = data["next_attempt_at"]?.string.map { "; the next try is at \($0)" } ?? ""
            return "Mail \(mail) is not delivered yet: tried \(times)\(reply)\(next)."
        }
    }

    /// An audit entry as words are drawn from it.
    private struct Entry {
        let actor: String
        let before: JSONValue
        let after: JSONValue

        /// Whether a person or a script with a token did it.
        var isByToken: Bool { actor != "service" && !actor.hasPrefix("webhook:") }

        var who: String {
            if actor == "service" { return "Hallpass" }
            return isByToken ? actor : "The district"
        }

        /// A message or a reason, as what was said.
        var words: String { after["decision"]?["message"]?.string.map { ": “\($0)”" } ?? "" }

        var asked: String {
            let kind = after["kind"]?.string.flatMap { Kind(rawValue: $0) }?.title ?? "it"
            let person = after["requester"]?["name"]?.string ?? who
            let date = after["launch"]?["requested_date"]?.string
            return "\(person) asked for \(kind), \(date.map { "to launch on \($0)" } ?? "with no custom launch date")."
        }

        /// From one date to another, where it changed.
        var launchChange: String { change(of: "date") }
        var wishChange: String { change(of: "requested_date") }

        var instantChange: String { change(of: "at") }

        private func change(of name: String) -> String {
            guard let new = after["launch"]?[name], let old = before["launch"]?[name], new != old else { return "" }
            return " from \(old.string ?? "none") to \(new.string ?? "none")"
        }

        var launched: String {
            if isByToken { return "\(who) launched it." }
            return after["launch"]?["date"]?.string.map { "Launched: its date, \($0), has come." } ?? "Launched."
        }

        var method: String {
            switch after["sharing"]?["method"]?.string {
            case "sections": "by section"
            case "schools": "by school"
            case "rules": "by rules"
            case "district": "the whole district"
            default: "other rules"
            }
        }

        var shared: String {
            let launch = after["launch"]
            let date = launch?["date"]?.string ?? ""
            let next = launch?["status"]?.string == "scheduled" ? " It launches on \(date)." : ""
            return isByToken
                ? "\(who) recorded that Clever's sharing wizard is complete: \(method).\(next)"
                : "The district completed Clever's sharing wizard: \(method).\(next)"
        }

        var checklist: String {
            let old = before["checklist"]?.array ?? []
            let settled = (after["checklist"]?.array ?? []).filter { !old.contains($0) }.map { item in
                let note = item["note"]?.string.map { ", “\($0)”" } ?? ""
                return "\(item["item"]?.string ?? "") is \(item["status"]?.string ?? "")\(note)"
            }
            return settled.isEmpty
                ? "\(who) changed the checklist." : "\(who) settled the checklist: \(settled.joined(separator: "; "))."
        }

        var corrected: String {
            let names = ["requester", "message"].filter { after[$0] != nil }.map { "the \($0)" }
            if !names.isEmpty { return names.joined(separator: " and ") }
            return after["launch"] == nil ? "the request" : "the launch date"
        }
    }
}
