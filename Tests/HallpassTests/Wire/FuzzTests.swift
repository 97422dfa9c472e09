import Foundation
import HTTPTypes
import Testing

@testable import Hallpass

// Nothing a client sends produces a 500: bodies that are nearly right, parameters and ids that are not, at every route. The
// client checks each answer against the OpenAPI document besides. Seeded, so that what fails once fails again.

@Suite("Hostile input")
struct FuzzTests {
    /// JSON values that go wrong in places of their own.
    static let values = [
        "null", "true", "-1", "0", "1.5", "1e400", "-0", "99999999999999999999", #""""#, #"" ""#, #""\u0000""#,
        #""\ud800""#,
        #""a\nb""#, #""\u202e😀é""#, "[]", "{}", "[[]]", #"{"":""}"#, "[null]", #"["\u0000"]"#, #""2026-12-01""#,
        #""0001-01-01""#, #""9999-12-31""#,
        #""2026-02-30""#, #""sso""#, #""CA""#, #""a@b.c""#, #""' OR 1=1; --""#, #""%_\\%""#, #""../../etc""#,
        "\"\(String(repeating: "x", count: 5000))\"",
        #""0193aaaa-0000-7000-8000-000000000000""#, #"{"id":"nope"}"#, #"{"a":{"b":{"c":[1,2,{"d":null}]}}}"#,
        #""America/Los_Angeles""#,
    ]

    /// What a caller would send to each route that takes a body.
    private static func template(_ pattern: String, _ id: String) -> String {
        switch pattern {
        case "/v1/requests":
            #"{"kind":"sso","district":{"clever_id":"f1","name":"N","state":"CA","type":"school","time_zone":"UTC","nces_id":"1","contacts":[{"name":"K","email":"k@x.org","role":"r"}],"license":{"seats":1,"licensed_teachers":["t"]}},"requester":{"name":"L","email":"l@x.org","title":"T"},"launch_date":"2026-12-01","message":"m","external_id":"e"}"#
        case "/v1/requests/bulk":
            #"{"action":"reschedule","ids":["\#(id)"],"body":{"launch_date":"2026-12-01","reason":"r"},"max_affected":5}"#
        case "/v1/tokens": #"{"name":"n","role":"viewer","expires_at":"2027-01-01T00:00:00Z"}"#
        case "/v1/districts/{id}":
            #"{"name":"N","type":"district","state":"NV","nces_id":"2","time_zone":"UTC","account_manager":"a@x.org","clever_id":"f9","contacts":[{"name":"K","email":"k@x.org"}],"license":{"seats":2}}"#
        case "/v1/requests/{id}": #"{"requester":{"name":"L","email":"l@x.org","title":"T"},"message":"m"}"#
        case "/v1/requests/{id}/share": #"{"method":"rules","rules":[{"a":1},"b",[2]]}"#
        case "/v1/requests/{id}/checklist/{item}": #"{"status":"waived","note":"n"}"#
        default: #"{"launch_date":"2026-12-01","message":"m","reason":"r","with_pair":true,"complete_checklist":true}"#
        }
    }

    /// The JSON with one value replaced, one member renamed, dropped or doubled.
    static func mutated(_ text: String, _ generator: inout SeededGenerator) -> String {
        guard let tree = try? JSONParser.parse(Array(text.utf8)) else { return text }
        var left = Int.random(in: 0..<12, using: &generator)
        let nasty = values.randomElement(using: &generator) ?? "null"
        let way = Int.random(in: 0..<8, using: &generator)
        func write(_ value: JSONValue) -> String {
            left -= 1
            if left == -1, way > 2 { return nasty }
            switch value {
            case .object(let members):
                var parts: [String] = []
                for member in members {
                    let isPlace = left == 0
                    let name = isPlace && way == 0 ? "\"\(member.name)x\"" : JSONValue.string(member.name).text
                    if isPlace, way == 1 { left -= 1; continue }
                    parts.append("\(name):\(write(member.value))")
                    if isPlace, way == 2 { parts.append("\"extra\":\(nasty)") }
                }
                return "{\(parts.joined(separator: ","))}"
            case .array(let values): return "[\(values.map(write).joined(separator: ","))]"
            default: return value.text
            }
        }
        return write(tree)
    }

