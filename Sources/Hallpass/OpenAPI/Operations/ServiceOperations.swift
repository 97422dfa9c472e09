import HTTPTypes

/// The audit trail, events, tokens, the summary and the service itself.
enum ServiceOperations {
    static let all: [Operation] = [audit, events, summary] + tokens + probes

    private static let audit = Operation(
        method: .get, path: "/v1/audit", id: "listAudit", tag: .audit, summary: "Read the audit trail",
        details: "Who changed what, when, from where, before and after; newest first. Append-only, chained by hash.",
        parameters: [
            .query("actor", .name, "Entries of this actor: a token's name, `webhook:<delivery id>` or `service`."),
            .query("action", .name, "Entries of this action.", example: "request.approve"),
            .query("request_id", .id, "Entries about this request.", example: .string(ExampleValues.requestID)),
            .query("since", .instant, "Written at this instant or after.", example: "2026-11-23T00:00:00.000Z"),
        ],
        answers: [.page(of: .ref("AuditEntry"), "A page of entries.", example: ExampleValues.auditEntry)],
        problems: [.invalidCursor])

    private static let events = Operation(
        method: .get, path: "/v1/events", id: "streamEvents", tag: .audit, summary: "Listen to every change",
        details: """
            Server-Sent Events: `id:` is a number that grows, `event:` the audit action, `data:` an `EventData`. From now \
            on, or after `Last-Event-ID` without a gap for 7 days. What is older, or a number that was never given, begins \
            with an `event: reset` that carries the current number as its `id:`; read the lists anew then. The header \
            `Last-Event-ID` of the answer is where the stream begins. A comment comes every 15 s. A client that does not \
            keep up is cut off and can resume, as after the service's stop. The stream ends with its token.
            """,
        parameters: [
            .header(
                "Last-Event-ID", .string(pattern: "^[0-9]{0,18}$"),
                "The `id:` of the last event seen; empty or left out begins now.", example: "41")
        ],
        answers: [
            Reply(
                status: 200, description: "The stream.",
                contents: [
                    .init(
                        mediaType: "text/event-stream", schema: .string(),
                        example: .string(
                            """
                            : connected

                            id: 42
                            event: request.approve
                            data: {"id":"\(ExampleValues.auditID)","at":"2026-11-23T16:07:10.500Z",\
                            "action":"request.approve","request_id":"\(ExampleValues.requestID)",\
                            "district_id":"\(ExampleValues.districtID)","actor":"amy"}


                            """), itemSchema: .ref("EventData"))
                ], headers: ["Last-Event-ID"])
        ])

    private static let summary = Operation(
        method: .get, path: "/v1/summary", id: "getSummary", tag: .service, summary: "See what waits, at a glance",
        answers: [
            .json(
                .ref("Summary"), "The numbers.",
                example: .json(
                    """
                    {"counts": {
                       "sso": {"pending": 3, "needs_info": 1, "approved": 4, "shared": 2, "configured": 120,
                               "declined": 2, "withdrawn": 1, "disconnected": 0},
                       "rostering": {"pending": 2, "needs_info": 0, "approved": 3, "shared": 2, "configured": 98,
                                     "declined": 2, "withdrawn": 1, "disconnected": 0}},
                     "oldest_undecided": {"id": "\(ExampleValues.requestID)", "age_seconds": 86400},
                     "launching": {"7_days": 2, "30_days": 9}, "launching_not_configured": 1, "failed_emails": 0,
                     "parked_deliveries": 0}
                    """))
        ])

    private static let tokens: [Operation] = [
        Operation(
            method: .post, path: "/v1/tokens", id: "createToken", tag: .tokens, summary: "Make a token",
            details: "`token` is shown once: only its hash is stored. A replayed answer has `\"token\": null`.",
            body: Body(.ref("NewToken"), .json(#"{"name": "amy", "role": "manager"}"#)),
            answers: [
                .json(
                    .ref("CreatedToken"), "The token.", status: 201,
                    example: .json(
                        """
                        {"id": "\(ExampleValues.tokenID)", "name": "amy", "role": "manager",
                         "token": "hp_Jb0xW3mYq7T5c8KpV2nD6rZ1sA4uE9gH0fLiMwXyQoB",
                         "created_at": "2026-11-23T15:00:00.000Z", "expires_at": null}
                        """), headers: ["Location"])
            ]),
        Operation(
            method: .get, path: "/v1/tokens", id: "listTokens", tag: .tokens, summary: "List tokens",
            answers: [.page(of: .ref("Token"), "A page of tokens, newest first.", example: ExampleValues.token)],
            problems: [.invalidCursor]),
        Operation(
            method: .delete, path: "/v1/tokens/{id}", id: "revokeToken", tag: .tokens, summary: "Revoke a token",
            details: "At once, on every instance; its event streams end.",
            answers: [
                Reply(status: 204, description: "It is revoked."),
                .json(
                    .object([.init("would_send", RequestSchemas.wouldSend)]), "A dry run alone.",
                    example: ["would_send": []]),
            ]),
    ]

    private static let probes: [Operation] = [
        Operation(
            method: .get, path: "/livez", id: "getLive", tag: .service, summary: "See whether the process lives",
            answers: [.text(200, "It does.", example: "ok\n")], readsQuery: false),
        Operation(
            method: .get, path: "/readyz", id: "getReady", tag: .service, summary: "See whether it can do its work",
            answers: [
                .text(200, "It can.", example: "ok\n"),
                .text(
                    503, "The database is away, or the schema is not current.",
                    example: "not ready: the schema is not current: run hallpass migrate\n"),
            ], readsQuery: false),
        Operation(
            method: .get, path: "/metrics", id: "getMetrics", tag: .service, summary: "See how the service fares",
            answers: [
                .text(
                    200, "Prometheus' text format, version 0.0.4.",
                    example: """
                        # HELP hallpass_http_connections Connections that are open now.
                        # TYPE hallpass_http_connections gauge
                        hallpass_http_connections 3

                        """)
            ], readsQuery: false),
        Operation(
            method: .get, path: "/openapi.json", id: "getOpenAPI", tag: .service, summary: "Read this document",
            answers: [
                Reply(
                    status: 200, description: "The document.",
                    contents: [
                        .init(
                            mediaType: "application/json",
                            schema: Schema.object([]).with("additionalProperties", .bool(true)))
                    ], headers: ["ETag"]),
                Reply(status: 304, description: "It is as you have it.", headers: ["ETag"]),
            ], readsQuery: false),
    ]
}
