import Foundation
import Sockets
import TestSupport
import Testing

@testable import Postgres

@Suite("Connecting")
struct ConnectTests {
    @Test("a server whose queue of connections is full is asked again until it has room")
    func fullQueue() async throws {
        let cluster = try await TestCluster.get()
        let own = try await TestDatabase.makeEmpty()
        let folder = TestCluster.newFolder()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let proxy = try LossyProxy(queueIn: folder, socketFolder: cluster.socketFolder)
        var waiting: [Int32] = []
        while case let descriptor = LossyProxy.connect(toSocketIn: folder), descriptor >= 0 {
            waiting.append(descriptor)
        }
        #expect(!waiting.isEmpty)
        var configuration = try DatabaseConfiguration("host='\(folder)' user=hallpass dbname=\(own.name)")
        configuration.connectDeadline = .seconds(10)
        let database = Database(
            configuration: configuration, loops: TestLoops.shared.loops, logger: TestLoops.logger)
        let answer = Task { try await database.query(Query("one", "SELECT 1"))[0].get(0, as: Int.self) }
        try await Task.sleep(for: .milliseconds(100))
        #expect(await database.metrics().connectFailures == 0)
        proxy.start()
        for descriptor in waiting { close(descriptor) }
        #expect(try await answer.value == 1)
        await database.close()
        proxy.stop()
        own.drop()
    }

    @Test("a server that is heard on other connections is busy rather than away, and a new one is waited for")
    func busy() async throws {
        let cluster = try await TestCluster.get()
        let own = try await TestDatabase.makeEmpty()
        let folder = TestCluster.newFolder()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let proxy = try LossyProxy(queueIn: folder, socketFolder: cluster.socketFolder)
        let board = HealthBoard(logger: TestLoops.logger)
        let settings = ConnectorSettings(
            target: try ConnectionTarget("host='\(folder)' user=hallpass dbname=\(own.name)", applicationName: "test"),
            deadline: .milliseconds(800), statementLimit: 8, isReadOnly: false, pulse: board.pulse,
            lastServed: board.lastServed, report: { _ in })
        // Unheard, it is given up at its deadline; heard, it is let in later than that.
        let silent = await connect(settings)
        #expect(silent.reason?.contains("no answer") == true)
        let hearing = Task {
            while !Task.isCancelled {
                board.pulse.beat(.now)
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        let letIn = Task {
            try await Task.sleep(for: .milliseconds(1500))
            proxy.start()
        }
        let heard = await connect(settings)
        #expect(heard.reason == nil)
        hearing.cancel()
        try await letIn.value
        proxy.stop()
        own.drop()
    }

    @Test("the host that served last is asked first")
    func lastServed() async throws {
        let own = try await TestDatabase.makeEmpty()
        let cluster = try await TestCluster.get()
        let board = HealthBoard(logger: TestLoops.logger)
        let settings = ConnectorSettings(
            target: try ConnectionTarget(
                "host=/nowhere,'\(cluster.socketFolder)' user=hallpass dbname=\(own.name)".replacing("'", with: ""),
                applicationName: "test"),
            deadline: .seconds(5), statementLimit: 8, isReadOnly: false, pulse: board.pulse,
            lastServed: board.lastServed, report: { _ in })
        #expect(board.lastServed.host == 0)
        #expect(await connect(settings).reason == nil)
        #expect(board.lastServed.host == 1)
        #expect(settings.target.candidates(from: 1).map(\.number) == [1, 0])
        own.drop()
    }

    private struct Attempt: Sendable {
        var reason: String?
    }

    /// Opens one connection and closes it.
    private func connect(_ settings: ConnectorSettings) async -> Attempt {
        let loop = TestLoops.shared.loops[0]
        let settings = LoopBound(settings)
        return await withCheckedContinuation { continuation in
            loop.execute {
                var kept: Connector?
                let connector = Connector(loop: loop, settings: settings.value) { result in
                    switch result {
                    case .success(let connection):
                        connection.close()
                        continuation.resume(returning: Attempt())
                    case .failure(let failure): continuation.resume(returning: Attempt(reason: failure.reason))
                    }
                    kept = nil
                }
                kept = connector
                connector.start()
                _ = kept
            }
        }
    }
}
