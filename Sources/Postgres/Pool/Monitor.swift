internal import Logging
internal import Sockets
internal import Synchronization

// One connection that belongs to nobody's request. It is asked every second whether the server is there, so that an outage
// with dropped packets, which closes no connection, is noticed within two; it listens for notifications and sends the
// coalesced ones. When it cannot be kept, the database is down: every connection is dropped, requests fail at once, and
// the server is looked for every probe interval. A server that turned read-only is left for another host, where there is one.
// While the server's disk is full a ping also asks for a file that has to be written there.
//
//   connecting ──ok──▶ watching ──lost──▶ connecting ──failed──▶ down ──probe──▶ connecting
//                         └──ping unanswered, and nobody heard the server──▶ down

final class Monitor: @unchecked Sendable {
    // @unchecked: everything but `outbox` is touched on `loop` only.
    let loop: EventLoop
    private let pools: [LoopPool]
    private let board: HealthBoard
    private let logger: Logger
    private var connector: Connector?
    private var connection: Connection?
    private var timer: LoopTimer?
    private var isPinging = false
    private var isClosed = false
    private(set) var hub = NotificationHub()
    private let outbox = Mutex(NotificationOutbox())
    private var lastSending = ContinuousClock.now
    /// Notifications go out together: soon after a quiet while, and not too often while many come. Each sending is a
    /// transaction, and all that send take turns.
    private static let gathering = Duration.milliseconds(2)
    private static let sendingInterval = Duration.milliseconds(25)
    private static let unfitPingInterval = Duration.milliseconds(250)
    /// How much room a full disk has to have again: more than a change's pages and log take.
    private static let spaceProbeKilobytes = 1024

    init(pools: [LoopPool], board: HealthBoard, logger: Logger) {
        self.pools = pools
        self.board = board
        self.logger = logger
        loop = pools[0].loop
        for pool in pools {
            pool.suspect = { [weak self] in self?.lookNow() }
        }
    }

    private var configuration: DatabaseConfiguration { pools[0].configuration }

    func start() {
        loop.execute { [self] in connect() }
    }

    func close() async {
        await withCheckedContinuation { continuation in
            loop.execute { [self] in
                isClosed = true
                timer?.cancel()
                connector?.abandon("the database was closed")
                connection?.close()
                hub.finish()
                for pool in pools { pool.suspect = nil }
                continuation.resume()
            }
        }
    }

    /// Something went wrong on some connection: look at the server now. Any thread.
    private func lookNow() {
        loop.execute { [self] in ping() }
    }

    // MARK: Connecting

    private func connect() {
        guard !isClosed, connector == nil, connection == nil else { return }
        let opening = pools[0].connector(isReadOnly: false) { [unowned self] result in
            connector = nil
            connected(result)
        }
        connector = opening
        opening.start()
    }

    private func connected(_ result: Result<Connection, ConnectFailure>) {
        switch result {
        case .failure(let failure):
            guard !isClosed else { return }
            goDown(failure.reason)
            wait(configuration.probeInterval) { [self] in connect() }
        case .success(let connection):
            guard !isClosed else { return connection.close() }
            self.connection = connection
            connection.onLost = { [unowned self] reason in lost(reason) }
            connection.onNotification = { [unowned self] channel, payload in hub.deliver(channel, payload) }
            judge(connection)
            listen(to: hub.channels)
            sendNotifications()
            wait(pause) { [self] in ping() }
        }
    }

    private func lost(_ reason: String) {
        connection = nil
        isPinging = false
        timer?.cancel()
        guard !isClosed else { return }
        hub.disconnect()
        logger.debug("database monitor lost its connection", metadata: ["reason": "\(reason)"])
        connect()
    }

    private func goDown(_ reason: String) {
        board.markDown(reason)
        for pool in pools { pool.loop.execute { pool.dropConnections(reason) } }
    }

    private func wait(_ delay: Duration, _ body: @escaping () -> Void) {
        timer?.cancel()
        timer = loop.schedule(after: delay, body)
    }

    // MARK: Watching

    /// A server that is of no use is looked at more often, so that it is used again as soon as it can be.
    private var pause: Duration { board.health.isReachable ? configuration.pingInterval : Self.unfitPingInterval }

    private func ping() {
        guard let connection, !isPinging, !isClosed else { return }
        isPinging = true
        let began = ContinuousClock.now
        let step = HandledStep(.sync, name: "ping") { [weak self] outcome in
            guard let self, self.connection === connection else { return }
            isPinging = false
            if case .success = outcome {
                judge(connection)
                wait(pause) { self.ping() }
            }
        }
        if board.lacksSpace {
            probeSpace(on: connection)
        } else {
            connection.sendOnce("", as: Step(.execute, name: "ping"))
        }
        connection.sync(step)
        wait(configuration.pingDeadline) { [self] in unanswered(connection, since: began) }
    }

