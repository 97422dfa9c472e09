internal import CLibpq
internal import Sockets

// One libpq connection in pipeline mode on one loop. `pending` mirrors libpq's own command queue: what was sent and not
// yet answered, oldest first. Answers come in that order, so the step at the head owns the next result. A unit of steps
// ends with a sync, which is also where the server commits what the unit did (outside BEGIN/COMMIT) and takes up work
// again after an error; every step between an error and its sync is answered "aborted". A flush request makes the server
// answer what it has without ending the unit, so a transaction can stay open over several round trips.
// Nothing here waits: bytes that do not fit into the socket stay with libpq until it is writable.
// Whoever closes or loses the connection gets every pending step completed with `.lost`, then `onLost`.

final class Connection: @unchecked Sendable {
    // @unchecked: touched on its loop's thread only.
    let loop: EventLoop
    let handle: OpaquePointer
    let canceller: Canceller
    private(set) var pending = Ring<Step>()
    private(set) var isLost = false
    /// Warnings the server sent, other than notices; a commit that warns is looked at twice.
    fileprivate(set) var warnings = 0
    var onLost: ((_ reason: String) -> Void)?
    /// Called after answers were taken in.
    var onAnswers: (() -> Void)?
    /// Called with the notifications that came.
    var onNotification: ((_ channel: String, _ payload: String) -> Void)?
    /// While set, readiness belongs to it and the pipeline is off (COPY, scripts).
    var plain: PlainMode?
    private var statements: StatementCache
    private var registration: Registration?
    private let report: (ServerNotice) -> Void
    private let pulse: Pulse
    private var values: [UnsafePointer<CChar>?] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []
    private var types: [UInt32] = []

    /// Takes over a connected handle. - Throws: when the loop cannot watch it; the handle is closed then.
    init(
        loop: EventLoop, handle: OpaquePointer, statementLimit: Int, pulse: Pulse,
        report: @escaping (ServerNotice) -> Void
    ) throws(SocketError) {
        self.loop = loop
        self.handle = handle
        self.pulse = pulse
        self.report = report
        canceller = Canceller(PQgetCancel(handle))
        statements = StatementCache(limit: statementLimit)
        PQsetnonblocking(handle, 1)
        PQenterPipelineMode(handle)
        PQsetNoticeReceiver(
            handle,
            { context, result in
                guard let context else { return }
                Unmanaged<Connection>.fromOpaque(context).takeUnretainedValue().noticed(result)
            }, Unmanaged.passUnretained(self).toOpaque())
        do {
            registration = try loop.register(PQsocket(handle), interest: .read) { [unowned self] readiness in
                ready(readiness)
            }
        } catch {
            isLost = true
            PQfinish(handle)
            throw error
        }
    }

    deinit {
        precondition(isLost, "a connection is closed by its owner, on its loop")
    }

    var isIdle: Bool { pending.isEmpty && plain == nil }

    /// In a transaction block, in a failed one, or in none.
    var transactionStatus: PGTransactionStatusType { PQtransactionStatus(handle) }

    /// A parameter the server reports by itself, such as `in_hot_standby`.
    func parameter(_ name: String) -> String? {
        PQparameterStatus(handle, name).map { String(cString: $0) }
    }

    // MARK: Sending

    /// Puts a statement into the pipeline, prepared first where it is not yet. Nothing leaves before a flush.
    func send(_ sql: SQL, as step: Step) {
        guard !isLost else { return step.complete(.failure(.lost("the connection was lost"))) }
        let statement = statements.statement(for: sql, name: step.name)
        step.statement = statement
        if !statement.isPrepared {
            prepare(statement, for: step)
            guard !isLost else { return step.complete(.failure(.lost("the connection was lost"))) }
        }
        guard execute(sql, statement) == 1 else {
            lose(firstLine(PQerrorMessage(handle)))
            return step.complete(.failure(.lost("the connection was lost")))
        }
        pending.append(step)
    }

    /// Puts a statement without values into the pipeline, unprepared.
    func sendOnce(_ text: String, as step: Step) {
        guard !isLost, PQsendQueryParams(handle, text, 0, nil, nil, nil, nil, 1) == 1 else {
            lose(firstLine(PQerrorMessage(handle)))
            return step.complete(.failure(.lost("the connection was lost")))
        }
        pending.append(step)
    }

