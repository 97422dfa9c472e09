import Foundation
import Integrations
import Postgres
import Testing

@testable import Hallpass

/// Every form of the list's statement beside a plain reading of the filters, and the facets beside the schema.
@Suite("GET /v1/requests in every form")
struct ListFormsTests {
    /// What a row is, as the filters see it.
    private struct Made: Sendable {
        var id: String
        var facet: RequestFacet
        var manager: String?
        var date: String?
        var createdAt: Int
        var updatedAt: Int
        var search: String
    }

    /// Requests of every facet, with managers, dates and instants that many share.
    private func fill(_ test: TestApplication) async throws -> [Made] {
        var generator = SystemRandomNumberGenerator()
        var made: [Made] = []
        for (number, facet) in (RequestFacet.all + RequestFacet.all + RequestFacet.all).shuffled().enumerated() {
            let id = UUID()
            let manager = [nil, "amy@x.example", "bo@x.example"].randomElement(using: &generator) ?? nil
            let date = Self.date(number)
            let (created, updated) = (number / 3, number + Int.random(in: 0...4) / 2)
            let name = "\(number % 40 == 7 ? "rare" : "common") district \(number)"
            try await insert(
                id, facet, manager: manager, date: date, created: created, updated: updated, name: name, test)
            made.append(
                Made(
                    id: Identifier.format(id), facet: facet, manager: manager, date: date, createdAt: created,
                    updatedAt: updated, search: "\(name)\nlee park\nlee@x.example"))
        }
        return made
    }

    /// Three days that many share, and more days of one request each than are merged day by day.
    private static func date(_ number: Int) -> String? {
        switch number % 5 {
        case 0: nil
        case 1, 2: "2026-12-0\(Int.random(in: 1...3))"
        default: "20\(27 + number / 12)-\(10 + number % 3)-\(10 + number % 12)"
        }
    }

    private func insert(
        _ id: UUID, _ facet: RequestFacet, manager: String?, date: String?, created: Int, updated: Int, name: String,
        _ test: TestApplication
    ) async throws {
        let start = test.clock.now
        let (created, updated) = (start + TimeInterval(created), start + TimeInterval(updated))
        let ended: Date? = facet.state.isEnded ? updated : nil
        let launched: Date? = facet.launchStatus == .launched ? updated : nil
        try await test.sql(
            """
            WITH d AS (
                INSERT INTO district (id, name, type, time_zone, time_zone_source, account_manager, search, created_at, updated_at)
                VALUES (\(UUID()), \(name), 'district', 'UTC', 'given', \(manager), \(name), \(created), \(created))
                RETURNING id
            )
            INSERT INTO request (id, district_id, kind, attempt, state, awaiting, requester_name, requester_email, source,
                launch_date, launch_at, launch_status, launched_at, sharing_method, sharing_completed_at, sharing_source,
                checklist, decision_at, configured_at, account_manager, search, ended_at, created_at, updated_at)
            SELECT \(id), id, \(facet.kind.rawValue), 1, \(facet.state.rawValue), \(facet.isAwaiting ? "sso" : nil),
                'Lee Park', 'lee@x.example', 'api', (\(date)::text)::date, (\(date)::text)::date, \(facet.launchStatus.rawValue),
                \(launched), 'district', \(updated), 'manual', '[]', \(updated), \(updated), \(manager),
                \("\(name)\nlee park\nlee@x.example"), \(ended), \(created), \(updated)
            FROM d
            """)
    }

