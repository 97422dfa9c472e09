import Foundation
import Testing

@testable import Hallpass

// Hundreds of calls and callbacks about one district at once: whatever the order they come to, one legal state is left, and
// every mail was sent once.

@Suite("Races about one district")
struct RaceTests {
    private func atOnce(
        _ count: Int, _ body: @escaping @Sendable (Int) async throws -> TestClient.Answer
    ) async throws -> [TestClient.Answer] {
        let answers = try await withThrowingTaskGroup(of: TestClient.Answer.self) { group in
            for number in 0..<count { group.addTask { try await body(number) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for answer in answers where answer.status >= 500 { Issue.record("\(answer.status) \(answer.text)") }
        return answers
    }

    private func count(_ test: TestApplication, _ template: String) async throws -> Int {
        try await test.mails().filter { $0.hasPrefix(template + " ") }.count
    }

    @Test("requests by REST and by callback make one open request of each kind; hundreds of approvals make one e-mail")
    func asking() async throws {
        try await TestApplication.run { test in
            let made = try await atOnce(120) { number in
                let kind = number % 2 == 0 ? "sso" : "rostering"
                if number % 3 > 0 { return try await test.client().post("/v1/requests", TestApplication.ask(kind)) }
                return try await test.callback(
                    Callback.wish("created", kind, id: "x-\(number)").body, id: "wh-\(number)")
            }
            #expect(made.filter { $0.status == 201 }.count <= 2)
            let open = try await test.client().get("/v1/requests?state=pending")
            #expect(Set(open.data.compactMap { $0["kind"]?.string }) == ["sso", "rostering"] && open.data.count == 2)
            #expect(try await test.client().get("/v1/districts").data.count == 1)
            #expect(try await count(test, "new_request") == 2)
            let district = open.data[0]["district"]?["id"]?.string ?? ""
            let ids = open.ids
            let approved = try await atOnce(150) { number in
                switch number % 3 {
                case 0: try await test.client().post("/v1/districts/\(district)/approve")
                case 1: try await test.client().post("/v1/requests/\(ids[0])/approve", #"{"with_pair":true}"#)
                default: try await test.client().post("/v1/requests/\(ids[1])/approve", #"{"with_pair":true}"#)
                }
            }
            #expect(approved.filter { $0.status == 200 }.count == 1)
            #expect(approved.filter { $0.status == 409 }.count == 149)
            #expect(try await count(test, "approved") == 1)
            for id in ids {
                let request = try await test.client().get("/v1/requests/\(id)")
                #expect(request.state == "approved" && request["awaiting"] == .null)
            }
            #expect(try await test.auditFault() == nil)
        }
    }

    @Test("sharing, configuring, launching, ending: each happens once or not at all, and the end is legal")
    func ending() async throws {
        try await TestApplication.run { test in
            let sso = try await test.request("sso", in: "approved")
            let rostering = try await test.create("rostering")
            _ = try await test.client().post("/v1/requests/\(rostering)/approve")
            _ = try await atOnce(80) { number in
                let kind = number % 2 == 0 ? "sso" : "rostering"
                if number % 4 < 2 {
                    return try await test.callback(Callback.sharing("created", kind).body, id: "share-\(number)")
                }
                let id = kind == "sso" ? sso : rostering
                return try await test.client().post(
                    "/v1/requests/\(id)/share", #"{"method":"sections","rules":["s1"]}"#)
            }
            #expect(try await count(test, "setup_completed") == 2)
            _ = try await atOnce(120) { number in
                let client = test.client()
                switch number % 6 {
                case 0:
                    return try await client.post("/v1/requests/\(rostering)/configure", #"{"complete_checklist":true}"#)
                case 1: return try await client.post("/v1/requests/\(sso)/disconnect", #"{"reason":"over"}"#)
                case 2: return try await client.post("/v1/requests/\(rostering)/reopen", #"{"reason":"again"}"#)
                case 3:
                    return try await client.put(
                        "/v1/requests/\(rostering)/checklist/data_reviewed", #"{"status":"done"}"#)
                case 4: return try await client.post("/v1/requests", TestApplication.ask("sso"))
                default: return try await test.callback(Callback.unshared("rostering").body, id: "unshare-\(number)")
                }
            }
            let client = test.client()
            let ended = try await client.get("/v1/requests/\(sso)")
            #expect(ended.state == "disconnected")
            let next = try await client.get("/v1/requests?kind=sso&state=pending").data
            #expect(next.count == 1 && next[0]["attempt"]?.integer == 2)
            let other = try await client.get("/v1/requests/\(rostering)")
            #expect(["approved", "shared", "configured"].contains(other.state) && other["awaiting"]?.string == "sso")
            #expect((other.state == "configured") == (other["configured_at"] != .null))
            #expect((other.state == "approved") == (other["sharing"] == .null))
            for (action, template) in [("configure", "configured"), ("disconnect", nil as String?)] {
                let entries = try await client.get("/v1/audit?action=request.\(action)&limit=500").data.count
                if let template { #expect(try await count(test, template) == entries) } else { #expect(entries == 1) }
            }
            #expect(try await test.auditFault() == nil)
        }
    }
}
