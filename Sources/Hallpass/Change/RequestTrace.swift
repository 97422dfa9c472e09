import HTTPServer

// What an HTTP request is known by, carried to wherever its change leads: the audit trail, the sessions of the database while
// they work for it (pg_stat_activity), the e-mails it writes, and the log lines about these.

/// The id of the HTTP request behind a change, and the trace that it belongs to.
struct RequestTrace: Sendable, Hashable {
    /// `X-Request-Id`, ours or the client's.
    var requestID: String
    /// The client's `traceparent` (W3C Trace Context §3.2); nil when there was none that reads as one.
    var traceParent: String?

    init(requestID: String, traceParent: String? = nil) {
        self.requestID = requestID
        self.traceParent = Self.checked(traceParent)
    }

    init(_ request: Request) {
        self.init(requestID: request.id, traceParent: request.traceParent)
    }

    /// The label for a request's reads. They share their sessions, so only those of a client that will look for them have
    /// one: it gave the request an id of its own, or sampled the trace (W3C Trace Context §3.2.2.5.1).
    static func readLabel(of request: Request) -> String? {
        if !request.isNamedByClient {
            guard let given = checked(request.traceParent), let flags = UInt8(given.suffix(2), radix: 16),
                flags & 1 == 1
            else { return nil }
        }
        return RequestTrace(request).sessionLabel
    }

    /// The 32 digits that name the whole trace.
    var traceID: Substring? { traceParent.map { $0.dropFirst(3).prefix(32) } }

    /// For `application_name`, of which PostgreSQL keeps 63 bytes: the request's id, and the trace's where there is one.
    var sessionLabel: String {
        guard let traceID else { return "hallpass \(requestID.prefix(54))" }
        return "hp \(requestID.prefix(26)) \(traceID)"
    }

    /// A `traceparent` of version 00, or what a later version begins with; anything else may hold whatever a client likes.
    static func checked(_ text: String?) -> String? {
        guard let text, text.utf8.count >= 55 else { return nil }
        let parts = text.prefix(55).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [2, 32, 16, 2], parts.allSatisfy({ $0.utf8.allSatisfy(isHexDigit) }),
            parts[0] != "ff", !parts[1].utf8.allSatisfy({ $0 == UInt8(ascii: "0") }),
            !parts[2].utf8.allSatisfy({ $0 == UInt8(ascii: "0") }),
            text.utf8.count == 55 || parts[0] != "00" && text.utf8.dropFirst(55).first == UInt8(ascii: "-")
        else { return nil }
        return String(text.prefix(55))
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
