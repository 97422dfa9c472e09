import Foundation
import Integrations

/// A request as the client sees it (API §2).
enum RequestJSON {
    static func write(_ shown: ShownRequest, now: Date, to writer: inout JSONWriter) {
        writer.object { members(shown, now: now, to: &$0) }
    }

    static func members(_ shown: ShownRequest, now: Date, to writer: inout JSONWriter) {
        let (request, district, nextStep) = (shown.request, shown.district, shown.nextStep(now: now))
        writer.member("id", Identifier.format(request.id))
        writer.member("kind", request.kind.rawValue)
        writer.member("attempt", request.attempt)
        writer.member("district", object: { DistrictJSON.summary(district, to: &$0) })
        writer.member("state", request.state.rawValue)
        writer.member("awaiting", request.awaiting?.rawValue)
        writer.member(
            "requester",
            object: { writer in
                writer.member("name", request.requester.name)
                writer.member("email", request.requester.email)
                writer.member("title", request.requester.title)
            })
        writer.member("message", request.message)
        writer.member("source", request.source.rawValue)
        writer.member("external_id", request.externalID)
        writer.member("launch", object: { launch(request.launch, timeZone: district.timeZone, to: &$0) })
        sharing(request.sharing, to: &writer)
        writer.name("checklist")
        ChecklistText.write(request.checklist, to: &writer)
        if let badge = request.badge {
            writer.member(
                "badge",
                object: { writer in
                    writer.member("label", badge.label)
                    writer.member("color", badge.color.rawValue)
                })
        } else {
            writer.name("badge")
            writer.null()
        }
        writer.member(
            "next_step",
            object: { writer in
                writer.member("owner", nextStep.owner.rawValue)
                writer.member("text", nextStep.text)
            })
        writer.member(
            "decision",
            object: { writer in
                writer.member("by", request.decision.by)
                writer.member("at", request.decision.at.map(Instant.format))
                writer.member("message", request.decision.message)
            })
        writer.member("configured_at", request.configuredAt.map(Instant.format))
        writer.member("version", request.version)
        writer.member("created_at", Instant.format(request.createdAt))
        writer.member("updated_at", Instant.format(request.updatedAt))
    }

    private static func launch(_ launch: Launch, timeZone: String, to writer: inout JSONWriter) {
        writer.member("requested_date", launch.requestedDate?.description)
        writer.member("date", launch.date?.description)
        writer.member("time_zone", timeZone)
        writer.member("at", launch.at.map(Instant.format))
        writer.member("status", launch.status.rawValue)
        writer.member("launched_at", launch.launchedAt.map(Instant.format))
    }

    private static func sharing(_ sharing: Sharing?, to writer: inout JSONWriter) {
        guard let sharing else {
            writer.name("sharing")
            return writer.null()
        }
        writer.member(
            "sharing",
            object: { writer in
                writer.member("method", sharing.method.rawValue)
                writer.member("rules", json: sharing.rules)
                writer.member("completed_at", Instant.format(sharing.completedAt))
                writer.member("source", sharing.source.rawValue)
            })
    }
}
