import Foundation
import Postgres

@testable import Hallpass

/// An event of the story, as a relay would send it.
struct Callback {
    var type: String
    /// `data.object`, JSON.
    var object: String
    var created = "2026-11-23T17:00:00Z"

    var body: [UInt8] {
        Array(#"{"id":"evt","type":"\#(type)","created":"\#(created)","data":{"object":\#(object)}}"#.utf8)
    }

    func at(_ created: String) -> Callback { Callback(type: type, object: object, created: created) }

    /// A wish. - Parameters: `date` and `message` are JSON.
    static func wish(
        _ change: String, _ kind: String, id: String, district: String = "d1", date: String = "null",
        message: String = "null", email: String = "lee@demo.k12.ca.us", facts: String = #","state":"CA""#
    ) -> Callback {
        Callback(
            type: "integration_requests.\(change)",
            object: """
                {"id":"\(id)","kind":"\(kind)","district":{"id":"\(district)","name":"Demo District"\(facts)},
                 "requester":{"name":"Lee Park","email":"\(email)","title":"Tech admin"},
                 "launch_date":\(date),"message":\(message)}
                """)
    }

    static func deleted(_ id: String) -> Callback {
        Callback(type: "integration_requests.deleted", object: #"{"id":"\#(id)"}"#)
    }

    static func sharing(
        _ change: String, _ kind: String, district: String = "d1", method: String = "sections",
        rules: String? = #"["s1"]"#
    ) -> Callback {
        let rules = rules.map { #","rules":\#($0)"# } ?? ""
        return Callback(
            type: "sharing_permissions.\(change)",
            object: #"{"district":{"id":"\#(district)"},"kind":"\#(kind)","method":"\#(method)"\#(rules)}"#)
    }

    static func unshared(_ kind: String, district: String = "d1") -> Callback {
        Callback(type: "sharing_permissions.deleted", object: #"{"district":"\#(district)","kind":"\#(kind)"}"#)
    }

    /// Clever's district object. - Parameter members: JSON members beside `id`, beginning with a comma.
    static func district(_ members: String, id: String = "d1") -> Callback {
        Callback(type: "districts.updated", object: #"{"id":"\#(id)"\#(members)}"#)
    }

    static func districtDeleted(_ id: String = "d1") -> Callback {
        Callback(type: "districts.deleted", object: #"{"id":"\#(id)"}"#)
    }
}

extension TestApplication {
    /// Sends an event, and answers its status; the HTTP status must be 200.
    @discardableResult
    func send(_ callback: Callback, id: String = UUID().uuidString) async throws -> String {
        let answer = try await self.callback(callback.body, id: id)
        return answer.status == 200 ? answer["status"]?.string ?? "" : "\(answer.status) \(answer.text)"
    }

    /// Sends bytes, signed as asked for.
    func deliver(
        _ body: [UInt8], id: String = UUID().uuidString, timestamp: String? = nil,
        secret: String = TestApplication.webhookSecret, fields: [String: String] = [:], query: String = "",
        isDocumented: Bool = true
    ) async throws -> TestClient.Answer {
        let timestamp = timestamp ?? String(Int(clock.now.timeIntervalSince1970))
        let signature = WebhookSecret(secret)?.sign(id: id, timestamp: timestamp, body: body) ?? ""
        var sent = ["webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature]
        sent.merge(fields) { _, given in given }
        var client = client(nil)
        client.isDocumented = isDocumented
        return try await client.send(
            "POST", "/webhooks/clever\(query)", sent.filter { $0.value != "absent" }, body)
    }

    /// The delivery that came under a webhook-id, as the archive tells of it; of several the newest.
    func delivery(_ webhookID: String) async throws -> JSONValue {
        let list = try await client(.viewer).get("/v1/webhook-deliveries?limit=500")["data"]?.array ?? []
        return list.first { $0["webhook_id"]?.string == webhookID } ?? .null
    }

    /// The statuses of all deliveries by their webhook-id.
    func deliveryStatuses() async throws -> [String: String] {
        var statuses: [String: String] = [:]
        for row in try await sql("SELECT webhook_id, status FROM webhook_delivery ORDER BY received_at, id") {
            statuses[try row.get(0)] = try row.get(1, as: String.self)
        }
        return statuses
    }

    /// The requests of a district by its Clever id, oldest first.
    func requests(_ cleverID: String = "d1") async throws -> [JSONValue] {
        let list = try await client(.viewer).get("/v1/requests?sort=created_at&limit=500")["data"]?.array ?? []
        return list.filter { $0["district"]?["clever_id"]?.string == cleverID }
    }

    /// The newest request of a kind.
    func request(_ kind: String, _ cleverID: String = "d1") async throws -> JSONValue {
        let found = try await requests(cleverID).filter { $0["kind"]?.string == kind }
        return found.max { ($0["attempt"]?.integer ?? 0) < ($1["attempt"]?.integer ?? 0) } ?? .null
    }

    func state(_ kind: String, _ cleverID: String = "d1") async throws -> String? {
        try await request(kind, cleverID)["state"]?.string
    }

    /// An action on the newest request of a kind, by REST.
    @discardableResult
    func act(_ action: String, _ kind: String, _ json: String = "{}", _ cleverID: String = "d1") async throws
        -> TestClient.Answer
    {
        let id = try await request(kind, cleverID)["id"]?.string ?? ""
        return try await client().post("/v1/requests/\(id)/\(action)", json)
    }

    /// The timeline's texts of a type, oldest first.
    func timeline(_ id: String?, _ type: String = "callback") async throws -> [String] {
        let entries = try await client(.viewer).get("/v1/requests/\(id ?? "")/timeline?limit=500")["data"]?.array ?? []
        return entries.filter { $0["type"]?.string == type }.compactMap { $0["text"]?.string }
    }

    func count(_ table: String) async throws -> Int {
        try await sql("SELECT count(*) FROM \(raw: table)")[0].get(0)
    }
}

extension JSONValue {
    /// A value by a path of members and indices.
    subscript(path path: String) -> JSONValue? {
        path.split(separator: ".").reduce(self as JSONValue?) { value, name in
            if let index = Int(name), case .array(let items)? = value {
                return items.indices.contains(index) ? items[index] : nil
            }
            return value?[String(name)]
        }
    }
}
