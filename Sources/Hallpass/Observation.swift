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
        /// Shared data is being uploaded. - Parameter seconds: since the upload began.
        case upload(UploadPhase, requestID: String, integrationRequestID: UUID, lines: Int, seconds: Double)
    }

    enum UploadPhase: Sendable {
        case started, reading
        case stored(SnapshotCounts)
        /// Why nothing was stored.
        case failed(String)
    }

    private let logger: Logger

    init(logger: Logger) { self.logger = logger }

    func observe(_ event: Event) {
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

    /// The access log: one line an answer, without query values and tokens.
    func completed(_ request: CompletedRequest) {
        guard logger.logLevel <= .info else { return }
        var metadata: Logger.Metadata = [
            "method": "\(request.method)", "path": "\(request.path)", "route": "\(request.route)",
            "status": "\(request.status)", "bytes": "\(request.responseBytes)", "peer": "\(request.clientAddress)",
            "ms": "\(Self.milliseconds(request.duration))", "request_id": "\(request.requestID)",
        ]
        if let trace = request.traceParent { metadata["traceparent"] = "\(trace)" }
        logger.info("request", metadata: metadata)
    }

    private static func milliseconds(_ duration: Duration) -> Double {
        ((duration / .milliseconds(1)) * 1000).rounded() / 1000
    }
}
