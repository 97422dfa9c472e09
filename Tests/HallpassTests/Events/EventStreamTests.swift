import Foundation
import Postgres
import Testing

@testable import Hallpass

@Suite("GET /v1/events")
struct EventStreamTests {
    @Test("a stream tells what happens from now on, as the audit trail has it")
    func fromNowOn() async throws {
        try await TestApplication.run { test in
            _ = try await test.create("sso", cleverID: "before")
            try await test.tellEvents()
            let stream = try await test.listen()
            #expect(stream.status == 200)
            #expect(stream.head.contains("Content-Type: text/event-stream"))
            #expect(!stream.head.contains("Content-Encoding"))
            #expect(stream.blocks[0].comment == "connected")
            let id = try await test.create("sso", cleverID: "after")
            try await test.tellEvents()
            try await stream.wait(forEvents: 2)
            let entries = try await test.client().get("/v1/audit?action=request.create&request_id=\(id)")
            let event = try #require(stream.events.first { $0.event == "request.create" })
            for member in ["id", "at", "action", "request_id", "district_id", "actor"] {
                #expect(event.data?[member] == entries["data", "0", member], "\(member)")
            }
            #expect(event.data?["actor"]?.string == "admin")
            #expect(stream.events.count == 2)
            #expect(Set(stream.events.map(\.event)) == ["request.create", "district.create"])
        }
    }

