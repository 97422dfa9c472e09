import Foundation
import Postgres
import Testing

@testable import Hallpass

@Suite("Callbacks in any order")
struct CallbackPermutationTests {
    /// The story's callbacks for one district, each with a `created` of its own.
    static func story(_ district: String) -> [Callback] {
        [
            .wish("created", "sso", id: "sso-\(district)", district: district, date: #""2026-12-01""#),
            .wish("created", "rostering", id: "rostering-\(district)", district: district).at("2026-11-23T17:01:00Z"),
            Callback.sharing("created", "sso", district: district).at("2026-11-23T17:02:00Z"),
            Callback.sharing("created", "rostering", district: district, rules: #"["s2"]"#).at("2026-11-23T17:03:00Z"),
            Callback.district(#","name":"Demo Unified","state":"running""#, id: district).at("2026-11-23T17:04:00Z"),
        ]
    }

    static func permutations(_ items: [Int]) -> [[Int]] {
        guard items.count > 1 else { return [items] }
        return items.indices.flatMap { index in
            var rest = items
            let first = rest.remove(at: index)
            return permutations(rest).map { [first] + $0 }
        }
    }

    /// What is the same for all orders: the requests without what names them or counts the steps, the district, the mails,
    /// and what became of the deliveries.
    static func outcome(_ district: String, _ test: TestApplication) async throws -> [String] {
        var lines: [String] = []
        for row in try await test.sql(
            """
            SELECT d.name || ' ' || r.kind || ' ' || r.attempt || ' ' || r.state || ' ' || coalesce(r.awaiting, '-') || ' '
                || coalesce(r.sharing_method, '-') || ' ' || coalesce(r.sharing_rules::text, '-') || ' '
                || coalesce(r.launch_date::text, '-') || ' ' || r.launch_status || ' ' || coalesce(d.clever::text, '-')
            FROM request r JOIN district d ON d.id = r.district_id WHERE d.clever_id = \(district) ORDER BY r.kind
            """)
        { lines.append(try row.get(0)) }
        for row in try await test.sql(
            """
            SELECT e.template || ' ' || e.recipient || ' ' || (
                SELECT string_agg(r.kind, '+' ORDER BY r.kind) FROM request r WHERE r.id = ANY (e.request_ids))
            FROM email e JOIN district d ON d.id = e.district_id WHERE d.clever_id = \(district) ORDER BY 1
            """)
        { lines.append(try row.get(0)) }
        for row in try await test.sql(
            """
            SELECT type || coalesce(' ' || kind, '') || ' ' || status FROM webhook_delivery
            WHERE clever_district_id = \(district) ORDER BY 1
            """)
        { lines.append(try row.get(0)) }
        return lines
    }

    static let expected = [
        #"Demo Unified rostering 1 shared - sections ["s2"] - launched {"state": "running"}"#,
        #"Demo Unified sso 1 shared - sections ["s1"] 2026-12-01 scheduled {"state": "running"}"#,
        "approved lee@demo.k12.ca.us rostering+sso", "new_request amy@vendor.example rostering",
        "new_request amy@vendor.example sso", "setup_completed amy@vendor.example rostering",
        "setup_completed amy@vendor.example sso", "districts.updated processed",
        "integration_requests.created rostering processed", "integration_requests.created sso processed",
        "sharing_permissions.created rostering processed", "sharing_permissions.created sso processed",
    ]

    @Test(
        "all 120 orders of the story's callbacks, each sent twice, end in the same state with the same mails, each once"
    )
    func story() async throws {
        try await TestApplication.run { test in
            let orders = Self.permutations(Array(0..<5))
            #expect(orders.count == 120)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, order) in orders.enumerated() {
                    if number >= 8 { try await group.next() }
                    group.addTask {
                        let district = "d\(number)"
                        let story = Self.story(district)
                        for index in order {
                            let first = try await test.send(story[index], id: "\(district)-\(index)")
                            #expect(first == "processed" || first == "parked", "\(order): \(first)")
                            let again = try await test.send(story[index], id: "\(district)-\(index)")
                            #expect(again == "duplicate", "\(order): \(again)")
                        }
                        let id = try await test.sql("SELECT id::text FROM district WHERE clever_id = \(district)")[0]
                            .get(0, as: String.self)
                        let approved = try await test.client().post("/v1/districts/\(id)/approve")
                        #expect(approved.status == 200, "\(order): \(approved.text)")
                        for index in order {
                            let again = try await test.send(story[index], id: "\(district)-\(index)")
                            #expect(again == "duplicate", "\(order): \(again)")
                        }
                        let outcome = try await Self.outcome(district, test)
                        #expect(outcome == Self.expected, "\(order)")
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await VerifyAudit.run(test.application.database).fault == nil)
        }
    }

    /// Changes of one thing each, where the newest `created` decides: two wizards' rules, two wishes, two sync reports.
    static func changes(_ district: String) -> [Callback] {
        [
            Callback.sharing("updated", "sso", district: district, rules: #"["old"]"#).at("2026-11-23T17:10:00Z"),
            Callback.sharing("updated", "sso", district: district, rules: #"["new"]"#).at("2026-11-23T17:11:00Z"),
            Callback.wish("updated", "sso", id: "sso-\(district)", district: district, message: #""old""#)
                .at("2026-11-23T17:12:00Z"),
            Callback.wish("updated", "sso", id: "sso-\(district)", district: district, message: #""new""#)
                .at("2026-11-23T17:13:00Z"),
            Callback.district(#","name":"Old""#, id: district).at("2026-11-23T17:14:00Z"),
            Callback.district(#","name":"New","launch_date":"2026-12-20""#, id: district).at("2026-11-23T17:15:00Z"),
        ]
    }

    @Test("of changes of the same thing the newest holds, in whichever order they come")
    func newest() async throws {
        try await TestApplication.run { test in
            var orders = Self.permutations(Array(0..<6))
            orders.shuffle()
            for (number, order) in orders.prefix(12).enumerated() {
                let district = "d\(number)"
                try await test.send(.wish("created", "sso", id: "sso-\(district)", district: district))
                try await test.act("approve", "sso", "{}", district)
                let changes = Self.changes(district)
                for index in order { try await test.send(changes[index]) }
                let sso = try await test.request("sso", district)
                #expect(sso[path: "sharing.rules.0"]?.string == "new", "\(order)")
                #expect(sso["message"]?.string == "new", "\(order)")
                #expect(sso[path: "district.name"]?.string == "New", "\(order)")
                #expect(sso["state"]?.string == "shared", "\(order)")
            }
        }
    }

    @Test("wishes that compete for one place end the same in all orders, when the open one ends")
    func competing() async throws {
        try await TestApplication.run { test in
            for (number, order) in Self.permutations(Array(0..<4)).enumerated() {
                let district = "d\(number)"
                let wishes = (0..<4).map { index in
                    Callback.wish("created", "sso", id: "\(district)-\(index)", district: district)
                        .at("2026-11-23T17:0\(index):00Z")
                }
                _ = try await test.create("sso", cleverID: district)
                for index in order { #expect(try await test.send(wishes[index]) == "parked") }
                try await test.act("withdraw", "sso", "{}", district)
                let open = try await test.request("sso", district)
                #expect(open["external_id"]?.string == "\(district)-3" && open["attempt"]?.integer == 2, "\(order)")
            }
            let counts = try await test.sql("SELECT status, count(*) FROM webhook_delivery GROUP BY 1 ORDER BY 1")
            #expect(
                try counts.map { "\(try $0.get(0, as: String.self)) \(try $0.get(1, as: Int.self))" } == [
                    "processed 24", "superseded 72",
                ])
        }
    }
}
