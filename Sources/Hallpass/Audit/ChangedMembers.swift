import Foundation
import Integrations
import Postgres

/// What the audit trail keeps of a change: the members that differ, as they were and as they are.
enum ChangedMembers {

    /// Nil for the side that does not exist.
    struct Texts {
        var before: JSONText?
        var after: JSONText?
    }

    static func of(_ old: IntegrationRequest?, _ new: IntegrationRequest) -> Texts {
        texts(old, new) { request, other, writer in
            func member(_ name: StaticString, _ differs: Bool, _ write: (inout JSONWriter) -> Void) {
                guard differs else { return }
                writer.name(name)
                write(&writer)
            }
            member("kind", other == nil) { $0.string(request.kind.rawValue) }
            member("state", request.state != other?.state) { $0.string(request.state.rawValue) }
            member("awaiting", request.awaiting != other?.awaiting) { $0.string(request.awaiting?.rawValue) }
            member("requester", request.requester != other?.requester) { writer in
                writer.object { writer in
                    writer.member("name", request.requester.name)
                    writer.member("email", request.requester.email)
                    writer.member("title", request.requester.title)
                }
            }
            member("message", request.message != other?.message) { $0.string(request.message) }
            member("external_id", request.externalID != other?.externalID) { $0.string(request.externalID) }
            member("launch", request.launch != other?.launch) { launch(request.launch, to: &$0) }
            member("sharing", request.sharing != other?.sharing) { sharing(request.sharing, to: &$0) }
            member("checklist", request.checklist != other?.checklist) {
                ChecklistText.write(request.checklist, to: &$0)
            }
            member("decision", request.decision != other?.decision) { writer in
                writer.object { writer in
                    writer.member("by", request.decision.by)
                    writer.member("at", request.decision.at.map(Instant.format))
                    writer.member("message", request.decision.message)
                }
            }
            member("configured_at", request.configuredAt != other?.configuredAt) {
                $0.string(request.configuredAt.map(Instant.format))
            }
        }
    }

    static func of(_ old: District?, _ new: District) -> Texts {
        texts(old, new) { district, other, writer in
            func member(_ name: StaticString, _ differs: Bool, _ write: (inout JSONWriter) -> Void) {
                guard differs else { return }
                writer.name(name)
                write(&writer)
            }
            member("clever_id", district.cleverID != other?.cleverID) { $0.string(district.cleverID) }
            member("name", district.name != other?.name) { $0.string(district.name) }
            member("type", district.type != other?.type) { $0.string(district.type.rawValue) }
            member("state", district.state != other?.state) { $0.string(district.state?.rawValue) }
            member("nces_id", district.ncesID != other?.ncesID) { $0.string(district.ncesID) }
            member("time_zone", district.timeZone != other?.timeZone) { $0.string(district.timeZone) }
            member("time_zone_source", district.timeZoneSource != other?.timeZoneSource) {
                $0.string(district.timeZoneSource.rawValue)
            }
            member("account_manager", district.accountManager != other?.accountManager) {
                $0.string(district.accountManager)
            }
            member("contacts", district.contacts != other?.contacts) { ContactsText.write(district.contacts, to: &$0) }
            member("license", district.license != other?.license) { writer in
                writer.object { writer in
                    writer.member("seats", district.license.seats)
                    writer.member(
                        "licensed_teachers",
                        array: { writer in
                            for teacher in district.license.licensedTeachers { writer.string(teacher) }
                        })
                }
            }
            member("clever", district.clever != other?.clever) { $0.raw(district.clever ?? "null") }
        }
    }

    private static func texts<Value>(
        _ old: Value?, _ new: Value, _ write: (Value, Value?, inout JSONWriter) -> Void
    ) -> Texts {
        func text(_ value: Value, _ other: Value?) -> JSONText {
            var writer = JSONWriter()
            writer.object { write(value, other, &$0) }
            return JSONText(String(decoding: writer.bytes, as: UTF8.self))
        }
        return Texts(before: old.map { text($0, new) }, after: text(new, old))
    }

    private static func launch(_ launch: Launch, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("requested_date", launch.requestedDate?.description)
            writer.member("date", launch.date?.description)
            writer.member("at", launch.at.map(Instant.format))
            writer.member("status", launch.status.rawValue)
            writer.member("launched_at", launch.launchedAt.map(Instant.format))
        }
    }

    private static func sharing(_ sharing: Sharing?, to writer: inout JSONWriter) {
        guard let sharing else { return writer.null() }
        writer.object { writer in
            writer.member("method", sharing.method.rawValue)
            writer.member("rules", json: sharing.rules)
            writer.member("completed_at", Instant.format(sharing.completedAt))
            writer.member("source", sharing.source.rawValue)
        }
    }
}
