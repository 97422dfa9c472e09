internal import CLibpq
internal import Foundation
internal import Sockets
internal import Synchronization

// Opens one connection on a loop without ever blocking it: names are looked up elsewhere, then each address of each host
// gets one attempt with a deadline of its own, and the first that is let in (and is read-write, where
// target_session_attrs asks for that) is set up and handed over. The host that served last is asked first, so that one
// that is away costs its deadline once and not every time. PQconnectPoll may close its socket and open another one under
// the same number, so the loop's registration is made anew after every poll.
//
// Two things that look like an absent server are none. One that is heard on other connections meanwhile is busy, and gets
// more time. A Unix socket whose queue is full refuses with EAGAIN, which libpq reports, or in some versions takes for "in
// progress": the attempt is made again a little later, within its deadline.

final class Connector: @unchecked Sendable {
    // @unchecked: touched on its loop's thread only.
    typealias Completion = (Result<Connection, ConnectFailure>) -> Void

    private let loop: EventLoop
    private let settings: ConnectorSettings
    private let completion: Completion
    private var candidates: [ConnectionTarget.Candidate]
    private var handle: OpaquePointer?
    private var registration: Registration?
    private var timer: LoopTimer?
    private var failure = ConnectFailure(reason: "no host to connect to")
    private var isDone = false
    private var attempts = 0
    private var attemptBegan = ContinuousClock.now
    private var heardUntil = ContinuousClock.now
    private var inSetUp: Connection?
    /// The host of the attempt under way, as the connection string counts them.
    private var host = 0

    /// How many deadlines an attempt gets in all at a server that is heard elsewhere.
    private static let patience = 5
    /// What libpq's message ends in when the queue is full: it has the system's words for it, and no code.
    private static let queueFull = String(cString: strerror(EAGAIN))
    private static let queueFullPause = Duration.milliseconds(10)

    init(loop: EventLoop, settings: ConnectorSettings, completion: @escaping Completion) {
        self.loop = loop
        self.settings = settings
        self.completion = completion
        candidates = settings.target.candidates(from: settings.lastServed.host)
    }

    func start() {
        tryNext()
    }

    /// Gives up; the completion is called with a failure.
    func abandon(_ reason: String) {
        guard !isDone else { return }
        candidates = []
        failure = ConnectFailure(reason: reason)
        endAttempt()
        finish(.failure(failure))
    }

    private func tryNext() {
        guard !isDone else { return }
        guard !candidates.isEmpty else { return finish(.failure(failure)) }
        let candidate = candidates.removeFirst()
        attempts += 1
        let number = attempts
        attemptBegan = .now
        startTimer(candidate)
        guard let name = candidate.hostToResolve else { return attempt(candidate) }
        Resolver.shared.resolve(name) { [self] addresses in
            loop.execute { [self] in
                guard !isDone, attempts == number else { return }
                timer?.cancel()
                timer = nil
                guard !addresses.isEmpty else { return failAttempt("the name \(name) cannot be looked up") }
                candidates.insert(
                    contentsOf: addresses.map { address in
                        var resolved = candidate
                        resolved.keywords["hostaddr"] = address
                        return resolved
                    }, at: 0)
                tryNext()
            }
        }
    }

    private func startTimer(_ candidate: ConnectionTarget.Candidate) {
        heardUntil = .now
        timer = loop.schedule(after: settings.deadline) { [weak self] in self?.timeIsUp(candidate) }
    }

    private func timeIsUp(_ candidate: ConnectionTarget.Candidate) {
        let mayBeBusy = candidates.isEmpty && settings.pulse.last >= heardUntil
        guard !mayBeBusy || .now - attemptBegan >= settings.deadline * Self.patience else {
            return startTimer(candidate)
        }
        failAttempt("no answer from \(candidate.place) within \(settings.deadline)")
    }

    private func attempt(_ candidate: ConnectionTarget.Candidate) {
        var keys: [UnsafePointer<CChar>?] = []
        var values: [UnsafePointer<CChar>?] = []
        var owned: [UnsafeMutablePointer<CChar>?] = []
        for (keyword, value) in candidate.keywords {
            let key = copy(keyword)
            let text = copy(value)
            owned += [key, text]
            keys.append(UnsafePointer(key))
            values.append(UnsafePointer(text))
        }
        keys.append(nil)
        values.append(nil)
        let started = PQconnectStartParams(keys, values, 0)
        for pointer in owned { pointer?.deallocate() }
        guard let started else { return failAttempt("out of memory") }
        handle = started
        if PQstatus(started) == CONNECTION_BAD {
            let reason = message(started)
            return reason.contains(Self.queueFull) ? attemptLater(candidate) : failAttempt(reason)
        }
        if isTurnedAway(PQsocket(started)) { return attemptLater(candidate) }
        host = candidate.number
        watch(.write)
    }

