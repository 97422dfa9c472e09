import Foundation
import HTTPServer
import HTTPTypes
import Integrations
import Logging
import Postgres

/// Every error → HTTP, in one place: the application's problems, the database's errors, the body's, and the server's own
/// refusals all become `application/problem+json`.
enum ProblemResponse {
    static let contentType = "application/problem+json"

    /// The response for an error that an action threw. What is nobody's fault but ours is logged and answered 500.
    @inline(never)
    static func make(_ error: any Error, request: Request, application: Application) -> Response {
        let problem = problem(for: error)
        if problem.status >= 500 {
            application.observe(
                .failure(requestID: request.id, route: request.route, error: error, status: problem.status))
        }
        return response(problem, requestID: request.id)
    }

    static func response(_ problem: Problem, requestID: String) -> Response {
        var fields: HTTPFields = [.contentType: contentType]
        if let seconds = problem.retryAfterSeconds { fields[.retryAfter] = String(seconds) }
        if problem.status == 401 { fields[.wwwAuthenticate] = "Bearer" }
        if !problem.allow.isEmpty { fields[.allow] = problem.allow.joined(separator: ", ") }
        return Response(
            status: HTTPResponse.Status(integerLiteral: problem.status), headerFields: fields,
            body: .bytes(problem.body(requestID: requestID)))
    }

    static func problem(for error: any Error) -> Problem {
        switch error {
        case let problem as Problem: problem
        case let refusal as Integrations.Refusal: Problem(refusal)
        case let error as DatabaseError: self.problem(for: error)
        case let error as BodyError: self.problem(for: error)
        default: internalError
        }
    }

    private static func problem(for error: DatabaseError) -> Problem {
        switch error {
        case .outcomeUnknown:
            Problem(
                status: 503, code: .outcomeUnknown,
                detail: """
                    The connection to the database was lost while the change was being committed, so it may or may not have \
                    been made. Read the resource to find out; with an Idempotency-Key the same call can be repeated safely.
                    """, retryAfterSeconds: 1)
        case .overloaded, .deadlineExceeded, .cancelled:
            Problem(
                status: 503, code: .overloaded, detail: "Too much is asked at once. Wait a moment, then ask again.",
                retryAfterSeconds: 1)
        case .unavailable, .readOnly, .closed, .configuration:
            Problem(
                status: 503, code: .databaseUnavailable,
                detail:
                    "The database cannot be reached or written just now. Nothing was changed; ask again in a moment.",
                retryAfterSeconds: 1)
        case .serialization, .lockTimeout:
            Problem(
                status: 503, code: .overloaded,
                detail: "The change met others on the same data and gave way. Nothing was changed; ask again.",
                retryAfterSeconds: 1)
        default: internalError
        }
    }

    private static func problem(for error: BodyError) -> Problem {
        switch error {
        case .tooLarge: bodyTooLarge
        case .malformedEncoding:
            Problem(
                status: 400, code: .malformedJSON,
                detail: "The body's gzip data is damaged, cut short, or followed by something else. Compress it again.")
        case .unsupportedEncoding: unsupportedEncoding
        default:
            Problem(status: 400, code: .badRequest, detail: "The body could not be read whole. Send it again.")
        }
    }

    /// The server's own refusals.
    static func problem(for refusal: HTTPServer.Refusal) -> Problem {
        switch refusal {
        case .malformed(let reason):
            Problem(status: 400, code: .badRequest, detail: "The request is not proper HTTP/1.1: \(reason).")
        case .notFound:
            Problem(status: 404, code: .notFound, detail: "There is no such path. GET /openapi.json lists them all.")
        case .methodNotAllowed(let allow):
            Problem(
                status: 405, code: .methodNotAllowed,
                detail: "This path takes \(allow.map(\.rawValue).joined(separator: ", ")).",
                allow: allow.map(\.rawValue))
        case .timeout:
            Problem(status: 408, code: .requestTimeout, detail: "The request did not arrive in time. Send it again.")
        case .bodyTooLarge: bodyTooLarge
        case .targetTooLong:
            Problem(status: 414, code: .uriTooLong, detail: "The request target is too long. Shorten the query.")
        case .unknownExpectation:
            Problem(status: 417, code: .expectationFailed, detail: "The only expectation met here is 100-continue.")
        case .fieldsTooLarge:
            Problem(
                status: 431, code: .headersTooLarge, detail: "The header fields are too many or too large. Send fewer.")
        case .unknownTransferCoding:
            Problem(status: 501, code: .notImplemented, detail: "The only transfer coding taken here is chunked.")
        case .tooManyConnections:
            Problem(
                status: 503, code: .overloaded, detail: "Too many connections are open. Wait a moment, then ask again.",
                retryAfterSeconds: 1)
        case .stopping:
            Problem(
                status: 503, code: .overloaded, detail: "The service is stopping. Ask again in a moment.",
                retryAfterSeconds: 1)
        case .unsupportedVersion:
            Problem(status: 505, code: .versionNotSupported, detail: "Speak HTTP/1.1.")
        }
    }

    static let bodyTooLarge = Problem(
        status: 413, code: .bodyTooLarge,
        detail: "A body may have 1 MiB as sent and 10 MiB inflated (shared-data: 2 GiB inflated). Send less at once.")

    static let unsupportedEncoding = Problem(
        status: 415, code: .unsupportedEncoding, detail: "A body may be sent as it is or with Content-Encoding: gzip.")

    static let internalError = Problem(
        status: 500, code: .internalError,
        detail: "This is our fault. Report it with the request_id; the log says more under that id.")
}
