import Foundation
import Mail
import Postgres
import Testing

@testable import Hallpass

@Suite("The outbox")
struct OutboxWorkerTests {
    @Test("4xx and a lost connection are tried again: after 5 to 15 s, doubling, each attempt kept with its reply")
    func retries() async throws {
        try await TestApplication.run { test in
            try await test.queue(1)
            test.mailbox.answer(
                .temporaryRefusal(code: 451, reply: "451 4.7.1 Greylisted"), .connectionLost("the server hung up"),
                .temporaryRefusal(code: 421, reply: "421 Too busy"))
            for (least, most) in [(5.0, 15.0), (10.0, 30.0), (20.0, 60.0)] {
                try await test.deliverMail()
                let seconds = try await test.secondsToNextAttempt()
                #expect((least...most).contains(seconds))
                test.clock.advance(seconds: seconds - 0.001)
                try await test.deliverMail()
                #expect(test.mailbox.delivered.isEmpty)
                test.clock.advance(seconds: 0.001)
            }
            try await test.deliverMail()
            #expect(test.mailbox.delivered.count == 1)
            #expect(
                try await test.attempts() == [
                    "451 451 4.7.1 Greylisted", "null the server hung up", "421 421 Too busy",
                    "250 250 2.0.0 Ok: queued",
                ])
            #expect(try await test.emails("sent") == 1)
        }
    }

    @Test("for 5 days, then it has failed; the waits never exceed an hour")
    func fiveDays() async throws {
        try await TestApplication.run { test in
            try await test.queue(1)
            let start = test.clock.now
            var waits: [Double] = []
            while true {
                test.mailbox.answer(.temporaryRefusal(code: 450, reply: "450 Not yet"))
                try await test.deliverMail()
                if try await test.emails("failed") == 1 { break }
                waits.append(try await test.secondsToNextAttempt())
                test.clock.advance(seconds: waits.last ?? 0)
            }
            #expect(waits.allSatisfy { $0 > 0 && $0 <= 3600 })
            #expect(test.clock.now.timeIntervalSince(start) == 5 * 86_400)
            #expect(try await test.attempts().count == waits.count + 1)
            #expect(waits.count < 300)
        }
    }

    @Test("5xx fails that message at once and no other")
    func permanent() async throws {
        try await TestApplication.run { test in
            try await test.queue(3)
            test.mailbox.answer(.permanentRefusal(code: 550, reply: "550 5.1.1 No such user"))
            try await test.deliverMail()
            #expect(try await test.emails("failed") == 1)
            #expect(try await test.emails("sent") == 2)
            #expect(try await test.client().get("/v1/summary")["failed_emails"]?.integer == 1)
            let failed = try await test.client().get("/v1/emails?status=failed")
            #expect(failed["data", "0", "attempts", "0", "code"]?.integer == 550)
            #expect(failed["data", "0", "attempts", "0", "reply"]?.string == "550 5.1.1 No such user")
            #expect(failed["data", "0", "next_attempt_at"] == .null)
        }
    }

    @Test(
        "an unusable server costs no attempt: 5 s pause, doubling to 60 s, then one goes first",
        arguments: [
            SMTPOutcome.Trouble.unreachable, .login, .certificate, .tls, .greeting,
        ])
    func outage(trouble: SMTPOutcome.Trouble) async throws {
        try await TestApplication.run { test in
            try await test.queue(20)
            for seconds in [5.0, 10, 20, 40, 60, 60] {
                // As many as were under way meet the same trouble, and it counts once.
                for _ in 0..<4 { test.mailbox.answer(.serverTrouble(trouble, text: "no")) }
                try await test.deliverMail()
                #expect(try await test.emails("queued") == 20)
                test.clock.advance(seconds: seconds - 0.001)
                try await test.deliverMail()
                #expect(test.mailbox.delivered.isEmpty)
                test.mailbox.forgetAnswers()
                test.clock.advance(seconds: 0.001)
            }
            try await test.deliverMail()
            #expect(Set(test.mailbox.delivered.map(\.messageID)).count == 20)
            #expect(test.mailbox.delivered.count == 20)
            #expect(try await test.attempts().count == 20)
        }
    }

    @Test("six days of outage are not counted as five days of trying")
    func longOutage() async throws {
        try await TestApplication.run { test in
            try await test.queue(1)
            test.mailbox.answer(.serverTrouble(.unreachable, text: "no"))
            try await test.deliverMail()
            test.clock.advance(seconds: 6 * 86_400)
            test.mailbox.answer(.temporaryRefusal(code: 451, reply: "451 Greylisted"))
            try await test.deliverMail()
            #expect(try await test.emails("queued") == 1)
            test.clock.advance(seconds: 15)
            try await test.deliverMail()
            #expect(try await test.emails("sent") == 1)
        }
    }

    @Test("an instance that dies amid a thousand messages leaves none behind, and none goes twice")
    func takeOver() async throws {
        try await TestApplication.run { test in
            try await test.queue(1000)
            // The first instance claims, sends nothing, and is never heard of again.
            let dead = OutboxWorker(application: test.application, delivery: test.mailbox)
            let left = try await dead.claim(400)
            #expect(left.count == 400)
            try await test.deliverMail()
            #expect(test.mailbox.delivered.count == 600)
            #expect(try await test.emails("sending") == 400)
            test.clock.advance(seconds: 44)
            try await test.deliverMail()
            #expect(test.mailbox.delivered.count == 600)
            test.clock.advance(seconds: 16)
            try await test.deliverMail()
            #expect(Set(test.mailbox.delivered.map(\.messageID)).count == 1000)
            #expect(test.mailbox.delivered.count == 1000)
            #expect(try await test.emails("sent") == 1000)
        }
    }

    @Test("two instances share the outbox, and no message goes twice")
    func shared() async throws {
        try await TestApplication.run { test in
            try await test.queue(500)
            let other = OutboxWorker(application: test.application, delivery: test.mailbox)
            async let first = test.outbox.turn()
            async let second = other.turn()
            _ = try await (first, second)
            #expect(Set(test.mailbox.delivered.map(\.messageID)).count == 500)
            #expect(test.mailbox.delivered.count == 500)
        }
    }

    @Test("a lease that is renewed is not taken over, nor are one's own")
    func renewed() async throws {
        try await TestApplication.run { test in
            try await test.queue(2)
            let other = OutboxWorker(application: test.application, delivery: test.mailbox)
            _ = try await other.claim(2)
            test.clock.advance(seconds: 40)
            try await other.renewLeases()
            test.clock.advance(seconds: 40)
            try await test.deliverMail()
            #expect(test.mailbox.delivered.isEmpty)
            test.clock.advance(seconds: 3600)
            try await other.takeOver()
            #expect(try await test.emails("sending") == 2)
        }
    }

    @Test("what the server took stays sent, even when another had taken the message over meanwhile")
    func lateResult() async throws {
        try await TestApplication.run { test in
            try await test.queue(1)
            let late = OutboxWorker(application: test.application, delivery: test.mailbox)
            let mail = try #require(try await late.claim(1).first)
            test.clock.advance(seconds: 60)
            try await test.outbox.takeOver()
            #expect(try await test.emails("queued") == 1)
            try await late.statements.record([
                MailResult(mail, .accepted(code: 250, reply: "250 Ok"), now: test.clock.now)
            ])
            #expect(try await test.emails("sent") == 1)
            try await test.deliverMail()
            #expect(test.mailbox.delivered.isEmpty)
            // Anything else counts only under the lease.
            try await late.statements.record([MailResult(mail, .connectionLost("x"), now: test.clock.now)])
            #expect(try await test.emails("sent") == 1)
            #expect(try await test.attempts() == ["250 250 Ok"])
        }
    }

    @Test("a slow answer holds up nobody, not even what is queued while it is awaited")
    func slow() async throws {
        try await TestApplication.run { test in
            let mailbox = GatedMailbox()
            let worker = OutboxWorker(application: test.application, delivery: mailbox)
            try await test.queue(1, to: "slow@demo.example")
            let turn = Task { try await worker.turn() }
            while mailbox.waiting == 0 { await Task.yield() }
            try await test.queue(50)
            while mailbox.delivered.count < 50 { await Task.yield() }
            #expect(mailbox.waiting == 1)
            mailbox.open()
            _ = try await turn.value
            #expect(mailbox.delivered.count == 51)
            #expect(try await test.emails("sent") == 51)
        }
    }

    @Test("a message whose district was erased while it was under way leaves nothing")
    func erased() async throws {
        try await TestApplication.run { test in
            let mailbox = GatedMailbox()
            let worker = OutboxWorker(application: test.application, delivery: mailbox)
            try await test.queue(1, to: "slow@demo.example")
            let turn = Task { try await worker.turn() }
            while mailbox.waiting == 0 { await Task.yield() }
            try await test.sql("DELETE FROM email")
            mailbox.open()
            _ = try await turn.value
            #expect(try await test.attempts().isEmpty)
        }
    }

    @Test("the waits double with jitter and end at an hour, the pauses at a minute")
    func schedule() {
        #expect(RetrySchedule.delaySeconds(after: 1, jitter: 0) == 5)
        #expect(RetrySchedule.delaySeconds(after: 1, jitter: 1) == 15)
        #expect(RetrySchedule.delaySeconds(after: 5, jitter: 0.5) == 160)
        #expect(RetrySchedule.delaySeconds(after: 500, jitter: 1) == 3600)
        #expect((1...6).map(RetrySchedule.pauseSeconds) == [5, 10, 20, 40, 60, 60])
    }
}
