import Postgres
import Sockets
import TestSupport
import Testing

@Suite("Quick reads in company")
struct CompanyTests {
    @Test("quick reads share a connection, and one that may take long does not stand before them")
    func company() async throws {
        let own = try await TestDatabase.makeEmpty()
        let database = try own.open()
        let loop = TestLoops.shared.loops[0]
        let slow = Task(executorPreference: loop) {
            try await database.query(Query("slow", "SELECT pg_backend_pid() FROM pg_sleep(300)"))
        }
        let quick = Query("quick", "SELECT pg_backend_pid()", isQuick: true)
        let processes = try await withThrowingTaskGroup(of: Int32.self) { group in
            for _ in 0..<40 {
                group.addTask(executorPreference: loop) { try await database.query(quick)[0].get(0) }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(processes.count == 1)
        slow.cancel()
        await #expect(throws: DatabaseError.cancelled) { try await slow.value }
        await database.close()
        own.drop()
    }
}
