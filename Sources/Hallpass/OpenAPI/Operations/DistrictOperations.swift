import HTTPTypes
import Integrations

enum DistrictOperations {
    static let all: [Operation] = [
        Operation(
            method: .get, path: "/v1/districts", id: "listDistricts", tag: .districts, summary: "List districts",
            parameters: [
                .query("q", .name, "Text in the name; upper and lower case alike.", example: "demo"),
                .query("state", .oneOf(USState.self), "Districts in this state."),
                .query("account_manager", .string(length: 1...320), "Districts of this account manager."),
                .query("missing", .oneOf(Kind.self), "Districts without an open request of this kind."),
            ],
            answers: [
                .page(of: .ref("District"), "A page of districts, newest first.", example: ExampleValues.district)
            ],
            problems: [.invalidCursor]),
        Operation(
            method: .get, path: "/v1/districts/{id}", id: "getDistrict", tag: .districts, summary: "Read a district",
            answers: [
                .json(.ref("District"), "The district.", example: ExampleValues.district, headers: ["ETag"]),
                Reply(status: 304, description: "It is as you have it.", headers: ["ETag"]),
            ]),
        Operation(
            method: .patch, path: "/v1/districts/{id}", id: "patchDistrict", tag: .districts,
            summary: "Correct a district",
            details:
                "A corrected zone moves the launches that have not happened. `clever_id` is given once, while null.",
            body: Body(.ref("DistrictPatch"), isRequired: false, .json(#"{"time_zone": "America/Denver"}"#)),
            answers: [
                .json(
                    .ref("ChangedDistrict"), "The district as it now is.", example: ExampleValues.district,
                    headers: ["ETag"])
            ], problems: [.cleverIDTaken], isVersioned: true),
        Operation(
            method: .delete, path: "/v1/districts/{id}", id: "eraseDistrict", tag: .districts,
            summary: "Erase a district and all personal data about it",
            details: """
                Requests, snapshots, e-mails (queued ones are not sent), stored answers and callbacks' bodies go. Audit \
                entries keep `at`, `actor`, `action` and `hash`.
                """,
            answers: [
                Reply(status: 204, description: "It is gone."),
                .json(
                    .object([.init("would_send", RequestSchemas.wouldSend)]), "A dry run alone.",
                    example: ["would_send": []]),
            ], isVersioned: true),
        Operation(
            method: .post, path: "/v1/districts/{id}/approve", id: "approveDistrict", tag: .districts,
            summary: "Approve everything a district asks for",
            details: """
                Every undecided request in one transaction, with one e-mail naming them all. `launch_date` applies to each; \
                left out, each keeps its own.
                """,
            body: Body(
                .input([.optional("launch_date", DecisionOperations.launchDate), .optional("message", .remark)]),
                isRequired: false, .json(#"{"message": "Welcome!"}"#)),
            answers: [
                .json(
                    .object([
                        .init("requests", .array(of: .ref("Request"))),
                        .optional("would_send", RequestSchemas.wouldSend),
                    ]), "The approved requests.", example: ["requests": [ExampleValues.request]])
            ], problems: [.nothingToApprove, .ssoNotApproved, .launchDatePassed], isVersioned: true),
    ]
}
