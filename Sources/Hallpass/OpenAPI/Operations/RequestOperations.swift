import HTTPTypes
import Integrations

/// Asking, reading and correcting requests.
enum RequestOperations {
    static let all: [Operation] = [create, list, get, patch, timeline, checklist, bulk] + DecisionOperations.all

    private static let create = Operation(
        method: .post, path: "/v1/requests", id: "createRequest", tag: .requests,
        summary: "Ask for an integration",
        details: """
            Makes a request of one kind for a district. A rostering request may come before or while SSO is pending: it is \
            accepted, and `awaiting` is `sso` until SSO is approved.
            """,
        body: Body(
            .ref("NewRequest"),
            .json(
                """
                {"kind": "sso",
                 "district": {"clever_id": "4fd43cc56d11340000000005", "name": "Demo District", "state": "CA"},
                 "requester": {"name": "Lee Park", "email": "lee@demo.k12.ca.us", "title": "Tech admin"},
                 "launch_date": "2026-12-01"}
                """)),
        answers: [
            .json(
                .ref("ChangedRequest"), "The request.", status: 201, example: ExampleValues.request,
                headers: ["Location", "ETag"])
        ],
        problems: [.requestExists, .cleverIDTaken])

    private static let list = Operation(
        method: .get, path: "/v1/requests", id: "listRequests", tag: .requests, summary: "List or export requests",
        details: """
            A page as JSON. With `Accept: text/csv` or `Accept: application/x-ndjson` the whole result is streamed, unpaged. \
            CSV is RFC 4180 with a header line; a cell that a spreadsheet would execute gets a leading `'`.
            """,
        parameters: [
            .query(
                "state", .array(of: .oneOf(RequestState.self)), "Requests in one of these states.",
                example: "pending,needs_info", isList: true),
            .query("kind", .oneOf(Kind.self), "Requests of this kind."),
            .query("district_id", .id, "Requests of this district.", example: .string(ExampleValues.districtID)),
            .query("awaiting", .oneOf(["sso", "none"]), "Requests that wait for SSO, or for nothing."),
            .query("launch_status", .oneOf(LaunchStatus.self), "Requests whose launch stands so."),
            .query("launch_before", .date, "Launch dates before this one.", example: "2026-12-31"),
            .query("launch_after", .date, "Launch dates after this one.", example: "2026-11-30"),
            .query("account_manager", .string(length: 1...320), "Requests of districts with this account manager."),
            .query(
                "updated_after", .instant, "Requests changed after this instant.", example: "2026-11-23T00:00:00.000Z"),
            .query(
                "q", .name, "Text in the district's name, the requester's name or e-mail; upper and lower case alike.",
                example: "demo"),
            .query(
                "sort", .oneOf(RequestFilters.Sort.self),
                "The order: newest first when left out; `launch_date` puts those without a date last."),
        ],
        answers: [
            listReply
        ],
        problems: [.invalidCursor])

    private static let listReply: Reply = {
        var reply = Reply.page(
            of: .ref("Request"), "A page of requests, or all of them.", example: ExampleValues.request)
        reply.contents += [
            Reply.Content(
                mediaType: "text/csv",
                schema: Schema.string().described("Columns: \(CSVRequest.header.joined(separator: ", ")).")),
            Reply.Content(
                mediaType: "application/x-ndjson", schema: Schema.string().described("A request to a line."),
                itemSchema: .ref("Request")),
        ]
        return reply
    }()

    private static let get = Operation(
        method: .get, path: "/v1/requests/{id}", id: "getRequest", tag: .requests, summary: "Read a request",
        answers: [
            .json(.ref("Request"), "The request.", example: ExampleValues.request, headers: ["ETag"]),
            Reply(status: 304, description: "It is as you have it.", headers: ["ETag"]),
        ])

    private static let patch = Operation(
        method: .patch, path: "/v1/requests/{id}", id: "patchRequest", tag: .requests, summary: "Correct a request",
        details: "A merge patch (RFC 7396) of the requester and the message, while the request is open.",
        body: Body(
            Schema.input([
                .optional(
                    "requester",
                    .input([.optional("name", .name), .optional("email", .email), .optional("title", .title)])),
                .optional("message", .remark),
            ]), isRequired: false, .json(#"{"requester": {"email": "lee.park@demo.k12.ca.us"}}"#)),
        answers: [DecisionOperations.reply], problems: [.transitionNotAllowed], isVersioned: true)

    private static let timeline = Operation(
        method: .get, path: "/v1/requests/{id}/timeline", id: "getTimeline", tag: .requests,
        summary: "Read what happened to a request",
        details:
            "Oldest first: callbacks, decisions, sharing, launches, notes, and e-mails with the SMTP server's reply.",
        answers: [
            .page(of: .ref("TimelineEntry"), "A page of entries.", example: ExampleValues.timelineEntry)
        ], problems: [.invalidCursor])

    private static let checklist = Operation(
        method: .put, path: "/v1/requests/{id}/checklist/{item}", id: "putChecklistItem", tag: .requests,
        summary: "Settle an item of the checklist", details: "`waived` needs a `note` that says why.",
        body: Body(
            .input([.init("status", .oneOf(ChecklistStatus.self)), .optional("note", .remark)]),
            .json(#"{"status": "done"}"#)),
        answers: [DecisionOperations.reply], problems: [.transitionNotAllowed], isVersioned: true)

    private static let bulk = Operation(
        method: .post, path: "/v1/requests/bulk", id: "bulkRequests", tag: .requests,
        summary: "Do the same to many requests",
        details: """
            One action on up to 500 requests, each in a transaction of its own. Results come in the order of `ids`, a \
            repeated id once. With an Idempotency-Key each request's result is stored with its change, so a retry does only \
            the rest.
            """,
        body: Body(
            .ref("BulkCall"),
            .json(#"{"action": "approve", "ids": ["\#(ExampleValues.requestID)"], "max_affected": 10}"#)),
        answers: [
            .json(
                .ref("BulkAnswer"), "What became of each.",
                example: .json(
                    """
                    {"results": [{"id": "\(ExampleValues.requestID)", "status": 409, "code": "sso_not_approved",
                     "detail": "Rostering needs SSO, and the district's SSO request is not approved."}]}
                    """))
        ], problems: [.maxAffectedExceeded])
}
