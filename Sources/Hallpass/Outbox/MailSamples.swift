import Foundation
import Integrations

/// Every mail once, about a district that does not exist: what `hallpass email preview` shows. The notices are those that the
/// domain itself decides on when its story is told.
struct MailSamples {
    struct Sample {
        /// The template's name, and what sets this one apart where there are several: `approved`, `approved-sso`.
        var name: String
        var mail: ComposedMail
    }

    private let composer: MailComposer
    private let configuration: Configuration
    private let now: Date

    init(_ composer: MailComposer, _ configuration: Configuration, now: Date) {
        self.composer = composer
        self.configuration = configuration
        self.now = now
    }

    /// - Parameter template: one of `TemplateLibrary.mails`.
    func samples(of template: String) throws -> [Sample] {
        switch template {
        case "digest": return [Sample(name: template, mail: digest)]
        case "test": return [Sample(name: template, mail: composer.test(to: "you@vendor.example", now: now))]
        default: break
        }
        var samples: [Sample] = []
        var shown: Set<[Kind]> = []
        for (notice, value) in try notices() where notice.template.rawValue == template {
            let kinds = notice.requestIDs.compactMap { value.request($0)?.kind }
            guard shown.insert(kinds).inserted else { continue }
            let name = samples.isEmpty ? template : "\(template)-\(kinds.map(\.rawValue).joined(separator: "-"))"
            samples.append(Sample(name: name, mail: composer.compose(notice, about: value, now: now)))
        }
        return samples
    }

    private var district: District {
        District(
            id: Identifier.make(at: now), cleverID: "4fd43cc56d11340000000005", name: "Demo District", type: .district,
            state: USState(rawValue: "CA"), ncesID: nil, timeZone: "America/Los_Angeles", timeZoneSource: .assumed,
            accountManager: configuration.accountManager ?? "amy@vendor.example", contacts: [], license: License(),
            clever: nil, version: 1, createdAt: now, updatedAt: now)
    }

    private func new(_ kind: Kind, days: Int) -> NewRequest {
        NewRequest(
            id: Identifier.make(at: now), kind: kind, attempt: 1,
            requester: Requester(name: "Lee Park", email: "lee@demo.k12.ca.us", title: "Technology administrator"),
            launchDate: CalendarDate(now.addingTimeInterval(Double(days) * 86_400), in: district.zone),
            message: "We start with the middle schools.", source: .api, externalID: nil,
            checklist: configuration.checklist(kind))
    }

    /// The stories of one district, and what is mailed in each.
    func notices() throws -> [(Notice, DistrictCase)] {
        let (sso, rostering) = (new(.sso, days: 8), new(.rostering, days: 15))
        let later = CalendarDate(now.addingTimeInterval(22 * 86_400), in: district.zone)
        let asked: [(Command, UUID?)] = [(.create(rostering), nil), (.create(sso), nil)]
        let approved =
            asked + [
                (.approveAll(launchDate: .keep, message: "Welcome! Call me if anything is unclear.\n\nAmy"), nil)
            ]
        let shared: [(Command, UUID?)] = [
            (.share(method: .sections, rules: nil, source: .webhook), rostering.id),
            (.share(method: .sections, rules: nil, source: .webhook), sso.id),
            (.configure(message: nil, completeChecklist: true), rostering.id),
            (.configure(message: nil, completeChecklist: true), sso.id),
        ]
        let reason = "We have no contract with your district yet. Once it is signed, please ask again."
        let stories: [[(Command, UUID?)]] = [
            approved + [(.reschedule(date: later, reason: "The summer upgrade takes longer."), sso.id)] + shared,
            asked + [
                (.requestInfo(message: "Which schools will use it first, and from when on?"), rostering.id),
                (.provideInfo(message: "Both middle schools, from January on."), rostering.id),
                (.decline(reason: reason), rostering.id),
                (.approve(launchDate: .set(nil), message: nil, withPair: false), sso.id),
                (.withdraw(reason: "We wait for the new school year."), sso.id),
            ],
        ]
        var notices: [(Notice, DistrictCase)] = []
        for story in stories {
            var value = DistrictCase(district: district, requests: [])
            for (command, id) in story {
                let outcome = try value.apply(command, to: id, by: "Amy", at: now)
                value = outcome.districtCase
                for case .mail(let notice) in outcome.effects { notices.append((notice, value)) }
            }
        }
        return notices
    }

    private var digest: ComposedMail {
        let today = CalendarDate(now, in: district.zone)
        let report = DigestReport(
            sections: [
                .init(
                    heading: "Requests to decide, oldest first", short: "2 requests to decide", count: 2,
                    rows: [
                        ("Demo District, rostering", "asked 5 days ago"),
                        ("Elm School, SSO", "asked 20 hours ago; waits for their answer"),
                    ]),
                .init(
                    heading: "Launching in the next 7 days", short: "1 launch this week", count: 1,
                    rows: [("Oak County Schools, SSO", "launches \(MailValues.words(today))")]),
                .init(
                    heading: "Launching but not configured", short: "1 account to configure", count: 1,
                    rows: [("Oak County Schools, rostering", "launched; review the data and configure")]),
                .init(
                    heading: "E-mails that could not be delivered", short: "1 failed e-mail", count: 1,
                    rows: [("Approved: SSO for Elm School, to lee@elm.example", "550 5.1.1 No such user")]),
                .init(
                    heading: "Callbacks that wait", short: "1 waiting callback", count: 24,
                    rows: [("sharing_permissions.created for Demo District", "received 3 hours ago")]),
            ], districtIDs: [])
        return composer.digest(report, to: configuration.accountManager ?? "amy@vendor.example", day: today, now: now)
    }
}
