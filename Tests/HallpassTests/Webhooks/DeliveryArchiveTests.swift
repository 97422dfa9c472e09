import Foundation
import Postgres
import Testing

@testable import Hallpass

@Suite("The archive of deliveries")
struct DeliveryArchiveTests {
    @Test("is listed newest first, by status, type and the instant of receipt, page by page")
    func list() async throws {
        try await TestApplication.run { test in
            var ids: [String] = []
            for number in 0..<7 {
                let type = number % 2 == 0 ? "a.b" : "c.d"
                try await test.send(Callback(type: type, object: "{}"), id: "m\(number)")
                ids.append("m\(number)")
                test.clock.advance(seconds: 1)
            }
            try await test.send(.sharing("created", "sso"), id: "parked")
            _ = try await test.deliver(Array("x".utf8), id: "rejected")
            let client = test.client(.viewer)
            func listed(_ query: String) async throws -> [String] {
                let answer = try await client.get("/v1/webhook-deliveries?\(query)")
                #expect(answer.status == 200, "\(query): \(answer.text)")
                return answer["data"]?.array?.compactMap { $0["webhook_id"]?.string } ?? []
            }
            #expect(try await listed("") == ["rejected", "parked"] + ids.reversed())
            #expect(try await listed("status=parked") == ["parked"])
            #expect(try await listed("status=parked,rejected") == ["rejected", "parked"])
            #expect(try await listed("type=c.d") == ["m5", "m3", "m1"])
            #expect(try await listed("type=c.d&status=ignored&since=2026-11-23T18:00:03.000Z") == ["m5", "m3"])
            #expect(try await listed("since=2026-11-23T18:00:03.001Z&type=c.d") == ["m5"])
            #expect(try await listed("type=none") == [])

            var paged: [String] = []
            var target = "/v1/webhook-deliveries?limit=2&status=ignored"
            for _ in 0..<10 {
                let answer = try await client.get(target)
                paged += answer["data"]?.array?.compactMap { $0["webhook_id"]?.string } ?? []
                guard let cursor = answer["next_cursor"]?.string else { break }
                target = "/v1/webhook-deliveries?limit=2&status=ignored&cursor=\(cursor)"
            }
            #expect(paged == ids.reversed())
            for (query, parameter) in [
                ("status=done", "status"), ("since=now", "since"), ("kind=sso", "kind"), ("limit=0", "limit"),
            ] {
                let answer = try await client.get("/v1/webhook-deliveries?\(query)")
                #expect(answer.status == 422 && answer["errors", "0", "parameter"]?.string == parameter)
            }
            #expect(try await test.client(nil).get("/v1/webhook-deliveries").status == 401)
            let unknown = UUID().uuidString.lowercased()
            for path in ["", "/payload"] {
                #expect(try await client.get("/v1/webhook-deliveries/\(unknown)\(path)").status == 404)
                #expect(try await client.get("/v1/webhook-deliveries/nope\(path)").status == 404)
            }
        }
    }

