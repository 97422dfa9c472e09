internal import Logging
internal import Sockets

/// A database's connections on one loop: shared ones for reads, one each for transactions. Touched on the loop only.
final class LoopPool: @unchecked Sendable {
    // @unchecked: every call is made on `loop`; `loop`, `board` and `configuration` do not change.
    let loop: EventLoop
    let configuration: DatabaseConfiguration
    let board: HealthBoard
    let logger: Logger
    var statistics = PoolStatistics()
    private(set) var isClosed = false
    private var readers: [Reader] = []
    private(set) lazy var keyedReads = KeyedReads(pool: self)
    private(set) lazy var lanes = Lanes(pool: self, limit: configuration.connectionsPerLoop)
    private(set) lazy var longLanes = Lanes(pool: self, limit: configuration.longTransactionsPerLoop)
    private(set) lazy var streams = Lanes(pool: self, limit: configuration.streamsPerLoop)
    private var connections: [ObjectIdentifier: Connection] = [:]
    private var isTicking = false

    /// How exactly deadlines are kept.
    private static let tick = Duration.milliseconds(25)

    init(loop: EventLoop, configuration: DatabaseConfiguration, board: HealthBoard, logger: Logger) {
        self.loop = loop
        self.configuration = configuration
        self.board = board
        self.logger = logger
        readers = (0..<max(1, configuration.readersPerLoop)).map { _ in Reader(pool: self) }
    }

    // MARK: Reads

    /// Puts a read on its way; wait for its value next.
    func submit(_ query: Query, deadline: Duration?, sessionLabel: String?) -> Result<ReadStep, DatabaseError> {
        if let refusal = refusal(query.sql, query.name) { return .failure(refusal) }
        let reader = chooseReader(for: query)
        guard reader.load < configuration.readLimit else {
            statistics.totals.turnedAway += 1
            return .failure(.overloaded)
        }
        let step = ReadStep(
            query, sessionLabel: sessionLabel, reader: reader, started: loop.now,
            deadline: .now + (deadline ?? configuration.statementDeadline))
        startTicking()
        reader.take(step)
        return .success(step)
    }

    /// What forbids even to try.
    func refusal(_ sql: SQL, _ name: StaticString) -> DatabaseError? {
        if isClosed { return .closed }
        if board.isDown { return board.error }
        // As the server says of text that holds a NUL.
        if sql.holdsNUL { return .server(sqlState: "22021", statement: "\(name)") }
        return nil
    }

    /// So many quick reads share a connection before another one is used.
    private static let companyLimit = 48

    /// Quick reads keep each other company on the first connection, which costs the server and this program fewer turns than
    /// one here and one there: reads by key came out 1.07 times as many, and their p99 a third. Otherwise the least loaded of
    /// those that get on; one that a slow statement stands in is left to it.
    private func chooseReader(for query: Query) -> Reader {
        let first = readers[0]
        if query.isQuick, first.slowLoad == 0, first.load < Self.companyLimit, !first.isStalled(loop.now) {
            return first
        }
        var best = query.isQuick ? first : readers[readers.count - 1]
        guard best.load > 0 else { return best }
        var isBestStalled = best.isStalled(loop.now)
        for reader in readers where reader !== best {
            let isStalled = reader.isStalled(loop.now)
            if (isBestStalled && !isStalled) || (isStalled == isBestStalled && reader.load < best.load) {
                best = reader
                isBestStalled = isStalled
            }
        }
        return best
    }

    // MARK: Connections

    func lanes(_ lane: TransactionLane) -> Lanes { lane == .long ? longLanes : lanes }

    func connector(isReadOnly: Bool, _ completion: @escaping Connector.Completion) -> Connector {
        Connector(
            loop: loop, settings: connectorSettings(isReadOnly: isReadOnly), completion: completion)
    }

