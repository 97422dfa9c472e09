import Integrations

extension Problem {
    /// The domain's refusals as the contract has them.
    init(_ refusal: Refusal) {
        switch refusal {
        case .invalid(let pointer, let detail): self = .invalid(pointer, detail)
        case .transitionNotAllowed(let state, let allowed): self = .transitionNotAllowed(state, allowed)
        case .requestExists(let id, let state, let kind):
            self.init(
                status: 409, code: .requestExists,
                detail: "The district already has an open \(kind.title) request. Work on that one, or end it first.",
                members: [
                    .init(
                        name: "existing",
                        value: .object([
                            .init(name: "id", value: .string(Identifier.format(id))),
                            .init(name: "state", value: .string(state.rawValue)),
                            .init(name: "kind", value: .string(kind.rawValue)),
                        ]))
                ])
        case .ssoNotApproved:
            self.init(
                status: 409, code: .ssoNotApproved,
                detail:
                    "Rostering needs SSO, and the district's SSO request is not approved. Approve SSO first, or both at once."
            )
        case .launchDatePassed(let date):
            self.init(
                status: 409, code: .launchDatePassed,
                detail: "The launch date \(date) has passed. Approve with a new launch_date, or with null for none.",
                members: [.init(name: "launch_date", value: .string(date.description))])
        case .alreadyLaunched:
            self.init(
                status: 409, code: .alreadyLaunched,
                detail: "The integration has launched; its date can no longer change.")
        case .checklistIncomplete(let openItems):
            self.init(
                status: 409, code: .checklistIncomplete,
                detail: "The checklist has open items. Settle them, or send complete_checklist: true.",
                members: [.init(name: "open_items", value: .array(openItems.map { .string($0) }))])
        case .nothingToApprove:
            self.init(
                status: 409, code: .nothingToApprove, detail: "No request of this district waits for a decision.")
        }
    }

    static func transitionNotAllowed(_ state: RequestState, _ allowed: [ActionName]) -> Problem {
        let names = allowed.map(\.rawValue)
        let advice =
            names.isEmpty
            ? "It has ended; a new request may be made." : "Allowed now: \(names.joined(separator: ", "))."
        return Problem(
            status: 409, code: .transitionNotAllowed, detail: "The request is \(state.rawValue). \(advice)",
            members: [
                .init(name: "state", value: .string(state.rawValue)),
                .init(name: "allowed", value: .array(names.map { .string($0) })),
            ])
    }
}
