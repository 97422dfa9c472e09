import Foundation
import Testing

@testable import Hallpass

@Suite("Instants, ids, suggestions")
struct WireTests {
    @Test(
        "an instant is written in UTC with milliseconds",
        arguments: [
            (0.0, "1970-01-01T00:00:00.000Z"), (1_795_622_700.123, "2026-11-25T16:05:00.123Z"),
            (-1.0, "1969-12-31T23:59:59.000Z"), (951_782_400.0, "2000-02-29T00:00:00.000Z"),
            (4_102_444_799.999, "2099-12-31T23:59:59.999Z"),
        ])
    func writesInstants(seconds: Double, text: String) {
        #expect(Instant.format(Date(timeIntervalSince1970: seconds)) == text)
        #expect(Instant.parse(text) == Date(timeIntervalSince1970: (seconds * 1000).rounded() / 1000))
    }

    @Test(
        "any RFC 3339 spelling is read",
        arguments: [
            ("2026-11-23T08:05:00-08:00", "2026-11-23T16:05:00.000Z"),
            ("2026-11-23t16:05:00z", "2026-11-23T16:05:00.000Z"),
            ("2026-11-23T16:05:00.1239999Z", "2026-11-23T16:05:00.123Z"),
            ("2026-11-24T01:35:00.5+09:30", "2026-11-23T16:05:00.500Z"),
        ])
    func readsInstants(text: String, meaning: String) throws {
        #expect(Instant.format(try #require(Instant.parse(text))) == meaning)
    }

    @Test(
        "what is no instant is refused",
        arguments: [
            "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-23", "2026-11-23T24:00:00Z", "2026-11-23 16:05:00",
            "2026-11-23T16:05:00", "2026-11-23T16:05:00.Z", "2026-11-23T16:05:00+0800", "2026-11-23T16:05:00Zx", "",
        ])
    func refusesInstants(text: String) {
        #expect(Instant.parse(text) == nil)
    }

    @Test("ids are UUIDv7 in lower case, and sort by their time")
    func identifiers() {
        let sameInstant = (0..<100).map { _ in Identifier.format(Identifier.make(at: Date(timeIntervalSince1970: 1))) }
        #expect(sameInstant == sameInstant.sorted() && Set(sameInstant).count == 100)
        let early = Identifier.make(at: Date(timeIntervalSince1970: 1_700_000_000))
        let late = Identifier.make(at: Date(timeIntervalSince1970: 1_700_000_001))
        #expect(Identifier.format(early) < Identifier.format(late))
        let text = Identifier.format(early)
        #expect(text == early.uuidString.lowercased())
        #expect(Array(text)[14] == "7" && "89ab".contains(Array(text)[19]))
        #expect(Identifier.parse(text) == early)
        #expect(Identifier.parse("nope") == nil)
    }

    @Test("a slip of the pen finds the name that was meant, a stranger none")
    func suggestions() {
        let names = ["launch_date", "message", "requester", "kind"]
        #expect(Suggestion.nearest(to: "lunch_date", among: names) == "launch_date")
        #expect(Suggestion.nearest(to: "knid", among: names) == "kind")
        #expect(Suggestion.nearest(to: "Message", among: names) == "message")
        #expect(Suggestion.nearest(to: "colour", among: names) == nil)
    }

    @Test("a cursor is read by the list that gave it, and by no other")
    func cursors() throws {
        let cursor = Cursor(key: "2026-11-23T16:05:00.123Z", id: Identifier.make(at: Date()))
        let text = cursor.encoded(for: "/v1/requests?kind=sso")
        #expect(try Cursor(text, for: "/v1/requests?kind=sso") == cursor)
        #expect(throws: Problem.self) { try Cursor(text, for: "/v1/requests?kind=rostering") }
        #expect(throws: Problem.self) { try Cursor("x" + text, for: "/v1/requests?kind=sso") }
        #expect(throws: Problem.self) { try Cursor("", for: "/v1/requests?kind=sso") }
    }

    @Test("an ETag is known in either form, weak, in a list, and by a star")
    func entityTags() {
        for field in ["\"3\"", "W/\"3\"", "\"1\", \"3\"", "*", "\"3-gzip\", \"3\""] {
            #expect(EntityTag.known(field, version: 3) == "\"3\"", "\(field)")
        }
        #expect(EntityTag.known("W/\"3-gzip\"", version: 3) == "\"3-gzip\"")
        for field in ["\"4\"", "3", "\"3-br\"", ""] { #expect(EntityTag.known(field, version: 3) == nil, "\(field)") }
    }

    @Test("a change is permitted by a strong tag of either form or a star, and never by a weak one")
    func permission() {
        for field in ["\"3\"", "\"3-gzip\"", "\"1\", \"3\"", "*"] {
            #expect(EntityTag.permits(field, version: 3), "\(field)")
        }
        for field in ["W/\"3\"", "\"4\"", "3", ""] { #expect(!EntityTag.permits(field, version: 3), "\(field)") }
    }
}
