/// How a `Database` connects and what it bounds. Durations are this program's own deadlines, not the server's settings.
public struct DatabaseConfiguration: Sendable {
    let target: ConnectionTarget

    /// Connections for transactions, per loop. Commits of several share one write to the server's disk, so one is too
    /// few; beyond about 8 a loop it gets slower.
    public var connectionsPerLoop = 8
    /// Connections that reads share, per loop.
    public var readersPerLoop = 2
    /// Connections for streams (`rows`, `copyOut`), per loop.
    public var streamsPerLoop = 2
    /// Connections for transactions that stay open while others run (`TransactionLane.long`), per loop.
    public var longTransactionsPerLoop = 2
    /// For a statement that has no deadline of its own.
    public var statementDeadline = Duration.seconds(10)
    /// For one attempt to connect to one address.
    public var connectDeadline = Duration.seconds(1)
    /// How long a transaction waits for a connection before it is turned away with `.overloaded`.
    public var queueDeadline = Duration.seconds(5)
    /// How many may wait for a connection, per loop; one more is turned away with `.overloaded`.
    public var queueLimit = 512
    /// How many reads may be waiting or under way, per loop.
    public var readLimit = 2048
    /// How often a server that is away is looked for.
    public var probeInterval = Duration.milliseconds(250)
    /// How often an idle server is asked whether it is there, and how long it may take to say so.
    public var pingInterval = Duration.seconds(1)
    public var pingDeadline = Duration.milliseconds(800)
    /// Prepared statements kept on a connection.
    public var statementLimit = 256

    /// - Parameters:
    ///   - connection: a libpq URI or keyword string; several hosts are tried in turn.
    ///   - applicationName: shown in `pg_stat_activity`, unless the string says another.
    /// - Throws: `.configuration` when the string cannot be read.
    public init(_ connection: String, applicationName: String = "hallpass") throws(DatabaseError) {
        target = try ConnectionTarget(connection, applicationName: applicationName)
    }
}

public enum TransactionIsolation: Sendable {
    case readCommitted
    case repeatableRead
    case serializable

    var begin: SQL {
        switch self {
        case .readCommitted: "BEGIN"
        case .repeatableRead: "BEGIN ISOLATION LEVEL REPEATABLE READ"
        case .serializable: "BEGIN ISOLATION LEVEL SERIALIZABLE"
        }
    }
}

/// Whether a transaction that did not happen is tried again.
public enum TransactionRetry: Sendable {
    case never
    /// The closure changes nothing outside the transaction, so it may run again: after a serialization failure, a
    /// deadlock, or a connection lost before the commit was sent. At most so many times in all.
    case upTo(attempts: Int)

    /// Three times in all.
    public static let safe = TransactionRetry.upTo(attempts: 3)

    var attempts: Int {
        switch self {
        case .never: 1
        case .upTo(let attempts): max(1, attempts)
        }
    }
}

/// Which connections a transaction takes its own from.
public enum TransactionLane: Sendable {
    case ordinary
    /// For one that stays open while its closure waits for other transactions: from connections apart, since those who
    /// hold the ordinary ones could otherwise wait for one another.
    case long
}
