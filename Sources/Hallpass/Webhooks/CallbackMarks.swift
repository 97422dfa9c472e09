import Foundation
import Postgres

/// What callbacks have left about the thing an event speaks of, read under the lock on that thing.
struct CallbackMarks: Sendable {
    /// The request that callbacks made under an external id, whichever its district and state.
    struct ExistingRequest: Sendable {
        var id: UUID
        var districtID: UUID
    }

    var clock: CallbackClock?
    var existing: ExistingRequest?
    /// The Clever id of the district of `existing`, or of a delivery that is parked under the external id.
    var cleverID: String?

    static let queryCount = 3

    static func queries(subject: String, externalID: String?) -> [Query] {
        [
            Query("callback.lock", "SELECT pg_advisory_xact_lock(hashtextextended(\(subject), 3))"),
            Query("callback.clock", "SELECT created, deleted FROM callback_clock WHERE subject = \(subject)"),
            Query(
                "callback.request",
                """
                SELECT r.id, r.district_id, d.clever_id FROM request r JOIN district d ON d.id = r.district_id
                WHERE r.external_id = \(externalID) AND r.source = 'webhook'
                UNION ALL
                (SELECT NULL, NULL, clever_district_id FROM webhook_delivery
                WHERE status = 'parked' AND external_id = \(externalID) AND clever_district_id IS NOT NULL
                ORDER BY created DESC, id DESC LIMIT 1)
                LIMIT 1
                """),
        ]
    }

    /// - Parameter rows: the answers to `queries`.
    init(_ rows: some RandomAccessCollection<Rows>) throws {
        let rows = Array(rows)
        clock = try rows[1].first.map { CallbackClock(created: try $0.get(0), isDeleted: try $0.get(1)) }
        guard let row = rows[2].first else { return }
        cleverID = try row.get(2)
        if let id = try row.get(0, as: UUID?.self), let districtID = try row.get(1, as: UUID?.self) {
            existing = ExistingRequest(id: id, districtID: districtID)
        }
    }
}
