import Testing

@testable import Hallpass

// What every action on one request has in common, action by action: it works, the wrong role, a bad id, a missing id, the
// wrong method, repeated, a stale version; then the table of API §2 over HTTP.

@Suite("Actions on a request")
struct RequestActionTests {
    struct Action: Sendable, CustomTestStringConvertible {
        var name: String
        var body: String
        var role: Role
        var from: String
        /// The state after; nil leaves it.
        var to: String?
        /// What it sends, without `approved` and `setup_completed` of the way there.
        var mail: String?
        var testDescription: String { name }
    }

    static let actions: [Action] = [
        Action(
            name: "approve", body: "{}", role: .manager, from: "pending", to: "approved",
            mail: "approved lee@demo.k12.ca.us"),
        Action(
            name: "decline", body: #"{"reason":"No contract."}"#, role: .manager, from: "pending", to: "declined",
            mail: "declined lee@demo.k12.ca.us"),
        Action(
            name: "request-info", body: #"{"message":"Which schools?"}"#, role: .manager, from: "pending",
            to: "needs_info",
            mail: "info_requested lee@demo.k12.ca.us"),
        Action(
            name: "provide-info", body: #"{"message":"All."}"#, role: .submitter, from: "needs_info", to: "pending",
            mail: "info_provided amy@vendor.example"),
        Action(
            name: "withdraw", body: "{}", role: .submitter, from: "pending", to: "withdrawn",
            mail: "withdrawn amy@vendor.example"),
        Action(
            name: "reschedule", body: #"{"launch_date":"2026-12-24"}"#, role: .manager, from: "approved", to: nil,
            mail: "rescheduled lee@demo.k12.ca.us"),
        Action(
            name: "share", body: #"{"method":"sections","rules":["s1"]}"#, role: .manager, from: "approved",
            to: "shared",
            mail: "setup_completed amy@vendor.example"),
        Action(
            name: "configure", body: #"{"complete_checklist":true}"#, role: .manager, from: "shared", to: "configured",
            mail: "configured lee@demo.k12.ca.us"),
        Action(
            name: "reopen", body: #"{"reason":"Wrong school."}"#, role: .manager, from: "configured", to: "shared",
            mail: nil),
        Action(
            name: "disconnect", body: #"{"reason":"Over."}"#, role: .manager, from: "configured", to: "disconnected",
            mail: nil),
    ]

    @Test(
        "each works from its state with the least role it needs, sends its mail, and raises the version by one",
        arguments: actions)
    func works(action: Action) async throws {
        try await TestApplication.run { test in
            let id = try await test.request("sso", in: action.from)
            let before = try await test.client().get("/v1/requests/\(id)")
            let mails = try await test.mails()
            test.clock.advance(seconds: 60)
            let path = "/v1/requests/\(id)/\(action.name)"
            let dry = try await test.client(action.role).post(path + "?dry_run=true", action.body)
            let answer = try await test.client(action.role).post(path, action.body)
            #expect(answer.status == 200, "\(answer.text)")
            #expect(answer.state == action.to ?? action.from)
            #expect(answer.version == (before.version ?? 0) + 1)
            #expect(answer.headerFields["etag"] == "\"\(answer.version ?? 0)\"")
            #expect(answer["updated_at"]?.string == "2026-11-23T18:01:00.000Z")
            #expect(try await test.client().get("/v1/requests/\(id)").json == answer.json)
            #expect(try await test.mails() == mails + [action.mail].compactMap { $0 })
            // The dry run said the same, and nothing came of it.
            #expect(dry.status == 200 && dry.state == answer.state && dry.version == answer.version)
            let promised = dry["would_send"]?.array?.map { "\($0["template"]?.string ?? "") \($0["to"]?.string ?? "")" }
            #expect(promised == [action.mail].compactMap { $0 })
            #expect(dry["would_send"]?.array?.allSatisfy { $0["subject"]?.string?.isEmpty == false } == true)
            let entries = try await test.client().get("/v1/audit?request_id=\(id)&limit=1").data
            #expect(entries.first?["action"]?.string == "request.\(action.name.replacing("-", with: "_"))")
            #expect(entries.first?["actor"]?.string == action.role.rawValue)
            #expect(try await test.auditFault() == nil)
        }
    }