    /// Has the server write a temporary file, which lies where the tables do unless `temp_tablespaces` says otherwise. That
    /// leaves nothing behind, in the log of changes neither, and every role may do it. What fails for another reason than
    /// want of room says that none was wanting.
    private func probeSpace(on connection: Connection) {
        connection.sendOnce(
            "SELECT set_config('work_mem', '64kB', true)", as: Step(.execute, name: "space probe's memory"))
        let began = ContinuousClock.now
        let step = HandledStep(.execute, name: "space probe") { [board] outcome in
            switch outcome {
            case .success: board.markRoomy(asOf: began)
            case .failure(.refused(let reply)) where reply.sqlState != "53100": board.markRoomy(asOf: began)
            case .failure: break
            }
        }
        connection.sendOnce(
            "SELECT count(*) FROM unnest(array_fill(repeat('x', 8000), ARRAY[\(Self.spaceProbeKilobytes / 8)]))",
            as: step)
    }

    private func unanswered(_ connection: Connection, since began: ContinuousClock.Instant) {
        guard self.connection === connection, isPinging else { return }
        // Whether the server was heard since, by any connection; what is done next counts as hearing it, whatever comes.
        let heard = board.pulse.last
        // This loop may be the late one: what has arrived meanwhile counts.
        connection.receive()
        guard self.connection === connection, isPinging else { return }
        if heard > began {
            let since = board.pulse.last
            return wait(max(.zero, heard + configuration.pingDeadline - .now)) { [self] in
                unanswered(connection, since: since)
            }
        }
        goDown("no answer from the server within \(configuration.pingDeadline)")
        connection.lose("no answer from the server")
    }

    /// Up, unless the server takes no writes.
    private func judge(_ connection: Connection) {
        let isReadOnly = ["in_hot_standby", "default_transaction_read_only"].contains {
            connection.parameter($0) == "on"
        }
        guard isReadOnly else { return board.markUp() }
        board.markUnfit("the server takes no writes")
        guard configuration.target.hasSeveralHosts else { return }
        for pool in pools { pool.loop.execute { pool.dropConnections("the server takes no writes") } }
        loop.execute { connection.lose("the server takes no writes") }
    }

    // MARK: Notifications

    func subscribe(_ channels: [String], _ continuation: AsyncStream<Database.Notification>.Continuation) {
        loop.execute { [self] in
            guard !isClosed else { return continuation.finish() }
            let (number, added) = hub.add(channels, continuation)
            continuation.onTermination = { [weak self] _ in
                guard let self else { return }
                loop.execute { self.unsubscribe(number) }
            }
            if added.isEmpty {
                if connection != nil { hub.catchUp(on: Set(channels), only: number) }
            } else {
                listen(to: added)
            }
        }
    }

    private func unsubscribe(_ number: Int) {
        let unused = hub.remove(number)
        guard let connection, !unused.isEmpty else { return }
        for channel in unused {
            connection.sendOnce("UNLISTEN \(Self.quoted(channel))", as: Step(.execute, name: "unlisten"))
        }
        connection.sync(Step(.sync, name: "unlisten"))
    }

    private func listen(to channels: Set<String>) {
        guard let connection, !channels.isEmpty else { return }
        for channel in channels {
            connection.sendOnce("LISTEN \(Self.quoted(channel))", as: Step(.execute, name: "listen"))
        }
        connection.sync(
            HandledStep(.sync, name: "listen") { [weak self] outcome in
                // From here on nothing is missed; what was said before has to be looked up.
                if case .success = outcome { self?.hub.catchUp(on: channels, only: nil) }
            })
    }

    /// Any thread.
    func notify(_ channel: String, _ payload: String) {
        let isFirst = outbox.withLock { $0.add(channel, payload) }
        guard isFirst else { return }
        loop.execute { [self] in
            let earliest = lastSending + Self.sendingInterval
            _ = loop.schedule(after: max(Self.gathering, earliest - .now)) { self.sendNotifications() }
        }
    }

    private func sendNotifications() {
        guard let connection, !isClosed else { return }
        let batch = outbox.withLock { $0.take() }
        guard !batch.isEmpty else { return }
        lastSending = .now
        for entry in batch {
            connection.send("SELECT pg_notify(\(entry.channel), \(entry.payload))", as: Step(.execute, name: "notify"))
        }
        connection.sync(
            HandledStep(.sync, name: "notify") { [weak self] outcome in
                guard let self, case .failure(.lost) = outcome else { return }
                // Sent again: a notification twice does no harm, one less would.
                outbox.withLock { outbox in
                    for entry in batch { _ = outbox.add(entry.channel, entry.payload) }
                }
            })
    }

    private static func quoted(_ name: String) -> String {
        "\"" + name.replacing("\"", with: "\"\"") + "\""
    }
}

/// A step that something follows from.
final class HandledStep: Step, @unchecked Sendable {
    // @unchecked: touched on its connection's loop only.
    private let then: (StepOutcome) -> Void

    init(_ kind: Kind, name: StaticString, then: @escaping (StepOutcome) -> Void) {
        self.then = then
        super.init(kind, name: name)
    }

    override func ended(_ outcome: StepOutcome) {
        then(outcome)
    }
}