    @Test("a stream resumes after its Last-Event-ID, without a gap and without a repetition")
    func resume() async throws {
        try await TestApplication.run { test in
            let first = try await test.listen()
            let id = try await test.create("sso")
            try await test.tellEvents()
            try await first.wait(forEvents: 2)
            first.leave()
            _ = try await test.client().post("/v1/requests/\(id)/request-info", #"{"message":"How many schools?"}"#)
            try await test.tellEvents()
            _ = try await test.client().post("/v1/requests/\(id)/provide-info", #"{"message":"Five."}"#)
            let second = try await test.listen(after: String(first.ids[1]))
            try await test.tellEvents()
            _ = try await test.client().post("/v1/requests/\(id)/approve")
            try await test.tellEvents()
            try await second.wait(forEvents: 3)
            #expect(second.events.map(\.event) == ["request.request_info", "request.provide_info", "request.approve"])
            #expect(second.ids == second.ids.sorted() && second.ids[0] > first.ids[1])
            let whole = try await test.listen(after: "0")
            try await whole.wait(forEvents: 9)
            #expect(whole.ids.suffix(5) == first.ids + second.ids)
        }
    }

    @Test("a change that becomes visible late is told late, with a higher number, and never missed")
    func lateCommit() async throws {
        try await TestApplication.run { test in
            let stream = try await test.listen()
            try await test.application.perform(author: .service, now: test.clock.now) { work in
                work.audit("test.late", districtID: UUID())
                _ = try await work.transaction.query(Query("test", "SELECT 1"))
                _ = try await test.create("sso")
                try await test.tellEvents()
                try await stream.wait(forEvents: 2)
            }
            try await test.tellEvents()
            try await stream.wait(forEvents: 3)
            #expect(stream.events[2].event == "test.late")
            #expect(stream.ids == stream.ids.sorted())
        }
    }

    @Test("entries of one request are told in the order of its chain, whatever the clocks said")
    func chainOrder() async throws {
        try await TestApplication.run { test in
            let stream = try await test.listen()
            let chain = UUID()
            for (index, seconds) in [30.0, 10, 20, 0].enumerated() {
                try await test.application.perform(
                    author: .service, now: test.clock.now.addingTimeInterval(seconds)
                ) { $0.audit("test.\(index)", districtID: chain) }
            }
            try await test.tellEvents()
            try await stream.wait(forEvents: 4)
            #expect(stream.events.map(\.event) == ["test.0", "test.1", "test.2", "test.3"])
        }
    }

    @Test("what was erased is told without its ids")
    func erased() async throws {
        try await TestApplication.run { test in
            let start = try await test.listen()
            let id = try await test.create("sso")
            let request = try await test.client().get("/v1/requests/\(id)")
            let district = try #require(request["district", "id"]?.string)
            _ = try await test.client().delete("/v1/districts/\(district)")
            try await test.tellEvents()
            let stream = try await test.listen(after: "0")
            try await start.wait(forEvents: 3)
            #expect(start.events.map(\.event).contains("district.erase"))
            try await stream.wait(forEvents: start.events.count + Role.allCases.count)
            let event = try #require(stream.events.first { $0.event == "request.create" })
            #expect(event.data?["request_id"] == .null && event.data?["district_id"] == .null)
            #expect(event.data?["actor"]?.string == "admin")
        }
    }

    @Test("what cannot be told any more begins with a reset, from which a client can resume", arguments: [false, true])
    func reset(isPruned: Bool) async throws {
        try await TestApplication.run { test in
            _ = try await test.create("sso", cleverID: "d1")
            try await test.tellEvents()
            let first = try await test.listen(after: "0")
            try await first.wait(forEvents: 6)
            test.clock.advance(seconds: 7 * 86_400 + 1)
            _ = try await test.create("sso", cleverID: "d2")
            try await test.tellEvents()
            if isPruned { try await EventNumbering.prune(test.application.database, now: test.clock.now) }
            let late = try await test.listen(after: String(first.ids[0]))
            try await late.wait(forEvents: 1)
            let reset = late.events[0]
            #expect(reset.event == "reset")
            #expect(reset.data?["last_event_id"]?.integer == first.ids[0])
            let id = try #require(reset.id)
            _ = try await test.create("sso", cleverID: "d3")
            try await test.tellEvents()
            try await late.wait(forEvents: 3)
            #expect(late.ids.dropFirst().allSatisfy { $0 > id })
            let resumed = try await test.listen(after: String(id))
            try await resumed.wait(forEvents: 2)
            #expect(resumed.ids == Array(late.ids.dropFirst()))
        }
    }

    @Test("a client that has seen everything is not reset, however long ago that was")
    func quietWeek() async throws {
        try await TestApplication.run { test in
            _ = try await test.create("sso", cleverID: "d1")
            try await test.tellEvents()
            let first = try await test.listen(after: "0")
            try await first.wait(forEvents: 6)
            test.clock.advance(seconds: 30 * 86_400)
            try await EventNumbering.prune(test.application.database, now: test.clock.now)
            #expect(try await test.sql("SELECT count(*) FROM event")[0].get(0, as: Int.self) == 0)
            let last = try #require(first.ids.last)
            let second = try await test.listen(after: String(last))
            _ = try await test.create("sso", cleverID: "d2")
            try await test.tellEvents()
            try await second.wait(forEvents: 2)
            #expect(!second.events.contains { $0.event == "reset" })
        }
    }

    @Test("a number that was never given is a reset; what is no number is refused")
    func unknown() async throws {
        try await TestApplication.run { test in
            let stream = try await test.listen(after: "123456789")
            try await stream.wait(forEvents: 1)
            #expect(stream.events[0].event == "reset")
            for bad in ["abc", "-1", "1.5", "99999999999999999999999"] {
                let answer = try await test.client(.viewer).get("/v1/events", ["Last-Event-ID": bad])
                #expect(answer.status == 422)
                #expect(answer["errors", "0", "parameter"]?.string == "Last-Event-ID")
            }
            #expect(try await test.client(.viewer).get("/v1/events?since=1").status == 422)
        }
    }

    @Test("only a token may listen; HEAD gives the head, OPTIONS the methods")
    func conventions() async throws {
        try await TestApplication.run { test in
            #expect(try await test.client(nil).get("/v1/events").status == 401)
            let head = try await test.client(.viewer).send("HEAD", "/v1/events")
            #expect(head.status == 200 && head.body.isEmpty)
            #expect(head.headerFields["content-type"] == "text/event-stream")
            #expect(test.application.events.subscriberCount == 0)
            let options = try await test.client(nil).send("OPTIONS", "/v1/events")
            #expect(options.status == 204 && options.headerFields["allow"] == "GET, HEAD, OPTIONS")
            #expect(try await test.client(.admin).post("/v1/events").status == 405)
        }
    }
}

extension TestApplication {
    /// Numbers and tells everything that is committed.
    func tellEvents() async throws {
        while try await events.turn() {}
    }

    /// A client that has been told of everything so far, or begins after an id.
    func listen(_ client: TestClient? = nil, after lastEventID: String? = nil) async throws -> EventStreamClient {
        if lastEventID == nil { try await tellEvents() }
        let count = application.events.subscriberCount
        let stream = try await EventStreamClient(client ?? self.client(.viewer), lastEventID: lastEventID)
        while application.events.subscriberCount <= count, stream.end == nil {
            try await Task.sleep(for: .milliseconds(2))
        }
        return stream
    }
}
