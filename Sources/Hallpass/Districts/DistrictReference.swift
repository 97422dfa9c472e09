import Foundation
import Integrations
import Postgres

/// How a call names the district it is about: by id, by Clever id, or by the facts of a new one. Names never identify a
/// district: many share one.
struct DistrictReference: Sendable {
    enum Key: Sendable {
        case id(UUID)
        case cleverID(String)
        case new
    }

    var key: Key
    var facts: DistrictInput

    /// Reads the member `district` of `POST /v1/requests`.
    static func read(_ reader: inout ObjectReader) -> DistrictReference? {
        guard var members = reader.object("district", required: true) else { return nil }
        let hasID = members.gives("id")
        let id = members.uuid("id")
        let cleverID = DistrictInput.cleverID(&members)
        var facts = DistrictInput()
        facts.read(&members)
        facts.cleverID = cleverID
        members.finish()
        if hasID { return id.map { DistrictReference(key: .id($0), facts: facts) } }
        if let cleverID { return DistrictReference(key: .cleverID(cleverID), facts: facts) }
        if members.gives("clever_id") { return nil }
        if facts.name == nil, !members.gives("name") {
            reader.complain("district", "needs an id, or a clever_id, or a name and a state")
        } else if facts.state == nil, !members.gives("state") {
            reader.complaints.add(
                .pointer("\(reader.pointer)/district/state"), "is required for a new district without a clever_id")
        }
        return DistrictReference(key: .new, facts: facts)
    }

    /// The statements that lock and read the district's case; none for a new one.
    var queries: [Query] {
        switch key {
        case .id(let id): Work.caseQueries(.district(id))
        case .cleverID(let cleverID): Work.caseQueries(.cleverID(cleverID))
        case .new: []
        }
    }

    /// The case: a known district with its empty facts filled, or a new one without requests.
    /// - Throws: 422; 409 `clever_id_taken` when the Clever id to be filled in is another district's.
    func lockedCase(_ rows: [Rows], requester: Requester, work: Work) async throws -> LockedCase {
        let known = rows.isEmpty ? nil : try work.readCase(rows)
        if var locked = known {
            let filled = facts.filling(locked.value.district, requester: requester, now: work.now)
            if let cleverID = filled.cleverID, locked.value.district.cleverID == nil {
                locked.parked = try await work.takeCleverID(cleverID, for: locked.value.district)
            }
            if filled != locked.value.district {
                try locked.decide(.changeDistrict(filled), on: nil, for: work)
            }
            return locked
        }
        if case .id = key { throw Problem.invalid("/district/id", "no district has this id") }
        guard let name = facts.name else {
            throw Problem.invalid("/district/name", "is required: no district has this clever_id yet")
        }
        let district = facts.new(
            name: name, requester: requester, accountManager: work.application.configuration.accountManager,
            id: Identifier.make(at: work.now), now: work.now)
        return LockedCase(
            value: DistrictCase(district: district, requests: []), stored: nil,
            parked: rows.last.map { ParkedDelivery.read($0) } ?? [])
    }
}

extension DistrictInput {
    /// A new district of these facts; what is not said is assumed from the state, or left empty.
    func new(name: String, requester: Requester, accountManager: String?, id: UUID, now: Date) -> District {
        District(
            id: id, cleverID: cleverID, name: name, type: type ?? .district, state: state, ncesID: ncesID,
            timeZone: timeZone ?? state?.mostPopulousTimeZone ?? IANATimeZone.fallback,
            timeZoneSource: timeZone == nil ? .assumed : .given,
            accountManager: self.accountManager ?? accountManager,
            contacts: contacts ?? [Contact(name: requester.name, email: requester.email, role: "requester")],
            license: license ?? License(), clever: nil, version: 1, createdAt: now, updatedAt: now)
    }

    /// A known district with its empty facts filled; none that it has is changed. A time zone that was only assumed counts
    /// as empty.
    func filling(_ district: District, requester: Requester, now: Date) -> District {
        var filled = district
        if filled.cleverID == nil { filled.cleverID = cleverID }
        if filled.state == nil { filled.state = state }
        if filled.ncesID == nil { filled.ncesID = ncesID }
        if filled.accountManager == nil { filled.accountManager = accountManager }
        if filled.contacts.isEmpty {
            filled.contacts = contacts ?? [Contact(name: requester.name, email: requester.email, role: "requester")]
        }
        if let license {
            if filled.license.seats == nil { filled.license.seats = license.seats }
            if filled.license.licensedTeachers.isEmpty { filled.license.licensedTeachers = license.licensedTeachers }
        }
        if filled.timeZoneSource == .assumed {
            if let timeZone {
                filled.timeZone = timeZone
                filled.timeZoneSource = .given
            } else if district.state == nil, let state = filled.state {
                filled.timeZone = state.mostPopulousTimeZone
            }
        }
        return filled.versioned(after: district, now: now)
    }
}

extension District {
    /// The district with its version raised when it differs from `old`.
    func versioned(after old: District, now: Date) -> District {
        guard self != old else { return self }
        var raised = self
        raised.version = old.version + 1
        raised.updatedAt = now
        return raised
    }
}