    private static let filters: [(String, @Sendable (Made) -> Bool)] = [
        ("", { _ in true }),
        ("state=pending", { $0.facet.state == .pending }),
        ("state=configured,shared,declined", { [.configured, .shared, .declined].contains($0.facet.state) }),
        ("kind=sso", { $0.facet.kind == .sso }),
        ("awaiting=sso", { $0.facet.isAwaiting }),
        ("awaiting=none", { !$0.facet.isAwaiting }),
        ("kind=sso&awaiting=sso", { _ in false }),
        ("launch_status=scheduled", { $0.facet.launchStatus == .scheduled }),
        (
            "kind=rostering&state=approved,configured&awaiting=none&launch_status=launched",
            {
                $0.facet
                    == RequestFacet(kind: .rostering, state: .configured, launchStatus: .launched, isAwaiting: false)
            }
        ),
        ("account_manager=amy@x.example", { $0.manager == "amy@x.example" }),
        (
            "account_manager=bo@x.example&kind=rostering",
            { $0.manager == "bo@x.example" && $0.facet.kind == .rostering }
        ),
        ("launch_before=2026-12-03", { ($0.date ?? "9") < "2026-12-03" }),
        ("launch_after=2026-12-01&launch_before=2026-12-04", { ["2026-12-02", "2026-12-03"].contains($0.date) }),
        ("launch_after=2026-12-02", { ($0.date ?? "0") > "2026-12-02" }),
        ("launch_before=2027-01-01", { ($0.date ?? "9") < "2027-01-01" }),
        ("launch_before=2026-12-01", { _ in false }),
        ("launch_after=2026-12-02&kind=sso", { ($0.date ?? "0") > "2026-12-02" && $0.facet.kind == .sso }),
        ("updated_after=2026-11-23T18:00:40Z", { $0.updatedAt > 40 }),
        ("q=common", { $0.search.contains("common") }),
        ("q=rare", { $0.search.contains("rare") }),
        ("q=7", { $0.search.contains("7") }),
        ("q=zq", { _ in false }),
        ("q=district%2011&launch_after=2026-11-01", { $0.search.contains("district 11") && $0.date != nil }),
        ("q=common&state=pending", { $0.search.contains("common") && $0.facet.state == .pending }),
        ("q=rare&account_manager=amy@x.example", { $0.search.contains("rare") && $0.manager == "amy@x.example" }),
    ]

    private static let sorts: [(String, @Sendable (Made, Made) -> Bool)] = [
        ("-created_at", { ($0.createdAt, $0.id) > ($1.createdAt, $1.id) }),
        ("created_at", { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }),
        ("launch_date", { ($0.date ?? "9", $0.id) < ($1.date ?? "9", $1.id) }),
        ("-updated_at", { ($0.updatedAt, $0.id) > ($1.updatedAt, $1.id) }),
    ]

    @Test("every filter with every sort shows what it says, in order, page by page")
    func forms() async throws {
        try await TestApplication.run { test in
            let made = try await fill(test)
            let days: Int64 = try await test.sql(
                "SELECT count(DISTINCT launch_date) FROM request WHERE launch_date > '2026-12-02'")[0].get(0)
            #expect(days > 32, "too few to be more than few days")
            let client = test.client(.viewer)
            for (filter, isMeant) in Self.filters {
                for (sort, isBefore) in Self.sorts {
                    let expected = made.filter(isMeant).sorted(by: isBefore).map(\.id)
                    var seen: [String] = []
                    var target = "/v1/requests?\(filter)&sort=\(sort)&limit=19"
                    while true {
                        let page = try await client.get(target)
                        try #require(page.status == 200, "\(target): \(page.text)")
                        seen += page.ids
                        guard let next = page["next_cursor"]?.string else { break }
                        target = "/v1/requests?\(filter)&sort=\(sort)&limit=19&cursor=\(next)"
                    }
                    #expect(seen == expected, "\(filter) \(sort)")
                }
                let export = try await client.send(
                    "GET", "/v1/requests?\(filter)", ["Accept": "application/x-ndjson"])
                #expect(
                    export.text.split(separator: "\n").count == made.filter(isMeant).count, "\(filter) exported")
            }
        }
    }

    @Test("the schema lets in exactly the facets that are listed, under their numbers")
    func facets() async throws {
        try await TestApplication.run { test in
            var letIn: Set<RequestFacet> = []
            for kind in Kind.allCases {
                for state in RequestState.allCases {
                    for launchStatus in LaunchStatus.allCases {
                        for isAwaiting in [false, true] {
                            let facet = RequestFacet(
                                kind: kind, state: state, launchStatus: launchStatus, isAwaiting: isAwaiting)
                            let id = UUID()
                            do {
                                try await insert(
                                    id, facet, manager: nil, date: nil, created: 0, updated: 0, name: "d", test)
                                letIn.insert(facet)
                            } catch {
                                continue
                            }
                            let number: Int32 = try await test.sql("SELECT facet FROM request WHERE id = \(id)")[0].get(
                                0)
                            #expect(number == facet.number, "\(facet)")
                        }
                    }
                }
            }
            #expect(letIn == Set(RequestFacet.all))
            #expect(Set(RequestFacet.all.map(\.number)).count == RequestFacet.all.count)
        }
    }
}
