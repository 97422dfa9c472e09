import Foundation
import TestSupport
import Testing

@testable import Hallpass

@Suite("The built program", .timeLimit(.minutes(15)))
struct ServiceProcessTests {
    @Test("it starts against a database, answers, says what it is, and stops with 0 when asked to")
    func startsAndStops() async throws {
        let database = try await TestDatabase.makeEmpty()
        let environment = ServiceProcess.environment(database)
        let service = try await ServiceProcess(environment)
        let folder = try #require(environment["HALLPASS_DATA"])
        let token = try ServiceProcess.adminToken(dataFolder: folder)
        #expect(try await service.client(token: nil).get("/readyz").status == 200)
        #expect(try await service.client(token: token).get("/v1/summary").status == 200)
        #expect(try await service.stop() == 0)
        let version = try await ServiceProcess.run(["--version"], [:])
        #expect(version.status == 0 && !version.output.isEmpty)
        database.drop()
    }
}
