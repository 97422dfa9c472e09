import Foundation
import Postgres
import Testing

@testable import Hallpass

@Suite("Bodies that are no events")
struct CallbackShapeTests {
    static func event(
        type: String = #""integration_requests.created""#, created: String = #""2026-11-23T17:00:00Z""#,
        data: String? = nil, id: String = #""e1""#, more: String = ""
    ) -> String {
        let data = data ?? #"{"object":\#(Callback.wish("created", "sso", id: "i1").object)}"#
        return #"{"id":\#(id),"type":\#(type),"created":\#(created),"data":\#(data)\#(more)}"#
    }

    static func wish(_ name: String, _ value: String) -> String {
        let object = """
            {"id":"i1","kind":"sso","district":{"id":"d1","name":"Demo","state":"CA"},
            "requester":{"name":"Lee","email":"lee@x.example"},"launch_date":null}
            """
        let members = [
            "id": #""id":"i1""#, "kind": #""kind":"sso""#, "launch_date": #""launch_date":null"#,
            "requester.email": #""email":"lee@x.example""#, "requester.name": #""name":"Lee""#,
            "district.id": #""id":"d1""#, "district.name": #""name":"Demo""#, "district.state": #""state":"CA""#,
            "district": #""district":{"id":"d1","name":"Demo","state":"CA"}"#,
            "requester": #""requester":{"name":"Lee","email":"lee@x.example"}"#,
        ]
        let last = name.split(separator: ".").last.map(String.init) ?? name
        let new = value.isEmpty ? #""was_\#(last)":1"# : "\"\(last)\":\(value)"
        return event(data: #"{"object":\#(object.replacing(members[name] ?? "?", with: new))}"#)
    }

    static let long = String(repeating: "n", count: 201)

    static let wrong: [(body: String, pointer: String?)] = [
        ("", nil), ("not json", nil), (#"{"id":"e1""#, nil), (#"{"id":"e1","id":"e2"}"#, nil), ("\u{FEFF}{}", nil),
        ("[]", ""), ("null", ""), ("\"x\"", ""), ("{}", "/id"),
        (event(id: "5"), "/id"), (event(id: "null"), "/id"), (event(type: "null"), "/type"),
        (event(type: "7"), "/type"),
        (event(created: "null"), "/created"), (event(created: #""yesterday""#), "/created"),
        (event(created: #""2026-02-30T00:00:00Z""#), "/created"), (event(created: "1614265330"), "/created"),
        (event(data: "null"), "/data"), (event(data: "[]"), "/data"), (event(data: "{}"), "/data/object"),
        (event(data: #"{"object":[]}"#), "/data/object"), (event(type: #""x.y""#, data: "{}"), "/data/object"),
        (event(data: #"{"object":{},"previous_attributes":"none"}"#), "/data/previous_attributes"),
        (wish("id", ""), "/data/object/id"), (wish("id", "7"), "/data/object/id"),
        (wish("id", #""""#), "/data/object/id"),
        (wish("id", "\"\(long)\""), "/data/object/id"), (wish("id", #""a\u0000b""#), "/data/object/id"),
        (wish("kind", #""SSO""#), "/data/object/kind"), (wish("kind", #""library""#), "/data/object/kind"),
        (wish("kind", ""), "/data/object/kind"), (wish("launch_date", #""12/01/2026""#), "/data/object/launch_date"),
        (wish("launch_date", #""2026-02-29""#), "/data/object/launch_date"),
        (wish("launch_date", #""2026-12-01T00:00:00Z""#), "/data/object/launch_date"),
        (wish("launch_date", "20261201"), "/data/object/launch_date"),
        (wish("requester.email", #""nobody""#), "/data/object/requester/email"),
        (wish("requester.email", ""), "/data/object/requester/email"),
        (wish("requester.name", "\"\(long)\""), "/data/object/requester/name"),
        (wish("requester", ""), "/data/object/requester"), (wish("requester", #""Lee""#), "/data/object/requester"),
        (wish("district.id", ""), "/data/object/district/id"),
        (wish("district.id", #""a b""#), "/data/object/district/id"),
        (wish("district.name", "\"\(long)\""), "/data/object/district/name"),
        (wish("district.name", #""\ud800""#), "/data/object/district/name"),
        (wish("district.state", #""ca""#), "/data/object/district/state"),
        (wish("district.state", #""XX""#), "/data/object/district/state"),
        (wish("district", ""), "/data/object/district"), (wish("district", #""d1""#), "/data/object/district"),
    ]

    @Test("not JSON or not the shape of its type is 400, and kept as rejected with the place and without an effect")
    func rejected() async throws {
        try await TestApplication.run { test in
            for (index, (body, pointer)) in Self.wrong.enumerated() {
                let answer = try await test.deliver(Array(body.utf8), id: "m\(index)")
                #expect(answer.status == 400 && answer.code == "malformed_json", "\(body): \(answer.text)")
                let id = answer["delivery_id"]?.string ?? ""
                if let pointer {
                    let places = answer["errors"]?.array?.compactMap { $0["pointer"]?.string } ?? []
                    #expect(places.contains(pointer), "\(body): \(places)")
                }
                let kept = try await test.client(.viewer).get("/v1/webhook-deliveries/\(id)").json
                #expect(kept["status"]?.string == "rejected" && kept["webhook_id"]?.string == "m\(index)")
                #expect(kept["detail"]?.string?.isEmpty == false && kept["processed_at"]?.string != nil)
                let payload = try await test.client(.viewer).get("/v1/webhook-deliveries/\(id)/payload")
                #expect(payload.body == Array(body.utf8))
            }
            #expect(try await test.count("request") == 0)
            #expect(try await test.count("district") == 0)
            #expect(try await test.count("callback_clock") == 0)
        }
    }

    @Test("all offences are told at once")
    func atOnce() async throws {
        try await TestApplication.run { test in
            let body = #"{"id":1,"type":"integration_requests.created","created":"x","data":{"object":{"kind":"k"}}}"#
            let answer = try await test.deliver(Array(body.utf8))
            let places = answer["errors"]?.array?.compactMap { $0["pointer"]?.string } ?? []
            #expect(
                Set(places) == [
                    "/id", "/created", "/data/object/id", "/data/object/kind", "/data/object/district",
                    "/data/object/requester",
                ])
        }
    }

    @Test("what is kept of a rejected one tells places and rules, and no value of the body")
    func noSecrets() async throws {
        try await TestApplication.run { test in
            let secret = "hp_0123456789abcdef0123456789abcdef"
            let bodies = [
                #"{"id":"e","type":"integration_requests.created","created":"\#(secret)","data":{"object":{"kind":"\#(secret)","id":{"\#(secret)":1},"district":{"id":"\#(secret) ","state":"\#(secret)","time_zone":"\#(secret)"},"launch_date":"\#(secret)"}}}"#,
                #"{"id":"e","\#(secret)":\#(secret)}"#, secret,
            ]
            for body in bodies {
                let answer = try await test.deliver(Array(body.utf8))
                #expect(answer.status == 400 && !answer.text.contains(secret), "\(answer.text)")
                let id = answer["delivery_id"]?.string ?? ""
                #expect(try await !test.client(.viewer).get("/v1/webhook-deliveries/\(id)").text.contains(secret))
            }
            for row in try await test.sql("SELECT detail, type, clever_district_id FROM webhook_delivery") {
                #expect(try row.get(0, as: String.self).contains(secret) == false)
            }
        }
    }

    @Test("unknown members are kept and ignored, and an unknown type is ignored as a whole")
    func unknown() async throws {
        try await TestApplication.run { test in
            let more = #","previous_attributes":{"name":"x"},"api_version":[1],"nested":{"a":null}"#
            let body = Self.event(more: more)
            let answer = try await test.deliver(Array(body.utf8), id: "m1")
            #expect(answer["status"]?.string == "processed", "\(answer.text)")
            let id = answer["delivery_id"]?.string ?? ""
            #expect(try await test.client(.viewer).get("/v1/webhook-deliveries/\(id)/payload").text == body)
            for type in [
                "sections.created", "districts.created", "integration_requests", "INTEGRATION_REQUESTS.created",
            ] {
                let other = Callback(type: type, object: #"{"id":[1]}"#)
                #expect(try await test.send(other, id: type) == "ignored", "\(type)")
                #expect(try await test.delivery(type)["type"]?.string == type)
            }
        }
    }

    @Test(
        "Clever's district object with a wrong type inside is rejected",
        arguments: [
            #","name":5"#, #","launch_date":20261201"#, #","launch_date":"soon""#, #","district_contact":"Pat""#,
            #","district_contact":{"email":"nobody"}"#, #","district_contact":{"name":{"first":1}}"#,
            #","district_contact":{"title":1}"#, #","portal_url":"\u0000""#, #","nces_id":7"#,
            #","error":{"a":["\ud800"]}"#,
        ])
    func districts(members: String) async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"))
            let before = try await test.request("sso")
            let answer = try await test.callback(Callback.district(members).body, id: "m")
            #expect(answer.status == 400, "\(answer.text)")
            #expect(try await test.request("sso") == before)
            #expect(try await test.delivery("m")["type"]?.string == "districts.updated")
        }
    }
}
