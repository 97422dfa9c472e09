import Foundation
import Integrations
import Postgres

/// `GET /v1/summary`: what waits, what is late, what comes.
enum GetSummary {
    static let run: @Sendable (Call) async throws -> Answer = { call in
        try call.refuseQuery()
        let now = call.now
        let week = now.addingTimeInterval(7 * 86_400)
        let month = now.addingTimeInterval(30 * 86_400)
        let answers = try await call.read(all: [
            Query("summary.counts", "SELECT kind, state, count(*) FROM request GROUP BY kind, state"),
            Query(
                "summary.oldest",
                """
                SELECT r.id, r.created_at FROM unnest(\(RequestFacet.undecided.map(\.number))) f (facet)
                CROSS JOIN LATERAL (
                    SELECT id, created_at FROM request r WHERE r.facet = f.facet ORDER BY created_at, id LIMIT 1
                ) r ORDER BY r.created_at, r.id LIMIT 1
                """),
            Query(
                "summary.launching",
                """
                SELECT count(*) FILTER (WHERE launch_at <= \(week)), count(*) FILTER (WHERE launch_at <= \(month)),
                    count(*) FILTER (WHERE launch_at <= \(month) AND state <> 'configured')
                FROM request WHERE launch_status <> 'launched' AND launch_at > \(now) AND launch_at <= \(month)
                    AND state IN ('approved', 'shared', 'configured')
                """),
            Query(
                "summary.trouble",
                """
                SELECT (SELECT count(*) FROM email WHERE status = 'failed'),
                    (SELECT count(*) FROM webhook_delivery WHERE status = 'parked')
                """),
        ])
        var counts: [String: Int] = [:]
        for row in answers[0] {
            counts["\(try row.get(0, as: String.self)).\(try row.get(1, as: String.self))"] = try row.get(
                2, as: Int.self)
        }
        let oldest = try answers[1].first.map { (id: try $0.get(0, as: UUID.self), at: try $0.get(1, as: Date.self)) }
        let launching = try (0..<3).map { try answers[2][0].get($0, as: Int.self) }
        let trouble = try (0..<2).map { try answers[3][0].get($0, as: Int.self) }
        return .json { writer in
            writer.object { writer in
                writer.member(
                    "counts",
                    object: { writer in
                        for kind in Kind.allCases {
                            writer.name(dynamic: kind.rawValue)
                            writer.object { writer in
                                for state in RequestState.allCases {
                                    writer.name(dynamic: state.rawValue)
                                    writer.integer(counts["\(kind.rawValue).\(state.rawValue)"] ?? 0)
                                }
                            }
                        }
                    })
                if let oldest {
                    writer.member(
                        "oldest_undecided",
                        object: { writer in
                            writer.member("id", Identifier.format(oldest.id))
                            writer.member("age_seconds", max(0, Int(now.timeIntervalSince(oldest.at))))
                        })
                } else {
                    writer.member("oldest_undecided", .null)
                }
                writer.member(
                    "launching",
                    object: { writer in
                        writer.member("7_days", launching[0])
                        writer.member("30_days", launching[1])
                    })
                writer.member("launching_not_configured", launching[2])
                writer.member("failed_emails", trouble[0])
                writer.member("parked_deliveries", trouble[1])
            }
        }
    }
}
