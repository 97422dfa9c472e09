import Foundation
import Testing

@testable import Integrations

@Suite("Launch dates")
struct LaunchTests {
    private let yesterday = Fixture.date("2026-11-22")

    @Test("before the wizard a launch waits, then it is scheduled, then launched")
    func life() throws {
        let request = Fixture.request(.sso, .approved)
        let shared = try DistrictCase(request).after(
            .share(method: .district, rules: nil, source: .manual), on: request)
        let scheduled = try #require(shared.request(request.id))
        #expect(scheduled.launch.status == .scheduled && scheduled.launch.launchedAt == nil)
        #expect(scheduled.badge == Badge(label: "Launch Date: 12/01/26", color: .yellow))
        let early = try shared.districtCase.after(
            .dateHasCome, on: request, at: Fixture.instant("2026-12-01T07:59:59Z"))
        #expect(early.districtCase == shared.districtCase && early.effects.isEmpty)
        let instant = Fixture.instant("2026-12-01T08:00:00Z")
        let launched = try shared.districtCase.after(.dateHasCome, on: request, at: instant)
        #expect(launched.request(request.id)?.launch.launchedAt == instant)
        #expect(launched.request(request.id)?.badge == Badge(label: "Launched", color: .green))
        #expect(launched.audited == ["request.launch"])
        #expect(try launched.districtCase.after(.dateHasCome, on: request, at: instant).effects.isEmpty, "once")
    }

    @Test(
        "a wizard without a date, or with one that has come, launches at once",
        arguments: [nil, "2026-11-23", "2026-11-01"])
    func atOnce(text: String?) throws {
        let request = Fixture.request(.sso, .approved, date: text.map(Fixture.date))
        let outcome = try DistrictCase(request).after(
            .share(method: .district, rules: nil, source: .manual), on: request)
        #expect(outcome.request(request.id)?.launch.status == .launched)
        #expect(outcome.request(request.id)?.launch.launchedAt == Fixture.now)
        #expect(outcome.audited == ["request.share"])
    }

    @Test(
        "from a person a date may be today and two years ahead, but not before and not beyond",
        arguments: [
            ("2026-11-23", true), ("2026-11-22", false), ("2028-11-23", true), ("2028-11-24", false),
            ("9999-12-31", false),
            ("0001-01-01", false),
        ])
    func limits(text: String, isTaken: Bool) {
        let date = Fixture.date(text)
        let pending = Fixture.request(.sso, .pending, date: nil)
        let value = DistrictCase(pending)
        let empty = DistrictCase()
        let refusals = [
            empty.refusal(of: .create(Fixture.newRequest(.sso, date: date))),
            value.refusal(of: .approve(launchDate: .set(date), message: nil, withPair: false), on: pending),
            value.refusal(of: .approveAll(launchDate: .set(date), message: nil)),
            value.refusal(of: .reschedule(date: date, reason: nil), on: pending),
        ]
        for refusal in refusals {
            if isTaken { #expect(refusal == nil) } else { #expect(refusal?.isInvalidInput == true) }
        }
        let wish = empty.refusal(of: .create(Fixture.newRequest(.sso, date: date, source: .webhook)))
        #expect((wish == nil) == (date <= Fixture.date("2028-11-23")), "a callback's past wish is accepted")
    }

    @Test("two years from a 29 February end with the next day that exists")
    func leapDay() {
        #expect(Fixture.date("2024-02-29").adding(years: 2) == Fixture.date("2026-03-01"))
        #expect(Fixture.date("2026-02-28").adding(years: 2) == Fixture.date("2028-02-28"))
    }

    @Test("a date that has passed must be agreed anew before any approval")
    func passed() throws {
        let pending = Fixture.request(.sso, .pending, date: yesterday)
        let keep = Command.approve(launchDate: .keep, message: nil, withPair: false)
        #expect(DistrictCase(pending).refusal(of: keep, on: pending) == .launchDatePassed(yesterday))
        #expect(
            DistrictCase(pending).refusal(of: .approveAll(launchDate: .keep, message: nil))
                == .launchDatePassed(yesterday))
        let pair = Fixture.request(.rostering, .pending, date: nil)
        let both = Command.approve(launchDate: .keep, message: nil, withPair: true)
        #expect(DistrictCase(pending, pair).refusal(of: both, on: pair) == .launchDatePassed(yesterday))
        for choice in [LaunchDateChoice.set(nil), .set(Fixture.ahead)] {
            let approved = try DistrictCase(pending).after(
                .approve(launchDate: choice, message: nil, withPair: false), on: pending)
            let launch = try #require(approved.request(pending.id)?.launch)
            #expect(launch.requestedDate == yesterday && LaunchDateChoice.set(launch.date) == choice)
        }
    }