    /// Ends the unit and sends everything.
    func sync(_ step: Step) {
        guard !isLost, PQpipelineSync(handle) == 1 else {
            lose(isLost ? "" : firstLine(PQerrorMessage(handle)))
            return step.complete(.failure(.lost("the connection was lost")))
        }
        pending.append(step)
        flush()
    }

    /// Asks for the answers so far and sends everything; the unit stays open.
    func requestAnswers() {
        guard !isLost else { return }
        guard PQsendFlushRequest(handle) == 1 else { return lose(firstLine(PQerrorMessage(handle))) }
        flush()
    }

    func flush() {
        guard !isLost else { return }
        let rest = PQflush(handle)
        guard rest >= 0 else { return lose(firstLine(PQerrorMessage(handle))) }
        registration?.update(rest == 1 ? [.read, .write] : .read)
    }

    private func prepare(_ statement: PreparedStatement, for step: Step) {
        for old in statements.evict() where old.isPrepared {
            sendOnce("DEALLOCATE \(old.name)", as: Step(.execute, name: "deallocate"))
        }
        guard !isLost else { return }
        types.removeAll(keepingCapacity: true)
        for type in statement.types { types.append(type.rawValue) }
        guard PQsendPrepare(handle, statement.name, statement.text, Int32(types.count), types) == 1 else {
            return lose(firstLine(PQerrorMessage(handle)))
        }
        statement.isPrepared = true
        statement.columns = nil
        let preparation = Step(.prepare, name: step.name)
        preparation.statement = statement
        pending.append(preparation)
    }

    private func execute(_ sql: SQL, _ statement: PreparedStatement) -> Int32 {
        let count = sql.parameters.count
        guard count > 0 else {
            return PQsendQueryPrepared(handle, statement.name, 0, nil, nil, nil, 1)
        }
        values.removeAll(keepingCapacity: true)
        lengths.removeAll(keepingCapacity: true)
        formats.removeAll(keepingCapacity: true)
        return sql.bytes.withUnsafeBytes { bytes in
            for parameter in sql.parameters {
                let isNull = parameter.length < 0
                values.append(
                    isNull
                        ? nil
                        : bytes.baseAddress.map { $0.advanced(by: Int(parameter.start)) }?
                            .assumingMemoryBound(to: CChar.self))
                lengths.append(isNull ? 0 : parameter.length)
                formats.append(parameter.isBinary ? 1 : 0)
            }
            return PQsendQueryPrepared(
                handle, statement.name, Int32(truncatingIfNeeded: count), values, lengths, formats, 1)
        }
    }

    // MARK: Receiving

    private func ready(_ readiness: Readiness) {
        if let plain { return plain.ready(readiness) }
        if readiness.contains(.write) { flush() }
        guard !isLost else { return }
        if !readiness.subtracting(.write).isEmpty { receive() }
    }

    /// Takes in what has arrived and answers steps with it.
    func receive() {
        guard !isLost, plain == nil else { return }
        let isAlive = PQconsumeInput(handle) == 1
        if isAlive { pulse.beat(loop.now) }
        takeResults()
        takeNotifications()
        if !isAlive, !isLost { lose(firstLine(PQerrorMessage(handle))) }
        onAnswers?()
    }

    private func takeResults() {
        var emptyHanded = 0
        while !isLost, let step = pending.first, PQisBusy(handle) == 0, emptyHanded < 3 {
            guard let result = PQgetResult(handle) else {
                // Ends the results of a statement; a sync has none after its own.
                if step.kind != .sync, let answer = step.answer {
                    finish(step, answer)
                    emptyHanded = 0
                } else {
                    emptyHanded += 1
                }
                continue
            }
            emptyHanded = 0
            take(result, for: step)
        }
    }