    /// A Unix socket is connected at once or not at all.
    private func isTurnedAway(_ descriptor: Int32) -> Bool {
        var family: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &family, &length) == 0, family == AF_UNIX else {
            return false
        }
        var address = sockaddr_storage()
        length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &length) != 0 }
        }
    }

    private func attemptLater(_ candidate: ConnectionTarget.Candidate) {
        if let handle { PQfinish(handle) }
        handle = nil
        let number = attempts
        _ = loop.schedule(after: Self.queueFullPause) { [weak self] in
            guard let self, !isDone, attempts == number, handle == nil else { return }
            attempt(candidate)
        }
    }

    private func copy(_ text: String) -> UnsafeMutablePointer<CChar> {
        let utf8 = text.utf8CString
        let pointer = UnsafeMutablePointer<CChar>.allocate(capacity: utf8.count)
        for (index, byte) in utf8.enumerated() { pointer[index] = byte }
        return pointer
    }

    private func watch(_ interest: Interest) {
        guard let handle else { return }
        registration?.cancel()
        do {
            registration = try loop.register(PQsocket(handle), interest: interest) { [weak self] _ in self?.poll() }
        } catch {
            failAttempt("\(error)")
        }
    }

    private func poll() {
        guard let handle else { return }
        // Before the poll, which may close the descriptor.
        registration?.cancel()
        registration = nil
        switch PQconnectPoll(handle) {
        case PGRES_POLLING_READING: watch(.read)
        case PGRES_POLLING_WRITING: watch(.write)
        case PGRES_POLLING_OK: setUp(handle)
        default: failAttempt(message(handle))
        }
    }

    /// The session's own settings, in one round trip.
    private func setUp(_ handle: OpaquePointer) {
        self.handle = nil
        let connection: Connection
        do {
            connection = try Connection(
                loop: loop, handle: handle, statementLimit: settings.statementLimit, pulse: settings.pulse,
                report: settings.report)
        } catch {
            return failAttempt("\(error)")
        }
        inSetUp = connection
        let step = ConnectStep { [weak self] outcome in self?.setUpEnded(connection, outcome) }
        connection.sendOnce(settings.setUpStatement(serverVersion: PQserverVersion(handle)), as: step)
        guard !connection.isLost else { return }
        connection.sync(Step(.sync, name: "set up"))
    }

    private func setUpEnded(_ connection: Connection, _ outcome: StepOutcome) {
        // Else the attempt was given up, and this is only the end of its connection.
        guard inSetUp === connection else { return connection.close() }
        inSetUp = nil
        switch outcome {
        case .success where !isDone:
            settings.lastServed.host = host
            finish(.success(connection))
        case .success: connection.close()
        case .failure(let problem):
            connection.close()
            switch problem {
            case .refused(let reply): failAttempt("the session could not be set up (\(reply.sqlState))")
            case .lost(let reason): failAttempt("the connection was lost while it was set up: \(reason)")
            default: failAttempt("the connection was lost while it was set up")
            }
        }
    }

    private func failAttempt(_ reason: String) {
        guard !isDone else { return }
        failure = ConnectFailure(reason: reason)
        endAttempt()
        tryNext()
    }

    private func endAttempt() {
        timer?.cancel()
        timer = nil
        registration?.cancel()
        registration = nil
        if let handle { PQfinish(handle) }
        handle = nil
        let connection = inSetUp.take()
        connection?.close()
    }

    private func finish(_ result: Result<Connection, ConnectFailure>) {
        guard !isDone else { return }
        isDone = true
        timer?.cancel()
        completion(result)
    }

    private func message(_ handle: OpaquePointer) -> String {
        let text = firstLine(PQerrorMessage(handle))
        return text.isEmpty ? "the connection failed" : text
    }
}

/// What every connection of a kind is opened with.
struct ConnectorSettings {
    let target: ConnectionTarget
    /// For one attempt at one address.
    let deadline: Duration
    let statementLimit: Int
    /// Reads only: the server refuses writes.
    let isReadOnly: Bool
    let pulse: Pulse
    let lastServed: LastServed
    let report: (ServerNotice) -> Void

    func setUpStatement(serverVersion: Int32) -> String {
        var settings = [
            ("timezone", "UTC"), ("datestyle", "ISO, YMD"), ("jit", "off"),
            ("idle_in_transaction_session_timeout", "300s"),
        ]
        // A client that is gone must not leave its statement running.
        if serverVersion >= 140_000 { settings.append(("client_connection_check_interval", "2s")) }
        if isReadOnly { settings.append(("default_transaction_read_only", "on")) }
        return "SELECT " + settings.map { "set_config('\($0.0)', '\($0.1)', false)" }.joined(separator: ", ")
    }
}

/// Which of the hosts let this program in last, over all loops. Any thread.
final class LastServed: Sendable {
    private let number = Atomic<Int>(0)

    var host: Int {
        get { number.load(ordering: .relaxed) }
        set { number.store(newValue, ordering: .relaxed) }
    }
}

struct ConnectFailure: Error, Sendable {
    let reason: String
}

/// Tells the connector when its session is set up.
private final class ConnectStep: Step, @unchecked Sendable {
    private let then: (StepOutcome) -> Void

    init(_ then: @escaping (StepOutcome) -> Void) {
        self.then = then
        super.init(.execute, name: "set up")
    }

    override func ended(_ outcome: StepOutcome) {
        then(outcome)
    }
}
