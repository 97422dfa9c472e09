import Foundation
import Testing

@testable import Integrations

@Suite("SSO and rostering depend on each other")
struct PairTests {
    private let approve = Command.approve(launchDate: .keep, message: nil, withPair: false)
    private let approveBoth = Command.approve(launchDate: .keep, message: nil, withPair: true)

    @Test("rostering is accepted before SSO and awaits it until SSO is approved")
    func awaiting() throws {
        let new = Fixture.newRequest(.rostering)
        var value = try DistrictCase().after(.create(new)).districtCase
        #expect(value.request(new.id)?.awaiting == .sso)
        let sso = Fixture.newRequest(.sso)
        value = try value.after(.create(sso)).districtCase
        #expect(value.request(new.id)?.awaiting == .sso)
        value = try value.after(approve, on: value.request(sso.id)).districtCase
        #expect(value.request(new.id)?.awaiting == nil)
        #expect(value.request(new.id)?.version == 3, "SSO was asked for, then approved: its next step changed twice")
    }

    @Test(
        "approving rostering before SSO is refused, whatever SSO's undecided or ended state",
        arguments: RequestState.allCases)
    func ssoFirst(state: RequestState) {
        let rostering = Fixture.request(.rostering, .pending, awaiting: state.isApprovedOrFurther ? nil : .sso)
        let refusal = DistrictCase(Fixture.request(.sso, state), rostering).refusal(of: approve, on: rostering)
        #expect(refusal == (state.isApprovedOrFurther ? nil : .ssoNotApproved))
    }

    @Test("both are approved at once from either side, with one mail to one requester")
    func both() throws {
        for kind in Kind.allCases {
            let addressed = Fixture.request(kind, .pending)
            let other = Fixture.request(kind.pair, .needsInfo)
            let outcome = try DistrictCase(addressed, other).after(approveBoth, on: addressed)
            #expect(outcome.districtCase.requests.map(\.state) == [.approved, .approved])
            #expect(outcome.decided == [addressed.id, other.id])
            #expect(outcome.mails == ["approved lee@demo.k12.ca.us"])
            #expect(outcome.audited == ["request.approve", "request.approve"])
        }
    }

    @Test("two requesters get a message each, and each names both")
    func twoRequesters() throws {
        let sso = Fixture.request(.sso, .pending)
        let rostering = Fixture.request(.rostering, .pending, email: "kim@demo.k12.ca.us")
        let outcome = try DistrictCase(rostering, sso).after(.approveAll(launchDate: .keep, message: "hello"))
        #expect(outcome.mails == ["approved lee@demo.k12.ca.us", "approved kim@demo.k12.ca.us"])
        for case .mail(let notice) in outcome.effects {
            #expect(notice.requestIDs == [sso.id, rostering.id] && notice.message == "hello")
        }
    }

    @Test("one requester in two spellings of an address gets one message")
    func sameRequester() throws {
        let value = DistrictCase(
            Fixture.request(.sso, .pending), Fixture.request(.rostering, .pending, email: "LEE@demo.k12.ca.us"))
        #expect(try value.after(.approveAll(launchDate: .keep, message: nil)).mails.count == 1)
    }

    @Test("with_pair without another undecided request approves this one")
    func pairless() throws {
        let sso = Fixture.request(.sso, .pending)
        let outcome = try DistrictCase(sso, Fixture.request(.rostering, .declined)).after(approveBoth, on: sso)
        #expect(outcome.decided == [sso.id])
        let rostering = Fixture.request(.rostering, .pending, awaiting: .sso)
        #expect(DistrictCase(rostering).refusal(of: approveBoth, on: rostering) == .ssoNotApproved)
    }

    @Test("SSO that ends later makes rostering await it again, but an ended request awaits nothing")
    func ssoEnds() throws {
        for state in RequestState.allCases {
            let sso = Fixture.request(.sso, .approved)
            let rostering = Fixture.request(.rostering, state)
            let after = try DistrictCase(sso, rostering).after(.disconnect(reason: "over"), on: sso)
            #expect(after.request(rostering.id)?.awaiting == (state.isOpen ? .sso : nil), "\(state)")
            #expect(after.request(rostering.id)?.state == state)
        }
    }

    @Test("without SSO sharing is recorded and the date comes, but configuring and launching by hand are refused")
    func withoutSSO() throws {
        let approved = Fixture.request(.rostering, .approved, awaiting: .sso)
        let shared = try DistrictCase(approved).after(
            .share(method: .rules, rules: nil, source: .webhook), on: approved)
        #expect(shared.request(approved.id)?.state == .shared)
        let value = shared.districtCase
        #expect(value.refusal(of: .configure(message: nil, completeChecklist: true), on: approved) == .ssoNotApproved)
        #expect(value.refusal(of: .launchNow, on: approved) == .ssoNotApproved)
        let come = try value.after(.dateHasCome, on: approved, at: Fixture.instant("2026-12-01T08:00:00Z"))
        #expect(come.request(approved.id)?.launch.status == .launched)
        #expect(come.request(approved.id)?.awaiting == .sso)
        let configured = Fixture.request(.rostering, .configured)
        let sso = Fixture.request(.sso, .shared)
        let ended = try DistrictCase(configured, sso).after(.deleteDistrict)
        #expect(ended.districtCase.requests.allSatisfy { $0.state == .disconnected && $0.awaiting == nil })
    }

    @Test("one open request of a kind, and the next attempt once it has ended")
    func oneOpen() throws {
        let open = Fixture.request(.sso, .needsInfo)
        let refusal = DistrictCase(open).refusal(of: .create(Fixture.newRequest(.sso)))
        #expect(refusal == .requestExists(id: open.id, state: .needsInfo, kind: .sso))
        for state in RequestState.allCases where state.isEnded {
            let ended = Fixture.request(.sso, state)
            #expect(DistrictCase(ended).refusal(of: .create(Fixture.newRequest(.sso))) == nil)
        }
    }

    @Test("nothing undecided is nothing to approve")
    func nothing() {
        #expect(DistrictCase().refusal(of: .approveAll(launchDate: .keep, message: nil)) == .nothingToApprove)
        let value = DistrictCase(Fixture.request(.sso, .approved), Fixture.request(.rostering, .withdrawn))
        #expect(value.refusal(of: .approveAll(launchDate: .keep, message: nil)) == .nothingToApprove)
    }
}