    private func take(_ result: OpaquePointer, for step: Step) {
        let status = PQresultStatus(result)
        switch status {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
            guard step.kind == .execute else {
                PQclear(result)
                step.answer = .success(nil)
                return
            }
            let handle = ResultHandle(result, columns: step.statement?.columns, statement: step.name)
            if let statement = step.statement { statement.columns = handle.columns }
            step.answer = .success(Rows(handle))
        case PGRES_PIPELINE_SYNC:
            PQclear(result)
            finish(step, step.answer ?? .success(nil))
        case PGRES_PIPELINE_ABORTED:
            PQclear(result)
            step.answer = .failure(.aborted)
        default:
            let reply = ServerReply(result)
            PQclear(result)
            // libpq's own errors have no SQLSTATE: the connection is gone, and nothing is known of the step.
            guard !reply.sqlState.isEmpty else { return lose(firstLine(PQerrorMessage(handle))) }
            step.answer = .failure(.refused(reply))
            if reply.isFatal { lose(reply.safeMessage ?? "the server ended the connection") }
        }
    }

    private func finish(_ step: Step, _ answer: StepOutcome) {
        _ = pending.removeFirst()
        guard let statement = step.statement, case .failure(let failure) = answer else { return step.complete(answer) }
        switch failure {
        case .refused(let reply) where step.kind == .prepare:
            statement.refusal = reply
            statements.forget(statement)
        case .refused(let reply) where reply.asksForPreparation: statements.forget(statement)
        case .aborted where step.kind == .prepare: statements.forget(statement)
        case .aborted:
            // What was said of the preparation is meant for whoever wanted to run it.
            if let refusal = statement.refusal { return step.complete(.failure(.refused(refusal))) }
        default: break
        }
        step.complete(answer)
    }

    private func takeNotifications() {
        guard !isLost else { return }
        while let notification = PQnotifies(handle) {
            let channel = String(cString: notification.pointee.relname)
            let payload = String(cString: notification.pointee.extra)
            PQfreemem(notification)
            onNotification?(channel, payload)
        }
    }

    private func noticed(_ result: OpaquePointer?) {
        let notice = ServerNotice(result)
        if notice.isWarning { warnings += 1 }
        report(notice)
    }

    /// Whether the server may be at this step: answers are held back until their unit's sync, so the unit is all that
    /// is known.
    func isInCurrentUnit(_ step: Step) -> Bool {
        var isBeforeSync = true
        var isFound = false
        pending.forEach { other in
            if isBeforeSync, other === step { isFound = true }
            if other.kind == .sync { isBeforeSync = false }
        }
        return isFound
    }

    // MARK: The end

    /// Hands the socket's readiness over; the caller has taken libpq out of pipeline mode.
    func leavePipeline(deadline: ContinuousClock.Instant) -> PlainMode {
        let mode = PlainMode(
            handle: handle, deadline: deadline, watch: { [weak self] in self?.registration?.update($0) },
            broken: { [weak self] in self?.lose($0) })
        plain = mode
        return mode
    }

    /// Gives up the steps whose time is up.
    func expire(_ now: ContinuousClock.Instant) {
        pending.forEach { step in
            if let deadline = step.deadline, deadline <= now { step.complete(.failure(.expired)) }
        }
        if let plain, plain.deadline <= now { plain.expire() }
    }

    /// Closes the connection; what is pending ends as lost.
    func close() {
        lose("it was closed")
    }

    func lose(_ reason: String) {
        guard !isLost else { return }
        isLost = true
        registration?.cancel()
        registration = nil
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
        PQfinish(handle)
        let text = reason.isEmpty ? "the connection was lost" : reason
        while let step = pending.removeFirst() {
            // A step that was answered, and only its end not seen, is answered.
            step.complete(step.kind == .sync ? .failure(.lost(text)) : (step.answer ?? .failure(.lost(text))))
        }
        let plain = plain.take()
        plain?.lost(text)
        onLost?(text)
        onLost = nil
        onAnswers = nil
        onNotification = nil
    }
}

/// A NOTICE or WARNING, without its text, which may hold data.
struct ServerNotice {
    let severity: String
    let sqlState: String

    var isWarning: Bool { severity == "WARNING" }

    init(_ result: OpaquePointer?) {
        func field(_ code: Character) -> String {
            PQresultErrorField(result, Int32(code.asciiValue ?? 0)).map { String(cString: $0) } ?? ""
        }
        severity = field("V")
        sqlState = field("C")
    }
}