    func connectorSettings(isReadOnly: Bool) -> ConnectorSettings {
        let logger = logger
        return ConnectorSettings(
            target: configuration.target, deadline: configuration.connectDeadline,
            statementLimit: configuration.statementLimit, isReadOnly: isReadOnly, pulse: board.pulse,
            lastServed: board.lastServed
        ) { notice in
            let level: Logger.Level = notice.isWarning ? .info : .debug
            logger.log(
                level: level, "database notice",
                metadata: [
                    "severity": "\(notice.severity)", "sqlstate": "\(notice.sqlState)",
                ])
        }
    }

    func opened(_ connection: Connection) {
        guard !isClosed else { return connection.close() }
        connections[ObjectIdentifier(connection)] = connection
        statistics.totals.connectionsOpened += 1
        board.markUp()
    }

    func lost(_ connection: Connection, _ reason: String) {
        connections[ObjectIdentifier(connection)] = nil
        guard !isClosed else { return }
        statistics.totals.connectionsLost += 1
        logger.info("database connection lost", metadata: ["reason": "\(reason)"])
        suspect?()
    }

    func connectFailed(_ failure: ConnectFailure) {
        statistics.totals.connectFailures += 1
        guard !isClosed else { return }
        if connections.isEmpty { board.markTroubled(failure.reason, for: .seconds(1)) }
        suspect?()
    }

    /// Set by the database: have the server looked at now rather than at the next ping.
    var suspect: (@Sendable () -> Void)?

    /// Ends everything that is under way: the server cannot be reached.
    func dropConnections(_ reason: String) {
        for reader in readers { reader.fail(.unavailable(reason: reason)) }
        lanes.fail(.unavailable(reason: reason))
        longLanes.fail(.unavailable(reason: reason))
        streams.fail(.unavailable(reason: reason))
        for connection in connections.values { connection.lose(reason) }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        for reader in readers { reader.close(.closed) }
        lanes.close()
        longLanes.close()
        streams.close()
        for connection in connections.values { connection.close() }
        connections = [:]
    }

    // MARK: Reports

    /// Logs a refusal of the server that is nobody's business but this program's: SQLSTATE and name, and the text only
    /// where it cannot hold data.
    func report(_ reply: ServerReply, statement: StaticString) {
        switch reply.sqlState.prefix(2) {
        case "53" where reply.sqlState == "53100":
            if board.markFull("\(reply.error(statement: statement))") { suspect?() }
        case "53", "58": board.markTroubled("\(reply.error(statement: statement))")
        case "25" where reply.sqlState == "25006": suspect?()
        default: break
        }
        let level: Logger.Level =
            switch reply.sqlState.prefix(2) {
            case "42", "26", "22", "0A", "XX": .error
            case "53", "55", "58", "08": .warning
            case "57": reply.isCancellation ? .debug : .warning
            // Expected of two that want the same, and told to whoever asked.
            default: .debug
            }
        var metadata: Logger.Metadata = ["sqlstate": "\(reply.sqlState)", "statement": "\(statement)"]
        if let message = reply.safeMessage { metadata["message"] = "\(message)" }
        logger.log(level: level, "statement refused", metadata: metadata)
    }

    var snapshot: DatabaseMetrics {
        var snapshot = statistics.snapshot
        snapshot.connectionsOpen = connections.count
        snapshot.waiting = lanes.waitingCount
        return snapshot
    }

    // MARK: Deadlines

    /// Deadlines are looked at now and then rather than each with a timer; nothing ticks while nothing is under way.
    func startTicking() {
        guard !isTicking else { return }
        isTicking = true
        _ = loop.schedule(after: Self.tick) { [self] in tick() }
    }

    private func tick() {
        isTicking = false
        let now = ContinuousClock.now
        for reader in readers { reader.expire(now) }
        lanes.expire(now)
        longLanes.expire(now)
        streams.expire(now)
        var isBusy = lanes.waitingCount > 0 || longLanes.waitingCount > 0 || streams.waitingCount > 0
        for reader in readers where reader.load > 0 { isBusy = true }
        for connection in connections.values where !connection.isIdle {
            connection.expire(now)
            isBusy = true
        }
        if isBusy, !isClosed { startTicking() }
    }
}
