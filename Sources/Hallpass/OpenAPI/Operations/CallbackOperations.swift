import HTTPTypes

enum CallbackOperations {
    static let all: [Operation] = [
        receive,
        Operation(
            method: .get, path: "/v1/webhook-deliveries", id: "listDeliveries", tag: .callbacks,
            summary: "List what callbacks sent",
            parameters: [
                .query(
                    "status",
                    .array(of: .oneOf(DeliveryStatus.allCases.map(\.rawValue).filter { $0 != "duplicate" })),
                    "Deliveries with one of these.", example: "parked,rejected", isList: true),
                .query("type", .name, "Deliveries of this type.", example: "integration_requests.created"),
                .query(
                    "since", .instant, "Received at this instant or after.", example: "2026-11-23T00:00:00.000Z"),
            ],
            answers: [
                .page(of: .ref("Delivery"), "A page of deliveries, newest first.", example: ExampleValues.delivery)
            ], problems: [.invalidCursor]),
        Operation(
            method: .get, path: "/v1/webhook-deliveries/{id}", id: "getDelivery", tag: .callbacks,
            summary: "Read a delivery",
            answers: [.json(.ref("Delivery"), "The delivery.", example: ExampleValues.delivery)]),
        Operation(
            method: .get, path: "/v1/webhook-deliveries/{id}/payload", id: "getDeliveryPayload", tag: .callbacks,
            summary: "Read a delivery's bytes as they were sent",
            details: "With the `Content-Type` and `Content-Encoding` they came with.",
            answers: [
                Reply(
                    status: 200, description: "The bytes.",
                    contents: [
                        .init(
                            mediaType: "*/*", schema: .anything.described("The bytes, of whatever type they came as."))
                    ])
            ]),
        Operation(
            method: .post, path: "/v1/webhook-deliveries/{id}/replay", id: "replayDelivery", tag: .callbacks,
            summary: "Apply a delivery again",
            details: "Through the same code as the first time. One that was processed already is a `duplicate`.",
            body: Body(.input([]), isRequired: false, [:]),
            answers: [
                .json(
                    .ref("DeliveryResult"), "What became of it.",
                    example: ["delivery_id": .string(ExampleValues.deliveryID), "status": "processed"])
            ], problems: [.deliveryNotReplayable]),
    ]

    private static let receive = Operation(
        method: .post, path: "/webhooks/clever", id: "receiveCallback", tag: .callbacks, summary: "Send a callback",
        details: """
            Standard Webhooks: HMAC-SHA256 over `id.timestamp.` and the body's bytes as sent. A `webhook-id` is remembered \
            for good: the same bytes again are a `duplicate` and change nothing. Every refused signature is the same 401.
            """,
        parameters: [
            .query("dry_run", .boolean, "Answer what it would come to, with `would_send`, and store nothing."),
            .header("webhook-id", .string(), "The delivery's id.", example: "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"),
            .header(
                "webhook-timestamp", .string(), "Unix seconds; at most 300 off.",
                example: "1795449898"),
            .header(
                "webhook-signature", .string(), "`v1,` and base64, several separated by spaces.",
                example: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ],
        body: Body(
            .ref("CallbackEvent"),
            .json(
                """
                {"id": "evt_1", "type": "integration_requests.created", "created": "2026-11-23T16:04:58Z",
                 "data": {"object": {"id": "5f1c2d3e4b5a69788796a5b4", "kind": "sso",
                   "district": {"id": "4fd43cc56d11340000000005", "name": "Demo District", "state": "CA"},
                   "requester": {"name": "Lee Park", "email": "lee@demo.k12.ca.us"}, "launch_date": "2026-12-01"}}}
                """)),
        answers: [
            .json(
                .ref("DeliveryResult"), "What became of it.",
                example: ["delivery_id": .string(ExampleValues.deliveryID), "status": "processed"])
        ],
        problems: [
            .unauthorized, .malformedJSON, .webhookIDConflict, .unsupportedMediaType, .unsupportedEncoding,
            .bodyTooLarge, .invalid,
        ])
}
