import Foundation
import Testing

@testable import Integrations

@Suite("What happens next, and who has to do it")
struct NextStepTests {
    private func step(
        _ kind: Kind, _ state: RequestState, pair: RequestState? = nil, awaiting: Kind? = nil,
        date: CalendarDate? = nil,
        now: Date = Fixture.now, _ change: (inout IntegrationRequest) -> Void = { _ in }
    ) -> NextStep {
        var request = Fixture.request(kind, state, date: date, awaiting: awaiting)
        change(&request)
        let requests = [request] + (pair.map { [Fixture.request(kind.pair, $0)] } ?? [])
        return DistrictCase(district: Fixture.district(), requests: requests).shown(request).nextStep(now: now)
    }

    @Test("every state has an owner and a sentence")
    func owners() {
        let owners: [RequestState: NextStep.Owner] = [
            .pending: .vendor, .needsInfo: .district, .approved: .district, .shared: .vendor, .configured: .none,
            .declined: .none, .withdrawn: .none, .disconnected: .none,
        ]
        for state in RequestState.allCases {
            for kind in Kind.allCases {
                let next = step(kind, state)
                #expect(next.owner == owners[state], "\(kind) \(state)")
                #expect(next.text.hasSuffix("."))
            }
        }
    }

    @Test("an undecided request says what it waits for")
    func undecided() {
        #expect(step(.sso, .pending).text == "Approve or decline the request.")
        #expect(
            step(.sso, .pending, pair: .pending).text
                == "Approve or decline; rostering waits too, and both can be approved at once.")
        #expect(
            step(.rostering, .pending, pair: .pending, awaiting: .sso).text
                == "Approve the SSO request first, or both at once.")
        let alone = step(.rostering, .pending, awaiting: .sso)
        #expect(alone.owner == .district)
        #expect(alone.text == "Ask for SSO too: rostering needs it. Both can then be approved at once.")
        let late = step(.sso, .pending, date: Fixture.date("2026-11-22"))
        #expect(late.owner == .vendor)
        #expect(late.text.hasPrefix("The launch date 2026-11-22 has passed: agree on a new one"))
    }

    @Test("an approved request tells the district which rules to use, and when it is late")
    func approved() {
        #expect(step(.sso, .approved).text == "Complete Clever's sharing wizard for SSO.")
        #expect(
            step(.sso, .approved, pair: .approved).text
                == "Complete Clever's sharing wizard for SSO; use the same sharing rules for SSO and rostering.")
        #expect(
            step(.rostering, .approved, pair: .shared).text
                == "Complete Clever's sharing wizard for rostering, with the same sharing rules as for SSO.")
        #expect(
            step(.sso, .approved, date: Fixture.date("2026-11-20")).text.hasSuffix(
                "The launch date 2026-11-20 has passed: it launches as soon as the wizard is complete."))
        let orphan = step(.rostering, .approved, awaiting: .sso)
        #expect(orphan.owner == .vendor && orphan.text.contains("Approve an SSO request first"))
    }

    @Test("a shared request names what is open, and how much time there is")
    func shared() {
        let ahead = step(.rostering, .shared, pair: .shared, date: Fixture.ahead)
        #expect(ahead.owner == .vendor)
        #expect(
            ahead.text
                == "Review the shared data and configure the account. Open on the checklist: data_reviewed, sharing_matches_sso. It launches on 2026-12-01."
        )
        let launched = step(.rostering, .shared, pair: .shared) { request in
            request.launch.status = .launched
            request.checklist = []
        }
        #expect(
            launched.text
                == "Configure the account: the checklist is complete. It has launched, but teachers cannot import rosters until this is done."
        )
    }

    @Test("a configured request has nothing to do, but to wait for its launch or for SSO")
    func configured() {
        #expect(step(.sso, .configured, date: Fixture.ahead).text == "Nothing to do: it launches on 2026-12-01.")
        #expect(step(.sso, .configured) { $0.launch.status = .launched }.text == "Nothing to do: users can log in.")
        #expect(
            step(.rostering, .configured, pair: .configured) { $0.launch.status = .launched }.text
                == "Nothing to do: teachers can import rosters.")
        let broken = step(.rostering, .configured, awaiting: .sso)
        #expect(broken.owner == .vendor && broken.text.contains("Approve SSO again"))
    }
}
