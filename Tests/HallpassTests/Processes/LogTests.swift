import Foundation
import TestSupport
import Testing

@testable import Hallpass

@Suite("The log")
struct LogTests {
    private func story(_ format: String) async throws -> [String] {
        let database = try await TestDatabase.make()
        var environment = ServiceProcess.environment(database)
        environment["HALLPASS_LOG_FORMAT"] = format
        environment["HALLPASS_ACCOUNT_MANAGER"] = "amy@vendor.example"
        environment["HALLPASS_WEBHOOK_SECRETS"] = TestApplication.webhookSecret
        let service = try await ServiceProcess(environment)
        let token = try ServiceProcess.adminToken(dataFolder: environment["HALLPASS_DATA"] ?? "")
        let client = service.client(token: token)
        let fields = [
            "X-Request-Id": "story-1", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ]
        let created = try await client.post("/v1/requests", TestApplication.ask("sso"), fields)
        let district = created["district", "id"]?.string ?? ""
        _ = try await client.get("/v1/requests?q=lee%40demo")
        _ = try await client.post("/v1/districts/\(district)/approve", #"{"message":"Dear Lee Park"}"#)
        _ = try await client.get("/v1/districts/\(district)/teachers/t-ada-4711/access")
        _ = try await client.get("/v1/summary", ["Authorization": "Bearer hp_wrongwrongwrongwrongwrong"])
        _ = try await client.post("/webhooks/clever", #"{"lee@demo.k12.ca.us":1}"#)
        let end = ContinuousClock.now + .seconds(60)
        while .now < end, try await client.get("/v1/emails?status=sent")["data"]?.array?.count != 2 {
            try await Task.sleep(for: .milliseconds(50))
        }
        #expect(try await service.stop() == 0)
        database.drop()
        let log = service.log
        // Neither people nor secrets.
        for word in [
            "lee@", "Lee Park", "amy@", "t-ada-4711", token, "hp_", "whsec_", "District d1", "lee%40", "postgresql://",
        ] {
            #expect(!log.contains(word), "\(word)")
        }
        return log.split(separator: "\n").map(String.init)
    }

    @Test("in JSON is one object a line, with numbers where numbers are meant")
    func json() async throws {
        let lines = try await story("json").map { try JSONParser.parse(Array($0.utf8)) }
        for line in lines {
            #expect(Instant.parse(line["at"]?.string ?? "") != nil)
            #expect(line["level"]?.string != nil && line["message"]?.string != nil)
        }
        let first = try #require(lines.first { $0["request_id"]?.string == "story-1" })
        #expect(first["message"]?.string == "request")
        #expect(first["route"]?.string == "/v1/requests" && first["method"]?.string == "POST")
        #expect(first["status"]?.text == "201")
        #expect(Double(first["ms"]?.text ?? "") != nil)
        #expect(first["traceparent"]?.string == "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        #expect(
            lines.contains { $0["message"]?.string == "callback refused" && $0["reason"]?.string == "header_missing" })
        #expect(lines.contains { $0["path"]?.string == "/v1/districts/{id}/teachers/{clever_id}/access" })
    }

    @Test("in text is one line an event")
    func text() async throws {
        for line in try await story("text") {
            let words = line.split(separator: " ")
            #expect(words.count >= 3 && Instant.parse(String(words[0])) != nil, "\(line)")
            #expect(["INFO", "NOTICE", "WARNING", "ERROR"].contains(words[1]), "\(line)")
        }
    }
}