    @Test("a delivery has the contract's members")
    func members() async throws {
        try await TestApplication.run { test in
            try await test.send(.wish("created", "sso", id: "i1"), id: "m1")
            guard case .object(let members) = try await test.delivery("m1") else {
                Issue.record("no object")
                return
            }
            #expect(
                Set(members.map(\.name)) == [
                    "id", "webhook_id", "type", "status", "detail", "created", "received_at", "processed_at",
                    "request_id",
                    "replays",
                ])
            let delivery = try await test.delivery("m1")
            #expect(delivery["type"]?.string == "integration_requests.created" && delivery["detail"] == .null)
            #expect(delivery["received_at"]?.string == "2026-11-23T18:00:00.000Z")
            #expect(delivery["processed_at"] == delivery["received_at"] && delivery["replays"]?.integer == 0)
        }
    }

    @Test("bodies are compressed with zlib, and given back byte for byte as they came")
    func payload() async throws {
        try await TestApplication.run { test in
            var body = Callback.wish("created", "sso", id: "i1").body
            body += Array(repeating: UInt8(ascii: " "), count: 5000) + Array("\r\n\t".utf8)
            let id =
                try await test.deliver(body, fields: ["Content-Type": "Application/JSON;charset=UTF-8"])["delivery_id"]?
                .string ?? ""
            let stored = try await test.sql("SELECT body FROM webhook_delivery")[0].get(0, as: [UInt8].self)
            #expect(stored.count < body.count / 4 && stored[0] == 0x78)
            #expect((Int(stored[0]) * 256 + Int(stored[1])) % 31 == 0)
            #expect(try Zlib.uncompress(stored) == body)
            let payload = try await test.client(.viewer).get(
                "/v1/webhook-deliveries/\(id)/payload", ["Accept-Encoding": "gzip"])
            #expect(payload.status == 200 && payload.body == body)
            #expect(payload.headerFields["content-type"] == "Application/JSON;charset=UTF-8")
            #expect(payload.headerFields["content-encoding"] == nil)
            try await test.sql("UPDATE webhook_delivery SET body = NULL")
            #expect(try await test.client(.viewer).get("/v1/webhook-deliveries/\(id)/payload").status == 404)
            #expect(try await test.client(.viewer).get("/v1/webhook-deliveries/\(id)").status == 200)
        }
    }

    @Test("receipt, effect, audit and e-mails are one commit: when the mail cannot be written, nothing is")
    func atomic() async throws {
        try await TestApplication.run { test in
            try await test.sql("ALTER TABLE email ADD CONSTRAINT test_no_mail CHECK (false)")
            let body = Callback.wish("created", "sso", id: "i1").body
            #expect(try await test.deliver(body, id: "m1", isDocumented: false).status == 500)
            for table in ["webhook_delivery", "district", "request", "callback_clock", "timeline_entry", "email"] {
                #expect(try await test.count(table) == 0, "\(table)")
            }
            #expect(try await test.count("audit_entry WHERE action LIKE 'request.%'") == 0)
            try await test.sql("ALTER TABLE email DROP CONSTRAINT test_no_mail")
            #expect(try await test.deliver(body, id: "m1")["status"]?.string == "processed")

            try await test.sql(
                "ALTER TABLE webhook_delivery ADD CONSTRAINT test_no_receipt CHECK (status <> 'processed') NOT VALID")
            let other = Callback.wish("created", "rostering", id: "i2").body
            #expect(try await test.deliver(other, id: "m2", isDocumented: false).status == 500)
            #expect(try await test.requests().count == 1)
            #expect(try await test.mails().count == 1)
        }
    }

    @Test("an erasure takes the bodies, also of rejected ones and conflicts, and the webhook-ids stay")
    func erasure() async throws {
        try await TestApplication.run { test in
            let wish = Callback.wish("created", "sso", id: "i1")
            try await test.send(wish, id: "m1")
            _ = try await test.deliver(wish.body + [0x20], id: "m1")
            let wrong = Callback.wish("created", "rostering", id: "i2", date: #""never""#)
            #expect(try await test.deliver(wrong.body, id: "m2").status == 400)
            try await test.send(.wish("created", "sso", id: "i3"), id: "m3")
            let id = try await test.request("sso")[path: "district.id"]?.string ?? ""
            #expect(try await test.client().delete("/v1/districts/\(id)").status == 204)
            #expect(try await test.count("webhook_delivery") == 4)
            #expect(try await test.count("webhook_delivery WHERE body IS NOT NULL OR detail IS NOT NULL") == 0)
            #expect(try await test.count("callback_clock") == 0)
            let again = try await test.deliver(wish.body, id: "m1")
            #expect(again["status"]?.string == "duplicate" && again["first_status"]?.string == "processed")
            #expect(try await test.count("request") == 0)
            let fresh = try await test.send(.wish("created", "sso", id: "i1"), id: "m4")
            #expect(fresh == "processed")
            #expect(try await VerifyAudit.run(test.application.database).fault == nil)
        }
    }
}
