import Foundation
import Mail
import Testing

@testable import Hallpass

@Suite("GET /v1/requests/{id}/timeline")
struct TimelineTests {
    @Test("it tells who did what to whom, and what became of every e-mail")
    func story() async throws {
        try await TestApplication.run(at: "2026-11-23T18:00:00.000Z") { test in
            let client = test.client(.manager)
            let id = try await test.create("sso", date: #""2026-12-01""#)
            let path = "/v1/requests/\(id)"
            test.clock.advance(seconds: 1)
            _ = try await client.post("\(path)/request-info", #"{"message":"Which schools?"}"#)
            test.clock.advance(seconds: 1)
            _ = try await client.post("\(path)/provide-info", #"{"message":"All."}"#)
            test.clock.advance(seconds: 1)
            _ = try await client.post("\(path)/approve", #"{"message":"Welcome!"}"#)
            test.clock.advance(seconds: 1)
            _ = try await client.post("\(path)/reschedule", #"{"launch_date":"2026-12-08"}"#)
            test.clock.advance(seconds: 1)
            _ = try await client.put(
                "\(path)/checklist/login_tested", #"{"status":"waived","note":"tested last year"}"#)
            test.clock.advance(seconds: 1)
            _ = try await client.post("\(path)/share", #"{"method":"sections"}"#)
            test.clock.set("2026-12-08T08:00:00.000Z")
            _ = try await test.launches.turn()
            test.clock.advance(seconds: 1)
            _ = try await client.post("\(path)/configure", #"{"complete_checklist":true}"#)
            let texts = try await texts(path, client).filter { !$0.hasPrefix("Mail") }
            #expect(
                texts == [
                    "Lee Park asked for SSO, to launch on 2026-12-01.",
                    "manager asked the district for more information.",
                    "Asked the district: Which schools?",
                    "manager passed on the district's answer.",
                    "The district answered: All.",
                    "manager approved it: “Welcome!”.",
                    "manager changed the launch date from 2026-12-01 to 2026-12-08.",
                    "manager settled the checklist: login_tested is waived, “tested last year”.",
                    "manager recorded that Clever's sharing wizard is complete: by section. It launches on 2026-12-08.",
                    "Launched: its date, 2026-12-08, has come.",
                    "manager configured it.",
                ])
        }
    }

    @Test("what callbacks did is told of the district")
    func callbacks() async throws {
        try await TestApplication.run { test in
            let object =
                #"{"id":"r1","kind":"rostering","district":{"id":"d1","name":"Demo"},"requester":{"name":"Lee Park","email":"lee@d.example"},"launch_date":null}"#
            _ = try await test.callback("integration_requests.created", object)
            _ = try await test.callback(
                "integration_requests.deleted", #"{"id":"r1"}"#, created: "2026-11-23T17:30:00Z")
            let id = try #require(try await test.client().get("/v1/requests")["data", "0", "id"]?.string)
            let texts = try await texts("/v1/requests/\(id)", test.client())
            #expect(texts.contains("Lee Park asked for rostering, with no custom launch date."))
            #expect(texts.contains("The district withdrew the request."))
        }
    }

    @Test("an e-mail is queued, tried, sent or failed, with the server's words")
    func emails() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            let path = "/v1/requests/\(id)"
            func mail() async throws -> String {
                try await texts(path, test.client()).first { $0.contains("amy@vendor.example") } ?? ""
            }
            let subject = try #require(try await test.client().get("/v1/emails")["data", "0", "subject"]?.string)
            #expect(try await mail() == "Mail “\(subject)” to amy@vendor.example is queued.")
            test.mailbox.answer(.temporaryRefusal(code: 451, reply: "451 4.3.0 Try again later"))
            try await test.deliverMail()
            #expect(
                try await mail().hasPrefix(
                    "Mail “\(subject)” to amy@vendor.example is not delivered yet: tried once (451 4.3.0 Try again later); the next try is at 2026-"
                ))
            test.clock.advance(seconds: 3600)
            try await test.deliverMail()
            #expect(try await mail() == "Mailed “\(subject)” to amy@vendor.example: sent (250 2.0.0 Ok: queued).")
            test.mailbox.answer(.permanentRefusal(code: 550, reply: "550 5.1.1 No such user"))
            _ = try await test.client().post("\(path)/decline", #"{"reason":"We do not serve this state."}"#)
            try await test.deliverMail()
            let failed = try await texts(path, test.client()).first { $0.contains("failed") }
            #expect(
                failed?.hasSuffix("to lee@demo.k12.ca.us: failed (550 5.1.1 No such user). It can be retried.") == true)
        }
    }

    private func texts(_ path: String, _ client: TestClient) async throws -> [String] {
        let answer = try await client.get("\(path)/timeline?limit=500")
        return (answer["data"]?.array ?? []).compactMap { $0["text"]?.string }
    }
}
