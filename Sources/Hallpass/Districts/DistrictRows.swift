import Foundation
import Integrations
import Postgres

/// A district's row ↔ its value. One list of columns for every statement that reads whole districts.
enum DistrictRows {
    /// In the order that `value` reads; `d` is the district.
    static let columns: SQL = """
        d.id, d.clever_id, d.name, d.type, d.state, d.nces_id, d.time_zone, d.time_zone_source, d.account_manager,
        d.contacts, d.license_seats, d.licensed_teachers, d.clever, d.version, d.created_at, d.updated_at
        """
    static let columnCount = 16

    static func value(_ row: Row, from start: Int = 0) throws -> District {
        District(
            id: try row.get(start),
            cleverID: try row.get(start + 1),
            name: try row.get(start + 2),
            type: try RequestRows.known(row.get(start + 3)),
            state: try row.get(start + 4, as: String?.self).map { try RequestRows.known($0) },
            ncesID: try row.get(start + 5),
            timeZone: try row.get(start + 6),
            timeZoneSource: try RequestRows.known(row.get(start + 7)),
            accountManager: try row.get(start + 8),
            contacts: try ContactsText.read(row.get(start + 9, as: JSONText.self)),
            license: License(seats: try row.get(start + 10), licensedTeachers: try row.get(start + 11)),
            clever: try row.get(start + 12, as: JSONText?.self)?.text,
            version: try row.get(start + 13),
            createdAt: try row.get(start + 14),
            updatedAt: try row.get(start + 15))
    }

    static func insert(_ district: District) -> Query {
        Query(
            "district.insert",
            """
            INSERT INTO district (id, clever_id, name, type, state, nces_id, time_zone, time_zone_source, account_manager,
                contacts, license_seats, licensed_teachers, clever, search, version, created_at, updated_at)
            VALUES (\(district.id), \(district.cleverID), \(district.name), \(district.type.rawValue),
                \(district.state?.rawValue), \(district.ncesID), \(district.timeZone), \(district.timeZoneSource.rawValue),
                \(district.accountManager), \(ContactsText.write(district.contacts)), \(district.license.seats),
                \(district.license.licensedTeachers), \(district.clever.map(JSONText.init)),
                \(SearchText.normalise(district.name)), \(district.version), \(district.createdAt), \(district.updatedAt))
            """)
    }

    static func update(_ district: District, from version: Int) -> Query {
        Query(
            "district.update",
            """
            UPDATE district SET clever_id = \(district.cleverID), name = \(district.name), type = \(district.type.rawValue),
                state = \(district.state?.rawValue), nces_id = \(district.ncesID), time_zone = \(district.timeZone),
                time_zone_source = \(district.timeZoneSource.rawValue), account_manager = \(district.accountManager),
                contacts = \(ContactsText.write(district.contacts)), license_seats = \(district.license.seats),
                licensed_teachers = \(district.license.licensedTeachers), clever = \(district.clever.map(JSONText.init)),
                search = \(SearchText.normalise(district.name)), version = \(district.version),
                updated_at = \(district.updatedAt)
            WHERE id = \(district.id) AND version = \(version)
            """)
    }
}

/// Contacts as jsonb: `[{"name","email","role"}]`.
enum ContactsText {
    static func read(_ text: JSONText) throws -> [Contact] {
        (try JSONParser.parse(Array(text.text.utf8)).array ?? []).map { value in
            Contact(
                name: value["name"]?.string ?? "", email: value["email"]?.string ?? "",
                role: value["role"]?.string ?? "")
        }
    }

    static func write(_ contacts: [Contact]) -> JSONText {
        var writer = JSONWriter()
        write(contacts, to: &writer)
        return JSONText(String(decoding: writer.bytes, as: UTF8.self))
    }

    static func write(_ contacts: [Contact], to writer: inout JSONWriter) {
        writer.array { writer in
            for contact in contacts {
                writer.object { writer in
                    writer.member("name", contact.name)
                    writer.member("email", contact.email)
                    writer.member("role", contact.role)
                }
            }
        }
    }
}
