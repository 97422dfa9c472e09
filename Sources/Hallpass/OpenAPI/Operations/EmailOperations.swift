import HTTPTypes

enum EmailOperations {
    static let all: [Operation] = [
        Operation(
            method: .get, path: "/v1/emails", id: "listEmails", tag: .emails, summary: "List e-mails",
            parameters: [
                .query(
                    "status", .array(of: .oneOf(["queued", "sending", "sent", "failed", "cancelled"])),
                    "E-mails with one of these.", example: "failed", isList: true),
                .query(
                    "request_id", .id, "E-mails about this request, combined ones too.",
                    example: .string(ExampleValues.requestID)),
                .query("template", .name, "E-mails of this template.", example: "approved"),
            ],
            answers: [.page(of: .ref("Email"), "A page of e-mails, newest first.", example: ExampleValues.email)],
            problems: [.invalidCursor]),
        Operation(
            method: .get, path: "/v1/emails/{id}", id: "getEmail", tag: .emails, summary: "Read an e-mail's story",
            answers: [.json(.ref("Email"), "The e-mail and every attempt.", example: ExampleValues.email)]),
        Operation(
            method: .get, path: "/v1/emails/{id}/source", id: "getEmailSource", tag: .emails,
            summary: "Read an e-mail as it goes out",
            answers: [
                .text(
                    200, "The message (RFC 5322).",
                    example: "Date: Mon, 23 Nov 2026 16:07:10 +0000\r\nSubject: Approved…\r\n\r\n…",
                    mediaType: "message/rfc822")
            ]),
        action("retry", "Send a failed or cancelled e-mail again", .emailNotRetryable),
        action("cancel", "Cancel a queued e-mail", .emailNotCancellable),
    ]

    private static func action(_ name: String, _ summary: String, _ problem: Problem.Code) -> Operation {
        Operation(
            method: .post, path: "/v1/emails/{id}/\(name)", id: "\(name)Email", tag: .emails, summary: summary,
            body: Body(.input([]), isRequired: false, [:]),
            answers: [.json(.ref("ChangedEmail"), "The e-mail as it now is.", example: ExampleValues.email)],
            problems: [problem])
    }
}