    @Test("mutated bodies at every route that takes one", arguments: [1, 2, 3] as [UInt64])
    func bodies(seed: UInt64) async throws {
        try await TestApplication.run { test in
            var generator = SeededGenerator(seed: seed)
            let id = try await test.request("sso", in: "approved", cleverID: "f1")
            let district = try await test.client().get("/v1/requests/\(id)")["district", "id"]?.string ?? ""
            for endpoint in Routes.all where ["POST", "PATCH", "PUT"].contains(endpoint.method.rawValue) {
                guard !endpoint.pattern.hasPrefix("/webhooks"), !endpoint.pattern.hasSuffix("shared-data") else {
                    continue
                }
                let path = endpoint.pattern.replacing(
                    "{id}", with: endpoint.pattern.hasPrefix("/v1/districts") ? district : id
                )
                .replacing("{item}", with: "data_reviewed")
                for _ in 0..<10 {
                    let body = Self.mutated(Self.template(endpoint.pattern, id), &generator)
                    let answer = try await test.client().send(endpoint.method.rawValue, path, [:], Array(body.utf8))
                    #expect(answer.status < 500, "\(endpoint.method) \(path) \(body.prefix(500)): \(answer.text)")
                }
            }
            #expect(try await test.auditFault() == nil)
        }
    }

    @Test("nasty parameters, ids, cursors and headers at every route")
    func parameters() async throws {
        try await TestApplication.run { test in
            var generator = SeededGenerator(seed: 77)
            let id = try await test.request("sso", in: "shared", cleverID: "f1")
            let names = [
                "state", "kind", "district_id", "awaiting", "launch_status", "launch_before", "launch_after",
                "account_manager",
                "updated_after", "q", "sort", "limit", "cursor", "missing", "status", "request_id", "template", "actor",
                "action",
                "since", "type", "only", "dry_run", "x%00", "",
            ]
            let values = [
                "%00", "%FF", "%ED%A0%80", "%", "", "%27", "%25", "%5C", "_", "a" + String(repeating: "b", count: 400),
                "-1", "1e9", "null",
                "0001-01-01", "9999-12-31", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00%2B12:00",
                "WyJhIiwiYiIsImMiXQ", "%F0%9F%98%80",
            ]
            let ids = [
                id, "nope", "%00", "%2e%2e", TestApplication.unknownID.uppercased(), "%ED%A0%80", "%FF",
                String(repeating: "9", count: 300),
            ]
            for endpoint in Routes.all
            where endpoint.pattern != "/v1/events" && !endpoint.pattern.hasPrefix("/webhooks") {
                for _ in 0..<6 {
                    var path = endpoint.pattern
                    for name in ["{id}", "{item}", "{clever_id}"] where path.contains(name) {
                        path = path.replacing(name, with: ids.randomElement(using: &generator) ?? "")
                    }
                    let query = (0..<Int.random(in: 1...3, using: &generator)).map { _ in
                        "\(names.randomElement(using: &generator) ?? "")=\(values.randomElement(using: &generator) ?? "")"
                    }
                    let fields = [
                        "If-Match": ["\"1\"", "*", "W/\"1\"", "\"", "\u{FF}"].randomElement(using: &generator) ?? "",
                        "If-None-Match": ["\"1\"", "*", ",,,"].randomElement(using: &generator) ?? "",
                        "Idempotency-Key": ["k", "k\u{E9}", " ", "\""].randomElement(using: &generator) ?? "",
                        "Accept": ["text/csv;q=x", "*/*;q=9", ";", "application/x-ndjson"].randomElement(
                            using: &generator) ?? "",
                    ]
                    let target = "\(path)?\(query.joined(separator: "&"))"
                    let answer = try await test.client().send(endpoint.method.rawValue, target, fields)
                    #expect(answer.status < 500, "\(endpoint.method) \(target): \(answer.text)")
                }
            }
        }
    }
}
