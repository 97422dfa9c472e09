import Foundation
import Mail
import Postgres
import Testing

@testable import Hallpass

@Suite("The outbox's statements")
struct OutboxPlanTests {
    /// A plan stays with its connection, so one that is made while there are hardly any messages must do for a queue that has
    /// grown to thousands since: it may not read the table, nor sort what it found.
    @Test(
        "find their messages by the indexes even while a plan is made for three of them",
        arguments: [
            ("claim", ["email_due", "email_pkey"]), ("renew", ["email_"]), ("take over", ["email_sending"]),
            ("record", ["email_pkey"]),
        ])
    func plans(statement: String, indexes: [String]) async throws {
        try await TestApplication.run { test in
            try await test.queue(3)
            let statements = test.outbox.statements
            let now = test.clock.now
            let mails = try await test.outbox.claim(2)
            let query =
                switch statement {
                case "claim": statements.claiming(64, now: now)
                case "renew": statements.renewing(mails.map(\.id), now: now)
                case "take over": statements.takingOver(except: mails.map(\.id), now: now)
                default:
                    statements.recording(mails.map { MailResult($0, .accepted(code: 250, reply: "250 Ok"), now: now) })
                }
            let rows = try await statements.run(Query("plan", "EXPLAIN \(query.sql)"))
            let plan = try rows.map { try $0.get(0, as: String.self) }.joined(separator: "\n")
            for index in indexes { #expect(plan.contains("Scan using \(index)"), "\(plan)") }
            for wrong in ["Seq Scan on email", "Bitmap", "Sort", "Hash Cond: (e.id", "Hash Cond: (r.id = e.id"] {
                #expect(!plan.contains(wrong), "\(plan)")
            }
        }
    }

    @Test("claim no more than they were asked for out of thousands, and read no more")
    func grown() async throws {
        try await TestApplication.run { test in
            try await test.queue(1)
            _ = try await test.outbox.claim(1)
            try await test.queue(20_000)
            let claim = test.outbox.statements.claiming(64, now: test.clock.now)
            let rows = try await test.outbox.statements.run(
                Query("plan", "EXPLAIN (ANALYZE, TIMING OFF) \(claim.sql)"))
            let plan = try rows.map { try $0.get(0, as: String.self) }
            let read = plan.filter { $0.contains("Scan using") }
            #expect(read.count == 2, "\(plan.joined(separator: "\n"))")
            #expect(read.allSatisfy { $0.contains("(actual rows=64 loops=1)") }, "\(plan.joined(separator: "\n"))")
            #expect(try await test.emails("sending") == 65)
        }
    }
}
