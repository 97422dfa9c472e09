import Foundation
import Integrations
import Postgres

/// The changes of a district: approval of all it asks for, corrections, erasure.
enum DistrictActions {
    /// `POST /v1/districts/{id}/approve`: every undecided request in one transaction, one e-mail naming them all.
    static let approve: @Sendable (Change) async throws -> Answer = { change in
        let id = try change.call.id(of: "district")
        var locked = try await change.lockCase(districtID: id)
        let command = try change.input { reader -> Command? in
            let date = RequestActions.launchDateChoice(&reader)
            return .approveAll(launchDate: date, message: reader.prose("message"))
        }
        let version = locked.value.district.version
        let decided: [UUID]
        do throws(Refusal) {
            decided = try locked.decide(command, on: nil, for: change.work)
        } catch {
            if !error.isInvalidInput { try change.checkVersion(version) }
            throw error
        }
        try change.checkVersion(version)
        try await change.work.write(&locked)
        let value = locked.value
        return .json { writer in
            writer.object { writer in
                writer.member(
                    "requests",
                    array: { writer in
                        for id in decided {
                            if let request = value.request(id) {
                                RequestJSON.write(value.shown(request), now: change.now, to: &writer)
                            }
                        }
                    })
            }
        }
    }

    /// `PATCH /v1/districts/{id}`: a merge patch (RFC 7396).
    static let patch: @Sendable (Change) async throws -> Answer = { change in
        let id = try change.call.id(of: "district")
        var locked = try await change.lockCase(districtID: id)
        let old = locked.value.district
        let given: District = try change.input { reader -> District? in patched(old, &reader) }
        try change.checkVersion(old.version)
        if let cleverID = given.cleverID, cleverID != old.cleverID {
            locked.parked = try await change.work.takeCleverID(cleverID, for: old)
        }
        let new = given.versioned(after: old, now: change.now)
        if new != old {
            try locked.decide(.changeDistrict(new), on: nil, for: change.work)
            try await change.work.write(&locked)
        }
        let shown = locked.value.district
        return .json(version: shown.version) { DistrictJSON.write(shown, to: &$0) }
    }

    /// Reads the patch onto the district. `null` empties a fact that may be empty.
    private static func patched(_ district: District, _ reader: inout ObjectReader) -> District {
        var facts = DistrictInput()
        facts.read(&reader)
        facts.cleverID = DistrictInput.cleverID(&reader)
        var patched = district
        for name in ["name", "type"] {
            if case .null = reader.presence(name) { reader.complain(name, "cannot be empty") }
        }
        patched.name = facts.name ?? district.name
        patched.type = facts.type ?? district.type
        patched.ncesID = facts.ncesID ?? (reader.isNull("nces_id") ? nil : district.ncesID)
        patched.accountManager =
            facts.accountManager ?? (reader.isNull("account_manager") ? nil : district.accountManager)
        patched.contacts = facts.contacts ?? (reader.isNull("contacts") ? [] : district.contacts)
        patched.cleverID = facts.cleverID ?? district.cleverID
        patched.state = facts.state ?? (reader.isNull("state") ? nil : district.state)
        if let timeZone = facts.timeZone {
            patched.timeZone = timeZone
            patched.timeZoneSource = .given
        } else if reader.isNull("time_zone") || (district.timeZoneSource == .assumed && patched.state != district.state)
        {
            patched.timeZone = patched.state?.mostPopulousTimeZone ?? IANATimeZone.fallback
            patched.timeZoneSource = .assumed
        }
        if reader.isNull("license") {
            patched.license = License()
        } else if let license = facts.license, let members = reader.object("license") {
            // A merge patch: what is left out of the license stays.
            if members.has("seats") { patched.license.seats = license.seats }
            if members.has("licensed_teachers") { patched.license.licensedTeachers = license.licensedTeachers }
        }
        return patched
    }

    /// `DELETE /v1/districts/{id}`: the district and all personal data about it go; the audit trail keeps its chain.
    static let erase: @Sendable (Change) async throws -> Answer = { change in
        let id = try change.call.id(of: "district")
        let locked = try await change.lockCase(districtID: id)
        try change.noInput()
        try change.checkVersion(locked.value.district.version)
        SharedData.erase(districtID: id, change.work)
        for statement in EraseDistrict.statements(id, cleverID: locked.value.district.cleverID) {
            change.transaction.execute(statement)
        }
        change.work.lockServiceChain()
        change.work.audit("district.erase")
        change.work.districtIDs = []
        return .noContent
    }
}

extension Work {
    /// A Clever id is given once, while there is none, and belongs to one district. Returns what was parked for it.
    /// - Throws: 409 `clever_id_taken`; nothing has been written then.
    func takeCleverID(_ cleverID: String, for district: District) async throws -> [ParkedDelivery] {
        let taken = Problem(
            status: 409, code: .cleverIDTaken,
            detail: district.cleverID == nil
                ? "Another district has this Clever id. Use that district."
                : "This district has the Clever id \(district.cleverID ?? "") already, and it cannot be changed.")
        guard district.cleverID == nil else { throw taken }
        let rows = try await transaction.query(all: [
            Query("case.lock_clever_id", "SELECT pg_advisory_xact_lock(hashtextextended(\(cleverID), 1))"),
            Query("district.by_clever_id", "SELECT id FROM district WHERE clever_id = \(cleverID)"),
            ParkedDelivery.query("\(cleverID)"),
        ])
        if !rows[1].isEmpty { throw taken }
        return ParkedDelivery.read(rows[2])
    }
}