    @Test(
        "each refuses a lesser role, unknown and malformed ids, other methods, stale versions, unknown members and parameters"
    )
    func refusals() async throws {
        try await TestApplication.run { test in
            let states = Set(Self.actions.map(\.from))
            var ids: [String: String] = [:]
            for state in states { ids[state] = try await test.request("sso", in: state, cleverID: "d-\(state)") }
            for action in Self.actions {
                let id = ids[action.from] ?? ""
                let path = "/v1/requests/\(id)/\(action.name)"
                let client = test.client(action.role)
                let before = try await test.client().get("/v1/requests/\(id)").json
                let lesser = Role.allCases.filter { $0 < action.role }
                for role in lesser { expect(try await test.client(role).post(path, action.body), is: 403, "forbidden") }
                expect(try await test.client(nil).post(path, action.body), is: 401, "unauthorized")
                expect(
                    try await client.post("/v1/requests/\(TestApplication.unknownID)/\(action.name)", action.body),
                    is: 404, "not_found")
                expect(try await client.post("/v1/requests/nope/\(action.name)", action.body), is: 404, "not_found")
                for method in ["GET", "PUT", "DELETE", "PATCH"] {
                    let wrong = try await client.send(method, path)
                    expect(wrong, is: 405, "method_not_allowed")
                    #expect(wrong.headerFields["allow"] == "OPTIONS, POST")
                }
                let stale = ["If-Match": "\"99\""]
                expect(try await client.send("POST", path, stale, Array(action.body.utf8)), is: 412, "stale_version")
                expect(try await client.post(path, #"{"colour":1}"#), is: 422, "invalid")
                let strange = try await client.post(path + "?colour=1&dry_run=maybe", action.body)
                expect(strange, is: 422, "invalid", at: ["?dry_run", "?colour"])
                expect(try await client.post(path, "[]"), is: 422, "invalid")
                expect(try await client.post(path, "{"), is: 400, "malformed_json")
                #expect(
                    try await test.client().get("/v1/requests/\(id)").json == before, "\(action.name) changed something"
                )
            }
        }
    }

    /// The actions that the table allows from each state; `reschedule` and `launch` come besides.
    static let allowed: [String: [String]] = [
        "pending": ["approve", "decline", "request-info", "withdraw"],
        "needs_info": ["provide-info", "approve", "decline", "withdraw"],
        "approved": ["share", "withdraw", "disconnect"], "shared": ["configure", "disconnect"],
        "configured": ["reopen", "disconnect"], "declined": [], "withdrawn": [], "disconnected": [],
    ]

    @Test(
        "from every state, every other action is refused with the state and what is allowed",
        arguments: TestApplication.states)
    func table(state: String) async throws {
        try await TestApplication.run { test in
            let id = try await test.request("sso", in: state, date: #""2026-12-01""#)
            let before = try await test.client().get("/v1/requests/\(id)").json
            let mails = try await test.mails()
            let allowed = try #require(Self.allowed[state])
            let besides = ["declined", "withdrawn", "disconnected"].contains(state) ? [] : ["reschedule"]
            for action in Self.actions where !(allowed + besides).contains(action.name) {
                let answer = try await test.client().post("/v1/requests/\(id)/\(action.name)", action.body)
                expect(answer, is: 409, "transition_not_allowed")
                #expect(answer["state"]?.string == state)
                #expect(answer["allowed"]?.array?.compactMap(\.string) == allowed)
            }
            if !["shared", "configured"].contains(state) {
                expect(try await test.client().post("/v1/requests/\(id)/launch"), is: 409, "transition_not_allowed")
            }
            if !["approved", "shared"].contains(state) {
                let item = try await test.client().put(
                    "/v1/requests/\(id)/checklist/data_reviewed", #"{"status":"done"}"#)
                expect(item, is: 409, "transition_not_allowed")
            }
            if ["declined", "withdrawn", "disconnected"].contains(state) {
                expect(
                    try await test.client().patch("/v1/requests/\(id)", #"{"message":"x"}"#), is: 409,
                    "transition_not_allowed")
            }
            #expect(try await test.client().get("/v1/requests/\(id)").json == before)
            #expect(try await test.mails() == mails)
        }
    }

    @Test("each required reason or message is required, bounded, and kept as it came")
    func prose() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            for action in Self.actions where action.body.contains("reason") || action.body.contains("message") {
                let name = action.body.contains("reason") ? "reason" : "message"
                let id = try await test.request("sso", in: action.from, cleverID: "p-\(action.name)")
                let path = "/v1/requests/\(id)/\(action.name)"
                expect(try await client.post(path), is: 422, "invalid", at: ["/\(name)"])
                expect(try await client.post(path, #"{"\#(name)":null}"#), is: 422, "invalid", at: ["/\(name)"])
                expect(try await client.post(path, #"{"\#(name)":""}"#), is: 422, "invalid", at: ["/\(name)"])
                let long = String(repeating: "é", count: 4001)
                expect(try await client.post(path, #"{"\#(name)":"\#(long)"}"#), is: 422, "invalid", at: ["/\(name)"])
                let limit = try await client.post(path, #"{"\#(name)":"\#(long.dropLast())"}"#)
                #expect(limit.status == 200, "\(limit.text)")
            }
        }
    }
}
