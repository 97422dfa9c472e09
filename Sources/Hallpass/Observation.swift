import Foundation
import HTTPServer
import Logging

/// Everything that can be logged or counted, as one enum; logs and metrics read it. No personal data at `info`.
final class Observation: Sendable {
    enum Event: Sendable {
        /// An action failed with something that is not the client's fault.
        case failure(requestID: String, route: String, error: any Error, status: Int)
        /// A callback's signature did not vouch for it.
        case callbackRefused(requestID: String, reason: String)
        case callbackReceived(status: String, type: String?)
        /// A caller was not let in. - Parameter reason: from this program, for a metric; never what the caller sent.
        case authenticationRefused(requestID: String, reason: RefusedAuthentication, clientAddress: String)
        /// A worker's turn failed.
        case workerFailed(worker: String)
        /// Retention removed something.
        case removed(what: String, count: Int)
        /// A message was said to the mail server, which answered or did not.
        case emailAttempted(MailResult)
        /// The mail server cannot be used for any message; the outbox waits.
        case mailServerTrouble(String, reply: String, pauseSeconds: Double)
        /// Messages that a dead process had left in `sending` are queued again.
        case emailsTakenOver(count: Int)
        /// Shared data is being uploaded. - Parameter seconds: since the upload began.
        case upload(UploadPhase, requestID: String, integrationRequestID: UUID, lines: Int, seconds: Double)
    }

    enum UploadPhase: Sendable {
        case started, reading
        case stored(SnapshotCounts)
        /// Why nothing was stored.
        case failed(String)
    }

    /// Why a caller was not let in.
    enum RefusedAuthentication: String, Sendable {
        case missingToken = "missing_token"
        case unknownToken = "unknown_token"
        case roleTooLow = "role_too_low"
        case tooMany = "too_many"
    }

    let metrics: Metrics
    private let logger: Logger
    private let logsAnswers: Bool

    init(logger: Logger, metrics: Metrics) {
        self.logger = logger
        logsAnswers = logger.logLevel <= .info
        self.metrics = metrics
    }

    func observe(_ event: Event) {
        count(event)
        switch event {
        case .failure(let requestID, let route, let error, let status):
            logger.error(
                "request failed",
                metadata: [
                    "request_id": "\(requestID)", "route": "\(route)", "status": "\(status)", "error": "\(error)",
                ])
        case .callbackRefused(let requestID, let reason):
            logger.warning("callback refused", metadata: ["request_id": "\(requestID)", "reason": "\(reason)"])
        case .callbackReceived(let status, let type):
            logger.info("callback received", metadata: ["status": "\(status)", "type": "\(type ?? "")"])
        case .authenticationRefused(let requestID, let reason, let address):
            logger.debug(
                "authentication refused",
                metadata: ["request_id": "\(requestID)", "reason": "\(reason.rawValue)", "peer": "\(address)"])
        case .removed(let what, let count):
            logger.info("retention removed", metadata: ["what": "\(what)", "count": "\(count)"])
        case .workerFailed: break
        case .emailAttempted(let result):
            var metadata: Logger.Metadata = [
                "email": "\(Identifier.format(result.id))", "status": "\(result.status)",
                "code": "\(result.code == 0 ? "none" : String(result.code))",
            ]
            if let id = result.httpRequestID { metadata["request_id"] = "\(id)" }
            logger.info("e-mail attempted", metadata: metadata)
        case .mailServerTrouble(let trouble, let reply, let seconds):
            logger.warning(
                "mail server unusable, the outbox waits",
                metadata: ["trouble": "\(trouble)", "reply": "\(reply)", "seconds": "\(Int(seconds))"])
        case .emailsTakenOver(let count):
            logger.warning("e-mails taken over from a dead process", metadata: ["count": "\(count)"])
        case .upload(let phase, let requestID, let integrationRequestID, let lines, let seconds):
            var metadata: Logger.Metadata = [
                "request_id": "\(requestID)", "integration_request": "\(Identifier.format(integrationRequestID))",
                "lines": "\(lines)", "seconds": "\((seconds * 1000).rounded() / 1000)",
            ]
            switch phase {
            case .started: logger.info("shared data upload started", metadata: metadata)
            case .reading: logger.info("shared data upload goes on", metadata: metadata)
            case .stored(let counts):
                metadata["sections"] = "\(counts.sections)"
                metadata["teachers"] = "\(counts.teachers)"
                metadata["students"] = "\(counts.students)"
                logger.info("shared data upload stored", metadata: metadata)
            case .failed(let why):
                metadata["reason"] = "\(why)"
                logger.info("shared data upload not stored", metadata: metadata)
            }
        }
    }

    private func count(_ event: Event) {
        switch event {
        case .failure(_, _, let error, _):
            metrics.events.add(.failures, ProblemResponse.problem(for: error).code.rawValue)
        case .callbackRefused(_, let reason): metrics.events.add(.refusedCallbacks, reason)
        case .callbackReceived(let status, _): metrics.events.add(.callbacks, status)
        case .authenticationRefused(_, let reason, _): metrics.events.add(.refusedAuthentications, reason.rawValue)
        case .workerFailed(let worker): metrics.events.add(.workerFailures, worker)
        case .emailAttempted(let result):
            metrics.events.add(.emailAttempts, result.status == "queued" ? "deferred" : result.status)
        case .mailServerTrouble(let trouble, _, _): metrics.events.add(.mailServerTroubles, trouble)
        case .emailsTakenOver(let count): metrics.events.add(.emailsTakenOver, "dead_process", count)
        case .removed(let what, let count): metrics.events.add(.removed, what, count)
        case .upload: break
        }
    }

    /// The access log: one line an answer, without query values and tokens, and without a path that names a person.
    func completed(_ request: CompletedRequest) {
        metrics.requests.count(request)
        guard logsAnswers else { return }
        let path = request.route.contains("{clever_id}") ? request.route : request.path
        var metadata: Logger.Metadata = [
            "method": "\(request.method)", "path": "\(path)", "route": "\(request.route)",
            "status": "\(request.status)", "bytes": "\(request.responseBytes)", "peer": "\(request.clientAddress)",
            "ms": "\(Self.milliseconds(request.duration))", "request_id": "\(request.requestID)",
        ]
        if let trace = RequestTrace.checked(request.traceParent) { metadata["traceparent"] = "\(trace)" }
        logger.info("request", metadata: metadata)
    }

    private static func milliseconds(_ duration: Duration) -> Double {
        ((duration / .milliseconds(1)) * 1000).rounded() / 1000
    }
}
