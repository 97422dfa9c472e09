import Foundation
import HTTPTypes
import Integrations

/// The actions that move a request through its states.
enum DecisionOperations {
    static let all: [Operation] = [
        action(
            .approve, "Approve a request",
            """
            The district may begin setup. `with_pair` approves the district's other undecided request in the same \
            transaction, with one e-mail, and shows it as `pair`. A launch date that has passed needs a new one here.
            """,
            Body(
                .input([
                    .optional("launch_date", launchDate), .optional("message", .remark),
                    .optional("with_pair", .boolean),
                ]), isRequired: false, .json(#"{"with_pair": true, "message": "Welcome!"}"#)),
            [.ssoNotApproved, .launchDatePassed]),
        action(
            .decline, "Decline a request", "The reason is mailed to the requester.",
            reason("We do not serve this state.")),
        action(
            .requestInfo, "Ask the district something", "The message is mailed to the requester.",
            message("Which schools will take part?")),
        action(
            .provideInfo, "Answer the vendor's question", "For the district; the account manager is told.",
            message("All five.")),
        action(
            .withdraw, "Withdraw a request", "For the district, before the sharing wizard is complete.",
            Body(
                .input([.optional("reason", .remark)]), isRequired: false,
                .json(#"{"reason": "We start next year."}"#))),
        action(
            .reschedule, "Agree on another launch date",
            "Until it has launched. `null` is \"No Custom Launch Date\"; null or today launches at once what is ready.",
            Body(
                Schema.input([.init("launch_date", launchDate.orNull), .optional("reason", .remark)]),
                .json(#"{"launch_date": "2027-01-11", "reason": "The district asked for it."}"#)),
            [.alreadyLaunched]),
        action(
            .launch, "Launch now", "Once the sharing wizard is complete, without waiting for the date.",
            Body(.input([]), isRequired: false, [:]), [.alreadyLaunched, .ssoNotApproved]),
        action(
            .share, "Record that the sharing wizard is complete", "By hand, where no callback tells.",
            Body(
                .input([
                    .init("method", .oneOf(SharingMethod.self)),
                    .optional("rules", .array(of: .anything, count: 0...10_000)),
                ]), .json(#"{"method": "sections"}"#))),
        action(
            .configure, "Configure a request",
            "The account manager is done. Open items of the checklist hinder, unless `complete_checklist` settles them.",
            Body(
                .input([.optional("message", .remark), .optional("complete_checklist", .boolean)]), isRequired: false,
                .json(#"{"complete_checklist": true}"#)),
            [.checklistIncomplete, .ssoNotApproved]),
        action(.reopen, "Reopen a configured request", nil, reason("The district changed its sharing rules.")),
        action(.disconnect, "Disconnect an approved request", nil, reason("The contract has ended.")),
    ]

    /// A change's answer: the request as it now is.
    static let reply = Reply.json(
        .ref("ChangedRequest"), "The request as it now is.", example: ExampleValues.request, headers: ["ETag"])

    static let launchDate = Schema.date.described("From today on in the district's zone, two years ahead at most.")

    private static func reason(_ example: String) -> Body {
        Body(.input([.init("reason", .prose)]), ["reason": .string(example)])
    }

    private static func message(_ example: String) -> Body {
        Body(.input([.init("message", .prose)]), ["message": .string(example)])
    }

    private static func action(
        _ action: ActionName, _ summary: String, _ details: String?, _ body: Body, _ problems: [Problem.Code] = []
    ) -> Operation {
        let words = action.rawValue.split(separator: "-")
        let id = String(words[0]) + words.dropFirst().map(\.capitalized).joined() + "Request"
        return Operation(
            method: .post, path: "/v1/requests/{id}/\(action.rawValue)", id: id, tag: .decisions, summary: summary,
            details: details, body: body, answers: [reply], problems: [.transitionNotAllowed] + problems,
            isVersioned: true)
    }
}
