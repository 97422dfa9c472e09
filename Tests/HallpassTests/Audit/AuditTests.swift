import Testing

@testable import Hallpass

@Suite("GET /v1/audit")
struct AuditTests {
    @Test("says who, what, when, from where, before and after: only the members that changed")
    func entries() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let id = try await test.create("sso", date: #""2026-12-01""#)
            test.clock.advance(seconds: 60)
            _ = try await test.client(.manager).post(
                "/v1/requests/\(id)/approve", #"{"message":"Hi"}"#, ["X-Request-Id": "trace-7"])
            let entry = try #require(try await client.get("/v1/audit?action=request.approve").data.first)
            #expect(entry["at"]?.string == "2026-11-23T18:01:00.000Z" && entry["actor"]?.string == "manager")
            #expect(entry["actor_role"]?.string == "manager" && entry["http_request_id"]?.string == "trace-7")
            #expect(entry["request_id"]?.string == id && entry["district_id"]?.string != nil)
            #expect(entry["before"]?["state"]?.string == "pending" && entry["after"]?["state"]?.string == "approved")
            for side in ["before", "after"] {
                guard case .object(let members)? = entry[side] else { Issue.record("no \(side)"); continue }
                #expect(Set(members.map(\.name)) == ["state", "decision"])
            }
            let hash = entry["hash"]?.string ?? ""
            #expect(hash.utf8.count == 64 && hash.allSatisfy(\.isHexDigit))
            let created = try #require(try await client.get("/v1/audit?action=request.create").data.first)
            #expect(created["before"] == .null && created["after"]?["requester"]?["name"]?.string == "Lee Park")
            let patched = try await client.patch("/v1/requests/\(id)", #"{"message":"m"}"#)
            #expect(patched.status == 200)
            let amend = try #require(try await client.get("/v1/audit?action=request.amend").data.first)
            #expect(amend["before"]?.text == #"{"message":null}"# && amend["after"]?.text == #"{"message":"m"}"#)
        }
    }

    @Test("filters by actor, action, request and time, newest first; since is inclusive")
    func filters() async throws {
        try await TestApplication.run { test in
            let client = test.client(.viewer)
            let id = try await test.request("sso", in: "shared", date: #""2026-12-01""#)
            test.clock.set("2026-12-01T08:00:00.000Z")
            _ = try await test.launches.turn()
            _ = try await test.callback(Callback.unshared("sso").body, id: "w1")
            let all = try await client.get("/v1/audit?limit=500").data
            let times = all.compactMap { $0["at"]?.string }
            #expect(times == times.sorted(by: >) && Set(all.compactMap { $0["id"]?.string }).count == all.count)
            let ofRequest = try await client.get("/v1/audit?request_id=\(id)").data
            #expect(
                ofRequest.compactMap { $0["action"]?.string } == [
                    "request.unshare", "request.launch", "request.share", "request.approve", "request.create",
                ])
            let delivery = try await client.get("/v1/webhook-deliveries").ids[0]
            #expect(try await client.get("/v1/audit?actor=webhook:\(delivery)&request_id=\(id)").data == [ofRequest[0]])
            #expect(try await client.get("/v1/audit?actor=service&action=request.launch").data == [ofRequest[1]])
            #expect(
                try await client.get("/v1/audit?request_id=\(id)&since=2026-12-01T08:00:00.000Z").data
                    == Array(ofRequest.prefix(2)))
            #expect(try await client.get("/v1/audit?request_id=\(id)&since=2026-12-01T08:00:00.001Z").data == [])
            #expect(try await client.get("/v1/audit?request_id=\(id)&since=2026-12-01T00:00:00-08:00").data.count == 2)
            var paged: [JSONValue] = []
            var cursor = ""
            repeat {
                let page = try await client.get("/v1/audit?limit=2\(cursor)")
                paged += page.data
                cursor = page["next_cursor"]?.string.map { "&cursor=\($0)" } ?? ""
            } while !cursor.isEmpty
            #expect(paged == all)
            expect(
                try await client.get("/v1/audit?since=now&request_id=7&actr=x"), is: 422, "invalid",
                at: ["?request_id", "?since", "?actr"])
        }
    }
}
