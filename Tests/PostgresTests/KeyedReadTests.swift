import Foundation
import Postgres
import Sockets
import TestSupport
import Testing

@Suite("Look-ups by id, put together")
struct KeyedReadTests {
    /// A thing's name and number; the number 0 cannot be divided by.
    static let query = KeyedQuery("thing", many: "things", keyColumn: 1) { id in
        "SELECT name, id, 60 / number, pg_sleep(seconds) FROM thing WHERE id = \(id)"
    }

    func withThings(_ body: (Database, EventLoop, [UUID]) async throws -> Void) async throws {
        try await TestDatabase.makeEmpty().use { database in
            try await database.execute(
                Query("table", "CREATE TABLE thing (id uuid, name text, number int, seconds float DEFAULT 0)"))
            let ids = (0..<100).map { _ in UUID() }
            for (number, id) in ids.enumerated() {
                try await database.execute(
                    Query("insert", "INSERT INTO thing VALUES (\(id), \("thing \(number)"), \(number + 1))"))
            }
            let loop = TestLoops.shared.loops[0]
            // Connected and prepared before anything is counted.
            _ = try await Task(executorPreference: loop) { try await database.query(Self.query, id: ids[0]).count }
                .value
            try await body(database, loop, ids)
        }
    }

    /// Reads all of them in one turn of the loop: the names that came for each, or its error.
    func read(_ ids: [UUID], _ database: Database, _ loop: EventLoop) async -> [Result<[String], DatabaseError>] {
        await withTaskGroup(of: (Int, Result<[String], DatabaseError>).self) { group in
            let gate = Gate()
            for (index, id) in ids.enumerated() {
                group.addTask(executorPreference: loop) {
                    await gate.wait(on: loop)
                    do throws(DatabaseError) {
                        let rows = try await database.query(Self.query, id: id)
                        var names: [String] = []
                        for row in rows { names.append(try row.get(0)) }
                        return (index, .success(names))
                    } catch {
                        return (index, .failure(error))
                    }
                }
            }
            loop.execute { gate.open(after: ids.count, on: loop) }
            var answers = [Result<[String], DatabaseError>](repeating: .success([]), count: ids.count)
            for await (index, answer) in group { answers[index] = answer }
            return answers
        }
    }

    func count(_ name: String, _ database: Database) async -> Int {
        await database.metrics().statements.first { $0.name == name }?.count ?? 0
    }

    @Test("everyone gets the rows of their id, none for an unknown one, and the server a few statements")
    func together() async throws {
        try await withThings { database, loop, ids in
            let asked = ids + [ids[3], UUID()]
            let answers = await read(asked, database, loop)
            let expected = (0..<100).map { ["thing \($0)"] } + [["thing 3"], []]
            #expect(answers == expected.map { .success($0) })
            #expect(await count("thing", database) == 1)
            #expect(await count("things", database) == 4)
            // One that is asked for alone has the plain form.
            #expect(await read([ids[7]], database, loop) == [.success(["thing 7"])])
            #expect(await count("thing", database) == 2)
        }
    }

    @Test("what the server refuses for one id it grants for the others")
    func refused() async throws {
        try await withThings { database, loop, ids in
            try await database.execute(Query("zero", "UPDATE thing SET number = 0 WHERE id = \(ids[5])"))
            let answers = await read(Array(ids.prefix(10)), database, loop)
            for (index, answer) in answers.enumerated() {
                #expect(
                    answer
                        == (index == 5
                            ? .failure(.server(sqlState: "22012", statement: "thing")) : .success(["thing \(index)"])))
            }
        }
    }

    @Test("one that is cancelled takes no other along; when all are, the statement is cancelled")
    func cancelled() async throws {
        try await withThings { database, loop, ids in
            try await database.execute(Query("slow", "UPDATE thing SET seconds = 1 WHERE id = \(ids[0])"))
            var tasks = start(Array(ids.prefix(3)), database, loop)
            try await Task.sleep(for: .milliseconds(300))
            tasks[1].cancel()
            await #expect(throws: DatabaseError.cancelled) { try await tasks[1].value }
            #expect(try await tasks[0].value == 1)
            #expect(try await tasks[2].value == 1)
            #expect(await database.metrics().cancels == 0)

            try await database.execute(Query("slower", "UPDATE thing SET seconds = 300 WHERE id = \(ids[0])"))
            tasks = start(Array(ids.prefix(3)), database, loop)
            try await Task.sleep(for: .milliseconds(300))
            for task in tasks { task.cancel() }
            for task in tasks { await #expect(throws: DatabaseError.cancelled) { try await task.value } }
            #expect(await database.metrics().cancels == 1)
            // The connection is free again.
            #expect(await read([ids[9]], database, loop) == [.success(["thing 9"])])
        }
    }

    private func start(_ ids: [UUID], _ database: Database, _ loop: EventLoop) -> [Task<Int, any Error>] {
        let gate = Gate()
        let tasks = ids.map { id in
            Task<Int, any Error>(executorPreference: loop) {
                await gate.wait(on: loop)
                return try await database.query(Self.query, id: id).count
            }
        }
        loop.execute { gate.open(after: ids.count, on: loop) }
        return tasks
    }
}

/// Lets tasks of one loop go on in the same turn. Touched on the loop's thread only.
private final class Gate: @unchecked Sendable {
    // @unchecked: touched on its loop's thread only.
    private var waiting: [UnsafeContinuation<Void, Never>] = []

    func wait(on loop: EventLoop) async {
        // The first step of a task with a preference may run elsewhere.
        await withUnsafeContinuation { continuation in
            loop.execute { self.waiting.append(continuation) }
        }
    }

    func open(after count: Int, on loop: EventLoop) {
        guard waiting.count == count else {
            _ = loop.schedule(after: .milliseconds(1)) { self.open(after: count, on: loop) }
            return
        }
        for continuation in waiting { continuation.resume() }
        waiting = []
    }
}
