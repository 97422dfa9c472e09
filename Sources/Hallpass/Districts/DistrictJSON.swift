import Foundation
import Integrations

/// A district as the client sees it (API §2), whole and as a request's summary.
enum DistrictJSON {
    static func write(_ district: District, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("id", Identifier.format(district.id))
            writer.member("clever_id", district.cleverID)
            writer.member("name", district.name)
            writer.member("type", district.type.rawValue)
            writer.member("state", district.state?.rawValue)
            writer.member("nces_id", district.ncesID)
            writer.member("time_zone", district.timeZone)
            writer.member("time_zone_source", district.timeZoneSource.rawValue)
            writer.member("account_manager", district.accountManager)
            writer.name("contacts")
            ContactsText.write(district.contacts, to: &writer)
            writer.member(
                "license",
                object: { writer in
                    writer.member("seats", district.license.seats)
                    writer.member(
                        "licensed_teachers",
                        array: { writer in
                            for teacher in district.license.licensedTeachers { writer.string(teacher) }
                        })
                })
            writer.member("clever", json: district.clever)
            writer.member("version", district.version)
            writer.member("created_at", Instant.format(district.createdAt))
            writer.member("updated_at", Instant.format(district.updatedAt))
        }
    }

    static func summary(_ district: DistrictSummary, to writer: inout JSONWriter) {
        writer.member("id", Identifier.format(district.id))
        writer.member("clever_id", district.cleverID)
        writer.member("name", district.name)
        writer.member("type", district.type.rawValue)
        writer.member("state", district.state?.rawValue)
        writer.member("time_zone", district.timeZone)
        writer.member("account_manager", district.accountManager)
    }
}
