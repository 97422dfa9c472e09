import Foundation
import HTTPServer
import HTTPTypes
import Integrations

/// Every problem's status and an example, made by the code that answers it.
enum ProblemCatalogue {
    static func status(of code: Problem.Code) -> Int { example(of: code).status }

    static func example(of code: Problem.Code) -> Problem {
        switch code {
        case .malformedJSON:
            Problem(
                status: 400, code: code,
                detail: "The body is not JSON: a member name is missing, at byte 12. Send a JSON object in UTF-8.")
        case .invalidCursor: Cursor.unreadable
        case .idempotencyKeyInvalid:
            Problem(
                status: 400, code: code,
                detail: "An Idempotency-Key is 1 to 255 characters without control characters.")
        case .unauthorized:
            Problem(
                status: 401, code: code,
                detail:
                    "Send `Authorization: Bearer hp_…` with a token that exists, has not expired and is not revoked.")
        case .forbidden:
            Problem(
                status: 403, code: code, detail: "This needs a token with the role manager; this one's is viewer.")
        case .badRequest: ProblemResponse.problem(for: Refusal.malformed("a field name holds a space"))
        case .notFound: .notFound("request")
        case .methodNotAllowed: ProblemResponse.problem(for: Refusal.methodNotAllowed(allow: [.get, .head, .options]))
        case .requestTimeout: ProblemResponse.problem(for: Refusal.timeout)
        case .uriTooLong: ProblemResponse.problem(for: Refusal.targetTooLong)
        case .headersTooLarge: ProblemResponse.problem(for: Refusal.fieldsTooLarge)
        case .expectationFailed: ProblemResponse.problem(for: Refusal.unknownExpectation)
        case .notImplemented: ProblemResponse.problem(for: Refusal.unknownTransferCoding)
        case .versionNotSupported: ProblemResponse.problem(for: Refusal.unsupportedVersion)
        case .bodyTooLarge: ProblemResponse.bodyTooLarge
        case .unsupportedEncoding: ProblemResponse.unsupportedEncoding
        case .staleVersion: .staleVersion
        case .unsupportedMediaType:
            Problem(status: 415, code: code, detail: "Send application/json, or no Content-Type.")
        case .tooManyRequests:
            Problem(status: 429, code: code, detail: "Too many refused attempts. Wait a moment.", retryAfterSeconds: 1)
        case .overloaded: ProblemResponse.problem(for: Refusal.tooManyConnections)
        case .internalError: ProblemResponse.internalError
        case .invalid:
            .invalid([
                FieldProblem(
                    place: .pointer("/lunch_date"), detail: "is not a known member; did you mean launch_date?")
            ])
        default: change(code)
        }
    }

    /// Those of changes.
    private static func change(_ code: Problem.Code) -> Problem {
        let id = ExampleValues.requestUUID
        return switch code {
        case .transitionNotAllowed: .transitionNotAllowed(.approved, RequestState.approved.allowedActions)
        case .requestExists: Problem(Integrations.Refusal.requestExists(id: id, state: .pending, kind: .sso))
        case .ssoNotApproved: Problem(Integrations.Refusal.ssoNotApproved)
        case .alreadyLaunched: Problem(Integrations.Refusal.alreadyLaunched)
        case .checklistIncomplete:
            Problem(Integrations.Refusal.checklistIncomplete(openItems: ["data_reviewed", "login_tested"]))
        case .nothingToApprove: Problem(Integrations.Refusal.nothingToApprove)
        default: other(code)
        }
    }

    private static func other(_ code: Problem.Code) -> Problem {
        let (status, detail, members): (Int, String, [JSONValue.Member]) =
            switch code {
            case .cleverIDTaken: (409, "The district has a clever_id already; it cannot change.", [])
            case .idempotencyInProgress:
                (409, "The first call with this Idempotency-Key is still running. Ask again in a moment.", [])
            case .idempotencyKeyReused:
                (
                    422,
                    "This Idempotency-Key came before with another method, path or body. Use a new key for a new change.",
                    []
                )
            case .maxAffectedExceeded:
                (422, "12 requests would be affected, more than max_affected (10). Nothing was done.", [])
            case .webhookIDConflict:
                (
                    409, "This webhook-id came before with another body. Give every delivery an id of its own.",
                    [.init("delivery_id", .string(ExampleValues.deliveryID))]
                )
            case .launchDatePassed:
                (
                    409,
                    "The launch date 2026-11-01 has passed. Approve with a new launch_date, or with null for none.",
                    [.init("launch_date", "2026-11-01")]
                )
            case .emailNotRetryable:
                (409, "The e-mail is sent. Only a failed or cancelled e-mail can be sent again.", [])
            case .emailNotCancellable: (409, "The e-mail is sent. Only a queued e-mail can be cancelled.", [])
            case .deliveryNotReplayable: (409, "This delivery has nothing to apply: its bytes were removed.", [])
            case .databaseUnavailable:
                (
                    503,
                    "The database cannot be reached or written just now. Nothing was changed; ask again in a moment.",
                    []
                )
            case .outcomeUnknown:
                (503, "The connection to the database was lost while the change was being committed. Read it.", [])
            default: (500, code.title, [])
            }
        return Problem(status: status, code: code, detail: detail, members: members)
    }
}
