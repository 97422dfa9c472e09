import Foundation
import Integrations

/// `GET /v1/districts/{id}/sharing`: what the two kinds share, what differs, and what comes of it (API §5). What was
/// uploaded is compared, also before the wizards are complete, so that a difference is seen before it hurts.
enum GetSharing {
    static func run(_ call: Call) async throws -> Answer {
        let id = try call.id(of: "district")
        guard let summary = try await SharingSummary.read(id, call) else {
            throw Problem.notFound("district")
        }
        try call.refuseQuery()
        return Answer.json { write(summary, to: &$0) }
    }

    private static func write(_ summary: SharingSummary, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("same_rules", summary.hasSameRules)
            writer.name("sso")
            write(summary.sso, to: &writer)
            writer.name("rostering")
            write(summary.rostering, to: &writer)
            writer.member("teachers", object: { write(summary.teachers, to: &$0) })
            writer.member("sections", object: { write(summary.sections, to: &$0) })
            writer.member("students", object: { write(summary.students, to: &$0) })
            let consequences = Consequence.of(
                ssoOnly: summary.teachers.ssoOnly, rosteringOnly: summary.teachers.rosteringOnly)
            writer.member(
                "consequences",
                array: { writer in
                    for consequence in consequences {
                        writer.object { writer in
                            writer.member("code", consequence.code.rawValue)
                            writer.member("text", consequence.text)
                            writer.member("count", consequence.count)
                        }
                    }
                })
            writer.member(
                "license",
                object: { writer in
                    writer.member("seats", summary.seats)
                    writer.member("seats_used", summary.seatsUsed)
                    writer.member("over", summary.seats.map { summary.seatsUsed > $0 } ?? false)
                })
        }
    }

    private static func write(_ side: SharingSummary.Side?, to writer: inout JSONWriter) {
        guard let side else { return writer.null() }
        writer.object { writer in
            writer.member("request_id", Identifier.format(side.requestID))
            writer.member("method", side.method)
            writer.member("sections", side.sections)
            writer.member("teachers", side.teachers)
            writer.member("students", side.students)
            writer.member("uploaded_at", Instant.format(side.uploadedAt))
        }
    }

    private static func write(_ split: SharingSummary.Split, to writer: inout JSONWriter) {
        writer.member("both", split.both)
        writer.member("sso_only", split.ssoOnly)
        writer.member("rostering_only", split.rosteringOnly)
    }
}
