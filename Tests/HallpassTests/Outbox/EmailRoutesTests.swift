import Foundation
import Mail
import Postgres
import Testing

@testable import Hallpass

@Suite("E-mails over HTTP")
struct EmailRoutesTests {
    /// The one e-mail of a template.
    private static func email(_ test: TestApplication, _ template: String) async throws -> JSONValue {
        let page = try await test.client().get("/v1/emails?template=\(template)")
        #expect(page["data"]?.array?.count == 1)
        return page["data", "0"] ?? .null
    }

    @Test("a combined message is found by either request, and refers to the threads of both")
    func combined() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let (rostering, sso) = (try await test.create("rostering"), try await test.create("sso"))
            _ = try await client.post("/v1/requests/\(sso)/approve", #"{"with_pair":true}"#)
            for id in [sso, rostering] {
                let page = try await client.get("/v1/emails?template=approved&request_id=\(id)")
                #expect(page["data"]?.array?.count == 1)
                #expect(page["data", "0", "request_ids"]?.array?.compactMap(\.string) == [sso, rostering])
            }
            let email = try await Self.email(test, "approved")
            let source = try await client.get("/v1/emails/\(email["id"]?.string ?? "")/source")
            #expect(source.headerFields["content-type"] == "message/rfc822")
            let text = source.text.replacing("\r\n ", with: " ")
            let roots = [sso, rostering].map { "<request-\($0)@localhost>" }
            #expect(text.contains("References: \(roots[0]) \(roots[1])\r\n"))
            #expect(text.contains("In-Reply-To: \(roots[0])\r\n"))
            #expect(text.contains("Message-ID: \(email["message_id"]?.string ?? "?")\r\n"))
            #expect(text.contains("Reply-To: amy@vendor.example\r\n"))
            #expect(text.contains("Auto-Submitted: auto-generated\r\n"))
            #expect(text.contains("To: Lee Park <lee@demo.k12.ca.us>\r\n"))
            #expect(email["to"]?.string == "lee@demo.k12.ca.us")
            #expect(email["status"]?.string == "queued" && email["sent_at"] == .null)
        }
    }

    @Test("filters, and what they refuse")
    func filters() async throws {
        try await TestApplication.run { test in
            let client = test.client(.viewer)
            let id = try await test.create("sso")
            _ = try await test.client().post("/v1/requests/\(id)/decline", #"{"reason":"No contract."}"#)
            test.mailbox.answer(.permanentRefusal(code: 550, reply: "550 No"))
            try await test.deliverMail()
            #expect(try await client.get("/v1/emails?status=failed,sent")["data"]?.array?.count == 2)
            #expect(try await client.get("/v1/emails?status=failed")["data"]?.array?.count == 1)
            #expect(try await client.get("/v1/emails?status=queued")["data"]?.array?.isEmpty == true)
            #expect(try await client.get("/v1/emails?template=declined")["data"]?.array?.count == 1)
            let refused = try await client.get("/v1/emails?status=lost&request_id=x&statuz=sent")
            #expect(refused.status == 422)
            #expect(
                refused["errors"]?.array?.compactMap { $0["parameter"]?.string }.sorted() == [
                    "request_id", "status", "statuz",
                ])
            #expect(try await client.get("/v1/emails/\(id)").status == 404)
            #expect(try await client.get("/v1/emails/x/source").status == 404)
            #expect(try await client.post("/v1/emails/\(id)/retry").status == 403)
        }
    }

    @Test("retry and cancel act from their own states, and are 409 from the others")
    func actions() async throws {
        try await TestApplication.run { test in
            let client = test.client(.manager)
            _ = try await test.create("sso")
            let path = "/v1/emails/\(try await Self.email(test, "new_request")["id"]?.string ?? "")"
            let early = try await client.post("\(path)/retry")
            #expect(early.status == 409 && early.code == "email_not_retryable")
            #expect(early["status"]?.integer == 409)
            #expect(try await client.post("\(path)/cancel")["status"]?.string == "cancelled")
            let twice = try await client.post("\(path)/cancel")
            #expect(twice.status == 409 && twice.code == "email_not_cancellable")
            try await test.deliverMail()
            #expect(test.mailbox.delivered.isEmpty)
            test.clock.advance(seconds: 60)
            let dry = try await client.post("\(path)/retry?dry_run=true")
            #expect(dry["would_send", "0", "to"]?.string == "amy@vendor.example")
            #expect(dry["would_send", "0", "template"]?.string == "new_request")
            #expect(try await client.get(path)["status"]?.string == "cancelled")
            let created = try await client.get(path)["created_at"]
            let retried = try await client.post("\(path)/retry")
            #expect(retried["status"]?.string == "queued" && retried["created_at"] == created)
            test.mailbox.answer(.permanentRefusal(code: 550, reply: "550 No"))
            try await test.deliverMail()
            #expect(try await client.post("\(path)/cancel").status == 409)
            _ = try await client.post("\(path)/retry")
            try await test.deliverMail()
            let sent = try await client.get(path)
            #expect(sent["status"]?.string == "sent" && sent["attempts"]?.array?.count == 2)
            #expect(try await client.post("\(path)/retry").status == 409)
            #expect(try await client.post("/v1/emails/\(UUID().uuidString.lowercased())/retry").status == 404)
            #expect(try await VerifyAudit.run(test.application.database).fault == nil)
        }
    }

    @Test("a message whose text retention removed is not sent empty")
    func withoutText() async throws {
        try await TestApplication.run { test in
            _ = try await test.create("sso")
            try await test.sql("UPDATE email SET status = 'failed', next_attempt_at = NULL, source = NULL")
            let path = "/v1/emails/\(try await Self.email(test, "new_request")["id"]?.string ?? "")"
            let answer = try await test.client().post("\(path)/retry")
            #expect(answer.status == 409 && answer.code == "email_not_retryable")
            #expect(try await test.client().get("\(path)/source").status == 404)
        }
    }

    @Test("a dry run tells what it would send and sends nothing")
    func dryRun() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            let answer = try await test.client().post("/v1/requests/\(id)/approve?dry_run=true")
            #expect(answer["would_send", "0", "template"]?.string == "approved")
            #expect(answer["would_send", "0", "to"]?.string == "lee@demo.k12.ca.us")
            #expect(answer["would_send", "0", "subject"]?.string == "Approved: SSO for District d1")
            #expect(try await test.mails() == ["new_request amy@vendor.example"])
        }
    }
}
