import Foundation

@testable import Integrations

/// Values that the domain's tests begin with: Monday noon in Los Angeles, a district there, requests in any state.
enum Fixture {
    static let now = instant("2026-11-23T20:00:00Z")
    static let today = date("2026-11-23")
    static let ahead = date("2026-12-01")

    static func instant(_ text: String) -> Date {
        let formatter = ISO8601DateFormatter()
        guard let date = formatter.date(from: text) else { preconditionFailure("\(text) is no instant") }
        return date
    }

    static func date(_ text: String) -> CalendarDate {
        guard let date = CalendarDate(text) else { preconditionFailure("\(text) is no date") }
        return date
    }

    static func district(zone: String = "America/Los_Angeles", accountManager: String? = "amy@vendor.example")
        -> District
    {
        District(
            id: UUID(), cleverID: "d1", name: "Demo District", type: .district, state: .CA, ncesID: nil, timeZone: zone,
            timeZoneSource: .given, accountManager: accountManager, contacts: [], license: License(), clever: nil,
            version: 1, createdAt: now, updatedAt: now)
    }

    /// A request as it stands in a state: decided, shared and configured as the state says, its date ahead.
    static func request(
        _ kind: Kind, _ state: RequestState, date: CalendarDate? = ahead, email: String = "lee@demo.k12.ca.us",
        zone: String = "America/Los_Angeles", awaiting: Kind? = nil
    ) -> IntegrationRequest {
        let isDecided = state.isApprovedOrFurther || state == .declined
        return IntegrationRequest(
            id: UUID(), districtID: UUID(), kind: kind, attempt: 1, state: state, awaiting: awaiting,
            requester: Requester(name: "Lee Park", email: email, title: nil), message: nil, source: .api,
            externalID: nil,
            launch: Launch(
                requestedDate: date, date: date, at: date?.firstInstant(in: IANATimeZone.zone(zone)),
                status: state.isWizardComplete ? .scheduled : .waiting, launchedAt: nil),
            sharing: state.isWizardComplete
                ? Sharing(method: .sections, rules: nil, completedAt: now, source: .manual) : nil,
            checklist: [ChecklistItem(item: "data_reviewed"), ChecklistItem(item: "sharing_matches_sso")],
            decision: isDecided
                ? Decision(by: "manager", at: now, message: nil) : Decision(by: nil, at: nil, message: nil),
            configuredAt: state == .configured ? now : nil, version: 1, createdAt: now, updatedAt: now)
    }

    static func newRequest(_ kind: Kind, date: CalendarDate? = nil, source: RequestSource = .api) -> NewRequest {
        NewRequest(
            id: UUID(), kind: kind, attempt: 1,
            requester: Requester(name: "Lee Park", email: "lee@demo.k12.ca.us", title: nil),
            launchDate: date, message: nil, source: source, externalID: nil, checklist: ["data_reviewed"])
    }
}

extension DistrictCase {
    init(_ requests: IntegrationRequest..., district: District = Fixture.district()) {
        self.init(district: district, requests: requests)
    }

    /// Carries a command out at the fixture's time.
    func after(
        _ command: Command, on request: IntegrationRequest? = nil, at now: Date = Fixture.now
    ) throws -> Outcome {
        try apply(command, to: request?.id, by: "manager", at: now)
    }

    /// Why a command is refused, nil when it is not.
    func refusal(
        of command: Command, on request: IntegrationRequest? = nil, at now: Date = Fixture.now
    ) -> Refusal? {
        do {
            _ = try apply(command, to: request?.id, by: "manager", at: now)
            return nil
        } catch {
            return error
        }
    }
}

extension Outcome {
    func request(_ id: UUID) -> IntegrationRequest? { districtCase.request(id) }

    /// `template recipient`, one a mail.
    var mails: [String] {
        effects.compactMap { effect in
            guard case .mail(let notice) = effect else { return nil }
            switch notice.audience {
            case .requester(let requester): return "\(notice.template.rawValue) \(requester.email)"
            case .accountManager(let address): return "\(notice.template.rawValue) \(address)"
            }
        }
    }

    var audited: [String] {
        effects.compactMap { effect in
            if case .audit(let action, _) = effect { return action }
            return nil
        }
    }
}
