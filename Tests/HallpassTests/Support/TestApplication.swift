import Foundation
import HTTPServer
import Logging
import Postgres
import Sockets
import Synchronization
import TestSupport

@testable import Hallpass

/// The whole service in this process: a database of its own, a server on a free port, a clock to turn. Workers run only when
/// a test turns them.
final class TestApplication: Sendable {
    let application: Application
    let clock: TestClock
    let outbox: OutboxWorker
    let launches: LaunchWorker
    let digests: DigestWorker
    let events: EventWorker
    /// Messages that the outbox has delivered.
    let mailbox: TestMailbox
    private let database: TestDatabase
    private let server: Server
    private let port: Int
    private let tokens: [Role: String]

    /// Runs a test against a service of its own, and takes it down.
    static func run(
        at instant: String = "2026-11-23T18:00:00.000Z", configure: (inout Configuration) -> Void = { _ in },
        open: (TestDatabase) throws -> Database = TestApplication.open,
        _ body: (TestApplication) async throws -> Void
    ) async throws {
        try await places.run {
            let application = try await TestApplication(at: instant, configure: configure, open: open)
            do {
                try await body(application)
            } catch {
                await application.stop()
                throw error
            }
            await application.stop()
        }
    }

    /// So many at once: the tests of a process all begin together, and each has its own database connections.
    private static let places = UploadSlots(6)

    static let webhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

    private init(
        at instant: String, configure: (inout Configuration) -> Void, open: (TestDatabase) throws -> Database
    ) async throws {
        database = try await TestDatabase.make()
        clock = TestClock(Instant.parse(instant) ?? Date())
        mailbox = TestMailbox()
        var configuration = Configuration()
        configuration.listen = "127.0.0.1:0"
        configuration.accountManager = "amy@vendor.example"
        configuration.webhookSecrets = [Self.webhookSecret]
        configure(&configuration)
        let clock = clock
        application = Application(
            configuration: configuration, loops: TestLoops.shared, database: try open(database),
            logger: TestLoops.logger,
            webhookSecrets: WebhookSecrets(secrets: configuration.webhookSecrets.compactMap { WebhookSecret($0) }),
            mailComposer: try MailComposer(configuration), now: { clock.now })
        outbox = OutboxWorker(application: application, delivery: mailbox)
        launches = LaunchWorker(application: application)
        digests = DigestWorker(application: application)
        events = EventWorker(application: application)
        server = try Listening.server(application)
        port = Int(try await server.start()[0].port ?? 0)
        var tokens: [Role: String] = [:]
        for role in Role.allCases {
            let token = NewToken(name: role.rawValue, role: role, expiresAt: nil)
            try await application.perform(author: .service, now: clock.now) { token.insert($0) }
            tokens[role] = token.text
        }
        self.tokens = tokens
    }

    /// With deadlines that a machine busy with everything else at once keeps too.
    static func open(_ database: TestDatabase) throws -> Database {
        try database.open { configuration in
            configuration.statementDeadline = .seconds(60)
            configuration.connectDeadline = .seconds(30)
            configuration.queueDeadline = .seconds(60)
        }
    }

    private func stop() async {
        application.events.stop()
        await server.stop(deadline: .seconds(2))
        await application.database.close()
        database.drop()
    }

    /// Another instance on the same database, without a server. Its connections end with the process.
    func twin() throws -> Application {
        let clock = clock
        return Application(
            configuration: application.configuration, loops: TestLoops.shared, database: try Self.open(database),
            logger: TestLoops.logger, webhookSecrets: application.webhookSecrets,
            mailComposer: application.mailComposer, now: { clock.now })
    }

    /// A client with a token of the role; `nil` has none.
    func client(_ role: Role? = .admin) -> TestClient { TestClient(port: port, token: role.flatMap { tokens[$0] }) }

    /// A statement straight at the database, for what no route can do.
    @discardableResult
    func sql(_ sql: SQL) async throws -> Rows { try await application.database.execute(Query("test", sql)) }

    /// Delivers what is due.
    func deliverMail() async throws {
        while try await outbox.turn() {}
    }

    /// Templates of every mail written so far, oldest first.
    func mails() async throws -> [String] {
        try await sql("SELECT template || ' ' || recipient FROM email ORDER BY created_at, id").map {
            try $0.get(0, as: String.self)
        }
    }

    // MARK: Short ways to what many tests need

    static func ask(_ kind: String, cleverID: String = "d1", date: String = "null", extra: String = "") -> String {
        """
        {"kind": "\(kind)", "district": {"clever_id": "\(cleverID)", "name": "District \(cleverID)", "state": "CA"},
         "requester": {"name": "Lee Park", "email": "lee@demo.k12.ca.us"}, "launch_date": \(date)\(extra)}
        """
    }

    /// Creates a request and returns its id.
    func create(_ kind: String, cleverID: String = "d1", date: String = "null") async throws -> String {
        try await client().post("/v1/requests", Self.ask(kind, cleverID: cleverID, date: date))["id"]?.string ?? ""
    }

    /// Sends a signed callback.
    func callback(
        _ type: String, _ object: String, created: String = "2026-11-23T17:00:00Z", id: String = UUID().uuidString
    ) async throws -> TestClient.Answer {
        let body = #"{"id":"evt","type":"\#(type)","created":"\#(created)","data":{"object":\#(object)}}"#
        return try await callback(Array(body.utf8), id: id)
    }

    func callback(_ body: [UInt8], id: String) async throws -> TestClient.Answer {
        let timestamp = String(Int(clock.now.timeIntervalSince1970))
        let signature = WebhookSecret(Self.webhookSecret)?.sign(id: id, timestamp: timestamp, body: body) ?? ""
        return try await client(nil).send(
            "POST", "/webhooks/clever",
            ["webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature], body)
    }
}

/// A clock that stands until it is turned.
final class TestClock: Sendable {
    private let instant: Mutex<Date>

    init(_ instant: Date) { self.instant = Mutex(instant) }

    var now: Date { instant.withLock { $0 } }

    func advance(seconds: TimeInterval) { instant.withLock { $0 += seconds } }

    func set(_ text: String) { instant.withLock { $0 = Instant.parse(text) ?? $0 } }
}
