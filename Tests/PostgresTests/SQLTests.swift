import Foundation
import Testing

@testable import Postgres

@Suite("SQL by interpolation")
struct SQLTests {
    @Test("an interpolated value becomes a placeholder and never text")
    func bind() {
        let evil = "'; DROP TABLE district; --"
        let sql: SQL = "SELECT * FROM t WHERE a = \(evil) AND b = \(7)"
        #expect(sql.text == "SELECT * FROM t WHERE a = $1 AND b = $2")
        #expect(sql.parameters.map(\.type) == [.inferred, .int8])
    }

    @Test("composed pieces are renumbered, whatever looks like a placeholder in their literals stays")
    func compose() {
        let inner: SQL = "x = \("a") AND y = '$1' AND z = \("b")"
        let outer: SQL = "SELECT \(1) WHERE \(inner) OR w = \("c")"
        #expect(outer.text == "SELECT $1 WHERE x = $2 AND y = '$1' AND z = $3 OR w = $4")
        #expect(values(outer) == ["", "a", "b", "c"])
    }

    @Test("more than nine placeholders are renumbered at their whole width")
    func composeMany() {
        let list = (1...12).map { number in "v\(number)" as String }
        let inner = list.map { "\($0)" as SQL }.joined(", ")
        let outer: SQL = "IN (\("first"), \(inner), \("last"))"
        #expect(outer.text == "IN ($1, " + (2...13).map { "$\($0)" }.joined(separator: ", ") + ", $14)")
        #expect(values(outer) == ["first"] + list + ["last"])
    }

    @Test("fragments are added and joined with their values in order")
    func join() {
        let conditions: [SQL] = ["a = \("1")", "b IS NULL", "c = \("2")"]
        var sql: SQL = "WHERE " + conditions.joined(" AND ")
        sql += " LIMIT \("3")"
        #expect(sql.text == "WHERE a = $1 AND b IS NULL AND c = $2 LIMIT $3")
        #expect(values(sql) == ["1", "2", "3"])
    }

    @Test("NULL in a composed piece stays NULL")
    func composeNull() {
        let inner: SQL = "\(nil as String?), \("x")"
        let outer: SQL = "(\(inner))"
        #expect(outer.parameters.map(\.length) == [-1, 1])
    }

    @Test("raw text has to say so, and is not scanned")
    func raw() {
        let sql: SQL = "SELECT \(raw: "$1 || '$2'"), \(3)"
        #expect(sql.text == "SELECT $1 || '$2', $1")
    }

    @Test("a string with a NUL is marked, in a composed piece too")
    func nul() {
        let inner: SQL = "\("a\u{0}b")"
        #expect(inner.holdsNUL)
        #expect(("x \(inner)" as SQL).holdsNUL)
        #expect(!("\(0)" as SQL).holdsNUL)
    }

    @Test(
        "calendar dates",
        arguments: [
            ("2000-01-01", 0), ("1999-12-31", -1), ("2000-03-01", 60), ("2024-02-29", 8825), ("0001-01-01", -730_119),
            ("9999-12-31", 2_921_939),
        ])
    func date(text: String, days: Int32) throws {
        let date = try #require(SQLDate(text))
        #expect(date.days == days)
        #expect(date.description == text)
        #expect(SQLDate(days: days) == date)
    }

    @Test(
        "what is no calendar date is refused",
        arguments: [
            "2023-02-29", "2023-13-01", "2023-00-10", "2023-01-32", "23-01-01", "2023/01/01", "2023-1-01", "0000-01-01",
            "",
        ])
    func noDate(text: String) {
        #expect(SQLDate(text) == nil)
    }

    @Test("the statement cache gives up the least recently used, and forgets one of several types of the same text")
    func cache() {
        var cache = StatementCache(limit: 8)
        let kept = cache.statement(for: "SELECT 0", name: "zero")
        for number in 1...8 {
            _ = cache.statement(for: SQL(raw: "SELECT \(number)"), name: "numbers")
            #expect(cache.statement(for: "SELECT 0", name: "zero") === kept)
        }
        let evicted = cache.evict()
        #expect(evicted.map(\.text) == ["SELECT 1", "SELECT 2"])
        #expect(cache.evict().isEmpty)

        let integer = cache.statement(for: "SELECT \(1)", name: "either")
        let text = cache.statement(for: "SELECT \("1")", name: "either")
        #expect(integer !== text)
        cache.forget(integer)
        #expect(cache.statement(for: "SELECT \("2")", name: "either") === text)
        #expect(cache.statement(for: "SELECT \(2)", name: "either") !== integer)
    }

    private func values(_ sql: SQL) -> [String] {
        sql.parameters.map { parameter in
            guard !parameter.isBinary else { return "" }
            let start = Int(parameter.start)
            return String(decoding: sql.bytes[start..<(start + Int(parameter.length))], as: UTF8.self)
        }
    }
}
