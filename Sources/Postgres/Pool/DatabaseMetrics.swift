/// What a database counted since it was made. A value: take one, and another one later.
public struct DatabaseMetrics: Sendable {
    public struct Statement: Sendable {
        public let name: String
        public var count = 0
        public var errors = 0
        public var total = Duration.zero
        public var longest = Duration.zero
        /// How many took at most so long: the bounds are `DatabaseMetrics.bounds`, and one more for the rest.
        public var histogram = [Int](repeating: 0, count: DatabaseMetrics.bounds.count + 1)

        mutating func merge(_ other: Statement) {
            count += other.count
            errors += other.errors
            total += other.total
            longest = max(longest, other.longest)
            for index in histogram.indices { histogram[index] += other.histogram[index] }
        }
    }

    /// Upper bounds of the histogram's classes.
    public static let bounds: [Duration] = [
        .microseconds(500), .milliseconds(1), .milliseconds(5), .milliseconds(10), .milliseconds(50),
        .milliseconds(100), .milliseconds(500), .seconds(1), .seconds(5),
    ]

    /// Reads and single statements by their name.
    public var statements: [Statement] = []
    /// Transactions by their name, from the wait for a connection to the commit.
    public var transactions: [Statement] = []
    /// Connections that are open now, and those opened and lost since the start.
    public var connectionsOpen = 0
    public var connectionsOpened = 0
    public var connectionsLost = 0
    /// Attempts to connect that failed.
    public var connectFailures = 0
    /// Transactions that had to wait for a connection, how long in all, and those turned away.
    public var waits = 0
    public var waited = Duration.zero
    public var turnedAway = 0
    /// How many wait at this moment.
    public var waiting = 0
    /// Transactions run again: after a collision, after a lost connection.
    public var retriesAfterCollision = 0
    public var retriesAfterLoss = 0
    /// Commits whose answer never came.
    public var unknownOutcomes = 0
    /// Statements cancelled on the server.
    public var cancels = 0

    mutating func merge(_ other: DatabaseMetrics) {
        Self.merge(&statements, other.statements)
        Self.merge(&transactions, other.transactions)
        connectionsOpen += other.connectionsOpen
        connectionsOpened += other.connectionsOpened
        connectionsLost += other.connectionsLost
        connectFailures += other.connectFailures
        waits += other.waits
        waited += other.waited
        turnedAway += other.turnedAway
        waiting += other.waiting
        retriesAfterCollision += other.retriesAfterCollision
        retriesAfterLoss += other.retriesAfterLoss
        unknownOutcomes += other.unknownOutcomes
        cancels += other.cancels
    }

    private static func merge(_ statements: inout [Statement], _ others: [Statement]) {
        for other in others {
            if let index = statements.firstIndex(where: { $0.name == other.name }) {
                statements[index].merge(other)
            } else {
                statements.append(other)
            }
        }
    }
}

/// What one loop counts. Touched on the loop only, so counting costs no lock.
struct PoolStatistics {
    var totals = DatabaseMetrics()
    private var statements: [StatementName: DatabaseMetrics.Statement] = [:]
    private var transactions: [StatementName: DatabaseMetrics.Statement] = [:]

    mutating func record<Success, Failure>(
        _ name: StaticString, since: ContinuousClock.Instant, now: ContinuousClock.Instant,
        _ result: Result<Success, Failure>
    ) {
        Self.count(&statements, name, now - since, isError: result.isFailure)
    }

    mutating func recordTransaction(_ name: StaticString, took: Duration, isError: Bool) {
        Self.count(&transactions, name, took, isError: isError)
    }

    var snapshot: DatabaseMetrics {
        var snapshot = totals
        snapshot.statements = Array(statements.values)
        snapshot.transactions = Array(transactions.values)
        return snapshot
    }

    private static func count(
        _ counts: inout [StatementName: DatabaseMetrics.Statement], _ name: StaticString, _ took: Duration,
        isError: Bool
    ) {
        let index = DatabaseMetrics.bounds.firstIndex { took <= $0 } ?? DatabaseMetrics.bounds.count
        func add(_ entry: inout DatabaseMetrics.Statement) {
            entry.count += 1
            if isError { entry.errors += 1 }
            entry.total += took
            if took > entry.longest { entry.longest = took }
            entry.histogram[index] += 1
        }
        add(&counts[StatementName(name), default: DatabaseMetrics.Statement(name: "\(name)")])
    }
}

extension Result {
    var isFailure: Bool { if case .failure = self { true } else { false } }
}