    @Test("rescheduling to null or today launches a complete wizard at once, and a launched one is refused")
    func reschedule() throws {
        for date in [nil, Fixture.today] {
            let request = Fixture.request(.sso, .shared)
            let outcome = try DistrictCase(request).after(.reschedule(date: date, reason: nil), on: request)
            #expect(outcome.request(request.id)?.launch.status == .launched)
            #expect(outcome.mails == ["rescheduled lee@demo.k12.ca.us"])
            let again = outcome.districtCase
            #expect(again.refusal(of: .reschedule(date: Fixture.ahead, reason: nil), on: request) == .alreadyLaunched)
            #expect(again.refusal(of: .launchNow, on: request) == .alreadyLaunched)
        }
    }

    @Test("the wish stays what the district said; before approval its change is the date, afterwards only the wish")
    func wish() throws {
        let requester = Requester(name: "Lee Park", email: "lee@demo.k12.ca.us", title: nil)
        let later = Fixture.date("2026-12-24")
        let change = Command.changeWish(launchDate: later, message: nil, requester: requester)
        let pending = Fixture.request(.sso, .pending)
        let wished = try DistrictCase(pending).after(change, on: pending).request(pending.id)?.launch
        #expect(wished?.requestedDate == later && wished?.date == later)
        let approved = Fixture.request(.sso, .approved)
        let kept = try DistrictCase(approved).after(change, on: approved).request(approved.id)?.launch
        #expect(kept?.requestedDate == later && kept?.date == Fixture.ahead)
        let moved = try DistrictCase(pending).after(.reschedule(date: later, reason: nil), on: pending)
        #expect(moved.request(pending.id)?.launch.requestedDate == Fixture.ahead && moved.mails.isEmpty)
    }

    @Test("the same date again changes nothing and mails nothing")
    func sameDate() throws {
        let request = Fixture.request(.sso, .shared)
        let outcome = try DistrictCase(request).after(
            .reschedule(date: Fixture.ahead, reason: "as it was"), on: request)
        #expect(outcome.districtCase.request(request.id) == request && outcome.effects.isEmpty)
    }

    @Test("a changed zone moves a launch that has not happened, and may launch it")
    func zones() throws {
        let scheduled = Fixture.request(.sso, .shared)
        var east = Fixture.district()
        east.timeZone = "Pacific/Guam"
        let value = DistrictCase(scheduled)
        let moved = try value.after(.changeDistrict(east))
        #expect(moved.request(scheduled.id)?.launch.at == Fixture.instant("2026-11-30T14:00:00Z"))
        #expect(moved.request(scheduled.id)?.version == 2)
        #expect(moved.audited == ["request.move_launch"] && moved.effects.contains(.launchMoved))
        let late = try value.after(.changeDistrict(east), at: Fixture.instant("2026-11-30T14:00:00Z"))
        #expect(late.request(scheduled.id)?.launch.status == .launched)
        #expect(late.audited == ["request.launch"])
        var launched = scheduled
        launched.launch.status = .launched
        launched.launch.launchedAt = Fixture.now
        let kept = try DistrictCase(launched).after(.changeDistrict(east))
        #expect(kept.request(launched.id)?.launch == launched.launch, "what has happened stays when it was")
    }

    @Test("ended sharing clears the launch; a new wizard may launch again")
    func unshare() throws {
        var request = Fixture.request(.rostering, .configured, date: nil)
        request.launch.status = .launched
        request.launch.launchedAt = Fixture.now
        let outcome = try DistrictCase(request, Fixture.request(.sso, .configured)).after(.removeSharing, on: request)
        let after = try #require(outcome.request(request.id))
        #expect(after.state == .approved && after.launch.status == .waiting && after.launch.launchedAt == nil)
        #expect(after.sharing == nil && after.badge == nil && after.configuredAt == nil)
    }
}
