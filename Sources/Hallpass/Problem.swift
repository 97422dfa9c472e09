import HTTPTypes

/// A refusal as the client sees it: RFC 9457 `application/problem+json` with a stable `code` (API §1).
struct Problem: Error, Sendable, Hashable {
    var status: Int
    var code: Code
    /// What to do next, for a person. Never SQL, a stack or a secret.
    var detail: String
    var errors: [FieldProblem] = []
    /// Members beside the standard ones, such as `state` and `allowed`.
    var members: [JSONValue.Member] = []
    /// Seconds for `Retry-After`.
    var retryAfterSeconds: Int?
    /// Methods for `Allow`.
    var allow: [String] = []

    enum Code: String, Sendable, CaseIterable {
        case malformedJSON = "malformed_json"
        case invalidCursor = "invalid_cursor"
        case idempotencyKeyInvalid = "idempotency_key_invalid"
        case badRequest = "bad_request"
        case unauthorized, forbidden
        case notFound = "not_found"
        case methodNotAllowed = "method_not_allowed"
        case requestTimeout = "request_timeout"
        case staleVersion = "stale_version"
        case bodyTooLarge = "body_too_large"
        case uriTooLong = "uri_too_long"
        case headersTooLarge = "headers_too_large"
        case expectationFailed = "expectation_failed"
        case unsupportedMediaType = "unsupported_media_type"
        case unsupportedEncoding = "unsupported_encoding"
        case tooManyRequests = "too_many_requests"
        case invalid
        case idempotencyKeyReused = "idempotency_key_reused"
        case maxAffectedExceeded = "max_affected_exceeded"
        case transitionNotAllowed = "transition_not_allowed"
        case requestExists = "request_exists"
        case ssoNotApproved = "sso_not_approved"
        case launchDatePassed = "launch_date_passed"
        case alreadyLaunched = "already_launched"
        case checklistIncomplete = "checklist_incomplete"
        case nothingToApprove = "nothing_to_approve"
        case cleverIDTaken = "clever_id_taken"
        case idempotencyInProgress = "idempotency_in_progress"
        case webhookIDConflict = "webhook_id_conflict"
        case emailNotRetryable = "email_not_retryable"
        case emailNotCancellable = "email_not_cancellable"
        case deliveryNotReplayable = "delivery_not_replayable"
        case databaseUnavailable = "database_unavailable"
        case outcomeUnknown = "outcome_unknown"
        case overloaded
        case notImplemented = "not_implemented"
        case versionNotSupported = "http_version_not_supported"
        case internalError = "internal_error"

        /// RFC 9457's `title`: the same words for every occurrence.
        var title: String {
            switch self {
            case .malformedJSON: "The body is not JSON"
            case .invalidCursor: "The cursor cannot be read"
            case .idempotencyKeyInvalid: "The Idempotency-Key is not usable"
            case .badRequest: "The request is malformed"
            case .unauthorized: "Authentication is required"
            case .forbidden: "The token's role does not allow this"
            case .notFound: "Not found"
            case .methodNotAllowed: "The path does not take this method"
            case .requestTimeout: "The request took too long to arrive"
            case .staleVersion: "The resource has changed"
            case .bodyTooLarge: "The body is too large"
            case .uriTooLong: "The request target is too long"
            case .headersTooLarge: "The header is too large"
            case .expectationFailed: "The expectation cannot be met"
            case .unsupportedMediaType: "The media type is not supported"
            case .unsupportedEncoding: "The content coding is not supported"
            case .tooManyRequests: "Too many refused attempts"
            case .invalid: "The input is not valid"
            case .idempotencyKeyReused: "The Idempotency-Key was used for something else"
            case .maxAffectedExceeded: "More would be affected than allowed"
            case .transitionNotAllowed: "The request's state does not allow this"
            case .requestExists: "A request of this kind is already open"
            case .ssoNotApproved: "SSO is not approved"
            case .launchDatePassed: "The launch date has passed"
            case .alreadyLaunched: "Already launched"
            case .checklistIncomplete: "The checklist is not complete"
            case .nothingToApprove: "Nothing waits for approval"
            case .cleverIDTaken: "The Clever id is taken"
            case .idempotencyInProgress: "The first call with this key is still running"
            case .webhookIDConflict: "The webhook-id came before with another body"
            case .emailNotRetryable: "The e-mail cannot be retried"
            case .emailNotCancellable: "The e-mail cannot be cancelled"
            case .deliveryNotReplayable: "The delivery cannot be replayed"
            case .databaseUnavailable: "The database is not available"
            case .outcomeUnknown: "It is not known whether the change was made"
            case .overloaded: "Too much is asked at once"
            case .notImplemented: "Not implemented"
            case .versionNotSupported: "The HTTP version is not supported"
            case .internalError: "Something went wrong here"
            }
        }
    }

    /// The body, with the id of the HTTP request it answers.
    func body(requestID: String) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("type", "urn:hallpass:problem:\(code.rawValue)")
            writer.member("title", code.title)
            writer.member("status", status)
            writer.member("detail", detail)
            writer.member("code", code.rawValue)
            writer.member("request_id", requestID)
            for member in members {
                writer.name(dynamic: member.name)
                writer.value(member.value)
            }
            if !errors.isEmpty {
                writer.member("errors", array: { writer in for error in errors { error.write(to: &writer) } })
            }
        }
        return writer.bytes
    }
}

extension Problem {
    static func invalid(_ errors: [FieldProblem]) -> Problem {
        let count = errors.count == 1 ? "One thing is" : "\(errors.count) things are"
        return Problem(
            status: 422, code: .invalid, detail: "\(count) not valid; `errors` says where and what would be right.",
            errors: errors)
    }

    static func invalid(_ pointer: String, _ detail: String) -> Problem {
        .invalid([FieldProblem(place: .pointer(pointer), detail: detail)])
    }

    static func notFound(_ what: String = "resource") -> Problem {
        Problem(status: 404, code: .notFound, detail: "There is no such \(what). Check the id, or list to find it.")
    }

    static let staleVersion = Problem(
        status: 412, code: .staleVersion,
        detail: "The resource has changed since the version in If-Match. Read it again, then decide.")
}
