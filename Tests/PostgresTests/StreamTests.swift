import Foundation
import Postgres
import TestSupport
import Testing

@Suite("COPY and streams")
struct StreamTests {
    let own: TestDatabase

    init() async throws {
        own = try await TestDatabase.makeEmpty()
    }

    func withDatabase(_ body: (Database) async throws -> Void) async throws {
        try await own.use { database in
            try await database.execute(
                Query("table", "CREATE TABLE t (id int PRIMARY KEY, name text, list text[], ok bool, key uuid)"))
            try await body(database)
        }
    }

    let copy = Query("copy", "COPY t (id, name, list, ok, key) FROM STDIN")

    @Test("rows copied in arrive as they are, whatever they hold, inside their transaction")
    func copyIn() async throws {
        let strange = ["tab\tnewline\nreturn\rback\\slash", "\"quoted\", {braced}", "", "NULL", "\\N", "ü 漢"]
        let key = UUID()
        try await withDatabase { database in
            let count = try await database.transaction("copy") { transaction in
                // Stored before, and after, in the same transaction.
                _ = try await transaction.query(Query("one", "INSERT INTO t VALUES (-1)"))
                let count = try await transaction.copyIn(copy) { writer in
                    for (id, text) in strange.enumerated() {
                        try await writer.row([.integer(id), .text(text), .texts(strange), .bool(id == 0), .uuid(key)])
                    }
                    try await writer.row([.integer(99), .null, .null, .null, .null])
                }
                transaction.execute(Query("one", "INSERT INTO t VALUES (-2)"))
                return count
            }
            #expect(count == strange.count + 1)
            let rows = try await database.query(
                Query("read", "SELECT name, list, ok, key FROM t WHERE id >= 0 ORDER BY id"))
            for (row, text) in zip(rows, strange) {
                #expect(try row.get(0, as: String.self) == text)
                #expect(try row.get(1, as: [String].self) == strange)
                #expect(try row.get(3, as: UUID.self) == key)
            }
            #expect(try rows[6].get(0, as: String?.self) == nil)
            let own = try await database.query(Query("own", "SELECT count(*) FROM t WHERE id < 0"))
            #expect(try own[0].get(0, as: Int.self) == 2)
        }
    }

    @Test("a copy of many megabytes passes, and a failing one stores nothing and leaves the connection fit")
    func copyMuch() async throws {
        try await withDatabase { database in
            let text = String(repeating: "x", count: 1000)
            let count = try await database.transaction("copy") { transaction in
                try await transaction.copyIn(copy) { writer in
                    for id in 0..<20_000 { try await writer.row([.integer(id), .text(text), .null, .null, .null]) }
                }
            }
            #expect(count == 20_000)

            await #expect(throws: DatabaseError.constraint(kind: .unique, name: "t_pkey")) {
                try await database.transaction("twice") { transaction in
                    try await transaction.copyIn(copy) { writer in
                        for id in [30_000, 30_000] { try await writer.row([.integer(id), .null, .null, .null, .null]) }
                    }
                }
            }
            await #expect(throws: CancellationError.self) {
                try await database.transaction("given up") { transaction in
                    try await transaction.copyIn(copy) { writer in
                        try await writer.row([.integer(40_000), .null, .null, .null, .null])
                        throw CancellationError()
                    }
                }
            }
            await #expect(throws: DatabaseError.server(sqlState: "42P01", statement: "nowhere")) {
                try await database.transaction("nowhere") { transaction in
                    try await transaction.copyIn(Query("nowhere", "COPY nowhere FROM STDIN")) { _ in }
                }
            }
            try await database.execute(Query("one", "INSERT INTO t VALUES (-1)"))
            let rows = try await database.query(Query("count", "SELECT count(*) FROM t"))
            #expect(try rows[0].get(0, as: Int.self) == 20_001)
            #expect(await database.metrics().connectionsLost == 0)
        }
    }

    @Test("a copy out hands over every row")
    func copyOut() async throws {
        try await withDatabase { database in
            var bytes: [UInt8] = []
            let query = Query("out", "COPY (SELECT g, repeat('y', 100) FROM generate_series(1, 30000) g) TO STDOUT")
            let count = try await database.copyOut(query) { bytes.append(contentsOf: $0) }
            #expect(count == 30_000)
            let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
            #expect(lines.count == 30_000)
            #expect(lines.last?.hasPrefix("30000\tyyy") == true)
            await #expect(throws: CancellationError.self) {
                try await database.copyOut(query) { _ in throw CancellationError() }
            }
            #expect(try await database.copyOut(query) { _ in } == 30_000)
        }
    }

    @Test("a stream gives every row of one moment in order, batch by batch")
    func stream() async throws {
        try await withDatabase { database in
            try await database.execute(Query("fill", "INSERT INTO t SELECT g FROM generate_series(1, 2500) g"))
            var ids: [Int] = []
            var sizes: [Int] = []
            for try await batch in database.rows(
                Query("all", "SELECT id FROM t WHERE id > \(0) ORDER BY id"), batch: 1000)
            {
                if ids.isEmpty {
                    try await database.execute(Query("more", "INSERT INTO t VALUES (9999)"))
                }
                sizes.append(batch.count)
                for row in batch { ids.append(try row.get(0)) }
            }
            #expect(ids == Array(1...2500))
            #expect(sizes == [1000, 1000, 500])
        }
    }

    @Test("streams that are left early give their connections back, and errors pass")
    func leftEarly() async throws {
        try await withDatabase { database in
            for _ in 0..<12 {
                for try await batch in database.rows(Query("endless", "SELECT generate_series(1, 1000000)"), batch: 10)
                {
                    #expect(batch.count == 10)
                    break
                }
            }
            await #expect(throws: DatabaseError.server(sqlState: "22012", statement: "broken")) {
                for try await _ in database.rows(
                    Query("broken", "SELECT 1 / (5 - g) FROM generate_series(1, 9) g"), batch: 2)
                {}
            }
            var count = 0
            for try await batch in database.rows(Query("fine", "SELECT generate_series(1, 20)"), batch: 10) {
                count += batch.count
            }
            #expect(count == 20)
            #expect(await database.metrics().connectionsLost == 0)
        }
    }
}
