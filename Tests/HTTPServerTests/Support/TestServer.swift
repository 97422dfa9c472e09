import Foundation
import HTTPServer
import Logging
import Sockets
import Synchronization

/// A server on a port of its own for one test.
struct TestServer {
    let server: Server
    let loops: EventLoopGroup
    let address: SocketAddress
    /// What the server said of its answers.
    let log = AnswerLog()

    init(
        loops count: Int = 2, limits configure: (inout ServerConfiguration) -> Void = { _ in },
        hooks given: ServerHooks = .init(),
        routes: (inout Router) -> Void = TestRoutes.all
    ) async throws {
        var configuration = ServerConfiguration()
        configuration.addresses = [try SocketAddress(parsing: "127.0.0.1:0")]
        configuration.lingerSeconds = 0.5
        configure(&configuration)
        var router = Router()
        routes(&router)
        var hooks = given
        hooks.completed = { [log] in log.add($0) }
        loops = EventLoopGroup(count: count, name: "test")
        server = Server(
            configuration: configuration, loops: loops, router: router, hooks: hooks, logger: Logger(label: "test"))
        address = try await server.start()[0]
    }

    func client(receiveBufferBytes: Int32? = nil) throws -> RawClient {
        try RawClient(address, receiveBufferBytes: receiveBufferBytes)
    }

    /// One exchange: everything the server answers to `text` until it closes.
    func exchange(_ text: String) async throws -> String {
        let client = try client()
        return await Self.onThread {
            client.send(text)
            return client.readToEnd()
        }
    }

    /// The one answer to a request on a connection of its own.
    func reply(_ text: String, isToHead: Bool = false) async throws -> Reply? {
        try await reply(Array(text.utf8), isToHead: isToHead)
    }

    func reply(_ bytes: [UInt8], isToHead: Bool = false) async throws -> Reply? {
        let client = try client()
        return await Self.onThread {
            client.send(bytes)
            return client.readReply(isToHead: isToHead)
        }
    }

    /// Runs what blocks on a thread of its own.
    static func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }

    func stop() async {
        await server.stop(deadline: .seconds(2))
        await loops.stop()
    }
}

/// What a server said of its answers.
final class AnswerLog: Sendable {
    private let entries = Mutex<[CompletedRequest]>([])

    func add(_ entry: CompletedRequest) { entries.withLock { $0.append(entry) } }

    /// Waits until there are `count`.
    func first(_ count: Int) async throws -> [CompletedRequest] {
        try await eventually("\(count) answers in the log") { entries.withLock { $0.count >= count } }
        return entries.withLock { $0 }
    }
}

struct NeverCame: Error, CustomStringConvertible {
    var description: String
}

/// Waits for something that other threads bring about. - Throws: when it has not come after twenty seconds.
func eventually(_ what: String, _ condition: () async -> Bool) async throws {
    for _ in 0..<2000 {
        if await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    throw NeverCame(description: "\(what) did not come about")
}
