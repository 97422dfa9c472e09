import Foundation
import Postgres

// What goes with a district: its requests, snapshots, e-mails (queued ones are not sent), stored answers and the bodies of
// callbacks about it. What stays: `webhook-id`s, so that a callback that comes again is still a duplicate; idempotency
// keys, without their answer; audit entries, emptied of everything but `at`, `actor`, `action` and `hash`.

enum EraseDistrict {
    static func statements(_ id: UUID, cleverID: String?) -> [Query] {
        var statements: [Query] = [
            Query("erase.emails", "DELETE FROM email WHERE district_id = \(id)"),
            Query(
                "erase.digests",
                "DELETE FROM email WHERE district_id IS NULL AND mentioned_district_ids @> ARRAY[\(id)]::uuid[]"),
            Query(
                "erase.answers",
                """
                UPDATE idempotency_key SET erased = true, status = NULL, headers = NULL, body = NULL, district_ids = '{}'
                WHERE district_ids @> ARRAY[\(id)]::uuid[]
                """),
            Query(
                "erase.results",
                "UPDATE idempotency_result SET result = NULL, district_id = NULL WHERE district_id = \(id)"),
            Query(
                "erase.audit",
                """
                UPDATE audit_entry SET erased = true, actor_role = NULL, request_id = NULL, district_id = NULL, before = NULL,
                    after = NULL, http_request_id = NULL
                WHERE district_id = \(id)
                """),
            Query(
                "erase.deliveries",
                """
                UPDATE webhook_delivery SET body = NULL, detail = NULL, request_id = NULL, district_id = NULL,
                    external_id = NULL, clever_district_id = NULL, kind = NULL,
                    status = CASE WHEN status = 'parked' THEN 'superseded' ELSE status END
                WHERE district_id = \(id) OR request_id IN (SELECT id FROM request WHERE district_id = \(id))
                """),
        ]
        if let cleverID {
            statements += [
                Query(
                    "erase.deliveries_by_clever_id",
                    """
                    UPDATE webhook_delivery SET body = NULL, detail = NULL, request_id = NULL, district_id = NULL,
                        external_id = NULL, clever_district_id = NULL, kind = NULL,
                        status = CASE WHEN status = 'parked' THEN 'superseded' ELSE status END
                    WHERE clever_district_id = \(cleverID)
                    """),
                Query("erase.clocks", "DELETE FROM callback_clock WHERE clever_district_id = \(cleverID)"),
            ]
        }
        // Requests, timeline notes, snapshots and the comparison go by their foreign keys.
        statements.append(Query("erase.district", "DELETE FROM district WHERE id = \(id)"))
        return statements
    }
}
