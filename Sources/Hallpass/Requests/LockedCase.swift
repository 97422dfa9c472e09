import Foundation
import Integrations
import Postgres

// A district with its requests, its row locked: what every change loads, decides on and writes. The district's row is
// locked by one statement and the requests are read by the next, so under READ COMMITTED the second sees what the holder
// of the lock before us has committed. Both travel in one round trip.

struct LockedCase {
    /// The case as it has been decided on in this transaction.
    var value: DistrictCase
    /// As it was read or last written, nil for a district that this transaction makes.
    var stored: DistrictCase?
    /// What is to be written with the difference between the two.
    var effects: [Effect] = []
    /// Deliveries that wait for something to become possible, oldest first.
    var parked: [ParkedDelivery] = []
    /// The highest attempt so far, by kind.
    var attempts: [Kind: Int] = [:]
    /// The newest request of a kind that has ended, where none is open: its id.
    var lastEnded: [Kind: UUID] = [:]

    func nextAttempt(_ kind: Kind) -> Int { (attempts[kind] ?? 0) + 1 }

    /// Decides a command; nothing is written yet. Returns the requests that it was carried out on, the addressed first.
    @discardableResult
    mutating func decide(_ command: Command, on requestID: UUID?, for work: Work) throws(Refusal) -> [UUID] {
        let outcome = try value.apply(command, to: requestID, by: work.author.name, at: work.now)
        value = outcome.districtCase
        effects += outcome.effects
        return outcome.decided
    }
}

extension Work {
    /// The statements that lock and read a case; `read` makes the case of their answers.
    enum CaseKey {
        case request(UUID)
        case district(UUID)
        case cleverID(String)
    }

    static func caseQueries(_ key: CaseKey) -> [Query] {
        switch key {
        case .request(let id):
            [
                Query(
                    "case.lock_by_request",
                    """
                    SELECT \(DistrictRows.columns) FROM district d JOIN request r ON r.district_id = d.id
                    WHERE r.id = \(id) FOR NO KEY UPDATE OF d
                    """),
                Query(
                    "case.requests_by_request",
                    """
                    SELECT \(RequestRows.columns) FROM request r
                    WHERE r.district_id = (SELECT district_id FROM request WHERE id = \(id)) ORDER BY r.kind, r.attempt
                    """),
                ParkedDelivery.query(
                    "(SELECT d.clever_id FROM district d JOIN request r ON r.district_id = d.id WHERE r.id = \(id))"),
            ]
        case .district(let id):
            [
                Query(
                    "case.lock_by_district",
                    "SELECT \(DistrictRows.columns) FROM district d WHERE d.id = \(id) FOR NO KEY UPDATE OF d"),
                Query(
                    "case.requests_by_district",
                    "SELECT \(RequestRows.columns) FROM request r WHERE r.district_id = \(id) ORDER BY r.kind, r.attempt"
                ),
                ParkedDelivery.query("(SELECT clever_id FROM district WHERE id = \(id))"),
            ]
        case .cleverID(let cleverID):
            [
                Query("case.lock_clever_id", "SELECT pg_advisory_xact_lock(hashtextextended(\(cleverID), 1))"),
                Query(
                    "case.lock_by_clever_id",
                    "SELECT \(DistrictRows.columns) FROM district d WHERE d.clever_id = \(cleverID) FOR NO KEY UPDATE OF d"
                ),
                Query(
                    "case.requests_by_clever_id",
                    """
                    SELECT \(RequestRows.columns) FROM request r
                    WHERE r.district_id = (SELECT id FROM district WHERE clever_id = \(cleverID)) ORDER BY r.kind, r.attempt
                    """),
                ParkedDelivery.query("\(cleverID)"),
            ]
        }
    }

    /// The case of the rows that `caseQueries` answered with; nil when there is no such district.
    func readCase(_ rows: some RandomAccessCollection<Rows>) throws -> LockedCase? {
        let rows = Array(rows.suffix(3))
        guard let row = rows[0].first else { return nil }
        let district = try DistrictRows.value(row)
        var requests: [IntegrationRequest] = []
        var attempts: [Kind: Int] = [:]
        var lastEnded: [Kind: UUID] = [:]
        for row in rows[1] {
            let request = try RequestRows.value(row)
            attempts[request.kind] = request.attempt
            lastEnded[request.kind] = request.state.isOpen ? nil : request.id
            requests.append(request)
        }
        districtIDs.insert(district.id)
        let value = DistrictCase(district: district, requests: requests)
        return LockedCase(
            value: value, stored: value, parked: ParkedDelivery.read(rows[2]), attempts: attempts,
            lastEnded: lastEnded)
    }
}

extension Change {
    /// The case of a request, locked. - Throws: 404.
    func lockCase(requestID: UUID) async throws -> LockedCase {
        let rows = try await load(Work.caseQueries(.request(requestID)))
        guard let locked = try work.readCase(rows) else { throw Problem.notFound("request") }
        return locked
    }

    /// The case of a district, locked. - Throws: 404.
    func lockCase(districtID: UUID) async throws -> LockedCase {
        let rows = try await load(Work.caseQueries(.district(districtID)))
        guard let locked = try work.readCase(rows) else { throw Problem.notFound("district") }
        return locked
    }
}
