import Foundation
import Mail
import Testing

@testable import Hallpass

@Suite("Between the outbox's turn and its deliveries")
struct OutboxQueueTests {
    private static let accepted = SMTPOutcome.accepted(code: 250, reply: "250 Ok")
    private static let trouble = SMTPOutcome.serverTrouble(.unreachable, text: "nobody there")

    private static func mails(_ count: Int) -> [QueuedMail] {
        (0..<count).map {
            QueuedMail(id: UUID(), recipient: "user\($0)@demo.example", messageID: "\($0)", source: [], attempts: 0)
        }
    }

    @Test("the turn is woken by as many results as it wished for, or when nothing else is to come")
    func results() async throws {
        try await TestApplication.run { test in
            let queue = OutboxQueue(application: test.application, parallel: 2)
            queue.add(Self.mails(5))
            queue.wish(for: .init(results: 3))
            var mail = queue.next()
            for done in 1...5 {
                #expect(!queue.isWishFulfilled)
                let current = try #require(mail)
                mail = queue.next(after: (current, Self.accepted))
                #expect(queue.resultCount == (done == 4 ? 1 : done == 5 ? 2 : done))
                guard queue.isWishFulfilled else { continue }
                #expect(done == 3 || done == 5)
                await queue.awaitWish()
                #expect(queue.takeResults().count == (done == 3 ? 3 : 2))
            }
            #expect(mail == nil)
        }
    }

    @Test("the turn is woken when few are left to begin, and not while that does not matter to it")
    func ready() async throws {
        try await TestApplication.run { test in
            let queue = OutboxQueue(application: test.application, parallel: 8)
            queue.add(Self.mails(3))
            queue.wish(for: .init())
            _ = queue.next()
            #expect(!queue.isWishFulfilled)
            queue.wish(for: .init(ready: 1))
            #expect(!queue.isWishFulfilled)
            _ = queue.next()
            #expect(queue.isWishFulfilled)
            await queue.awaitWish()
        }
    }

    @Test("whoever waits already hears of a wish that is fulfilled by being changed, and of the end")
    func changed() async throws {
        try await TestApplication.run { test in
            let queue = OutboxQueue(application: test.application, parallel: 8)
            queue.add(Self.mails(3))
            queue.wish(for: .init(results: 2))
            let first = try #require(queue.next())
            _ = queue.next(after: (first, Self.accepted))
            async let one: Void = queue.awaitWish()
            queue.wish(for: .init(results: 1))
            await one
            queue.wish(for: .init())
            async let other: Void = queue.awaitWish()
            queue.close()
            await other
            #expect(queue.next() == nil)
        }
    }

    @Test("no more are under way than connections, one after trouble, none during a pause")
    func room() {
        var pace = OutboxPace(parallel: 3)
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        #expect(pace.room(now) == 3)
        #expect(pace.note(Self.trouble, others: true, now: now) == 5)
        #expect(pace.note(Self.trouble, others: true, now: now.addingTimeInterval(1)) == nil)
        #expect(pace.room(now.addingTimeInterval(4.9)) == 0)
        #expect(pace.room(now.addingTimeInterval(5)) == 1)
        #expect(pace.note(Self.trouble, others: false, now: now.addingTimeInterval(5)) == 10)
        let later = now.addingTimeInterval(60)
        #expect(pace.note(Self.accepted, others: false, now: later) == nil)
        // One connection fewer, since one of several met trouble; a hundred successes bring it back.
        #expect(pace.room(later) == 2)
        for _ in 0..<99 { _ = pace.note(Self.accepted, others: true, now: later) }
        #expect(pace.room(later) == 3)
        for _ in 0..<200 { _ = pace.note(Self.accepted, others: true, now: later) }
        #expect(pace.room(later) == 3)
    }
}
