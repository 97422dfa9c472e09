import Foundation
import Testing

@testable import Hallpass

@Suite("Wrong tokens")
struct RefusedAttemptsTests {
    private let now = Date(timeIntervalSince1970: 1_800_000_000)

    @Test("an address over its limit is told to wait, and forgiven with time")
    func limit() {
        let refused = RefusedAttempts(perMinute: 60)
        for _ in 0..<60 { #expect(refused.count("10.0.0.1", now: now) == nil) }
        #expect(refused.count("10.0.0.1", now: now) == 1)
        #expect(refused.count("10.0.0.2", now: now) == nil)
        #expect(refused.count("10.0.0.1", now: now.addingTimeInterval(1)) == nil)
        // However long a flood was, a minute later all is forgiven.
        for _ in 0..<100_000 { _ = refused.count("10.0.0.1", now: now.addingTimeInterval(2)) }
        for _ in 0..<60 { #expect(refused.count("10.0.0.1", now: now.addingTimeInterval(63)) == nil) }
    }

    @Test("the addresses of one IPv6 subscriber count as one")
    func subscribers() {
        let refused = RefusedAttempts(perMinute: 2)
        #expect(refused.count("2001:db8:1:2::1", now: now) == nil)
        #expect(refused.count("2001:db8:1:2:ffff::2", now: now) == nil)
        #expect(refused.count("2001:db8:1:2::3", now: now) != nil)
        #expect(refused.count("2001:db8:1:3::3", now: now) == nil)
    }

    @Test("many addresses do not push one another over the limit")
    func crowd() {
        let refused = RefusedAttempts(perMinute: 30)
        let isHit = (0..<2000).contains { number in
            refused.count("10.1.\(number / 250).\(number % 250)", now: now) != nil
        }
        #expect(!isHit)
    }

    @Test("a limit of 0 limits nobody")
    func off() {
        let refused = RefusedAttempts(perMinute: 0)
        for _ in 0..<10_000 { #expect(refused.count("10.0.0.1", now: now) == nil) }
    }

    @Test("wrong tokens are answered 401, then 429 with Retry-After; right and missing ones as ever")
    func overHTTP() async throws {
        try await TestApplication.run(configure: { $0.refusedAttemptsPerMinute = 5 }) { test in
            let wrong = ["Authorization": "Bearer hp_0000000000000000000000"]
            for _ in 0..<5 { #expect(try await test.client(nil).get("/v1/summary", wrong).status == 401) }
            let refused = try await test.client(nil).get("/v1/summary", wrong)
            #expect(refused.status == 429 && refused.code == "too_many_requests")
            #expect(Int(refused.headerFields["retry-after"] ?? "") == 12)
            #expect(try await test.client(.viewer).get("/v1/summary").status == 200)
            #expect(try await test.client(nil).get("/v1/summary").status == 401)
            test.clock.advance(seconds: 60)
            #expect(try await test.client(nil).get("/v1/summary", wrong).status == 401)
        }
    }

    @Test("by default a few hundred wrong tokens at once are all answered 401")
    func generous() async throws {
        try await TestApplication.run { test in
            for _ in 0..<300 {
                let answer = try await test.client(nil).get("/v1/summary", ["Authorization": "Bearer hp_wrong"])
                #expect(answer.status == 401)
            }
        }
    }
}
