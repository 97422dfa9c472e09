import Foundation
import Integrations
import Mail
import Postgres

// Once a day, in the account manager's own morning, what waits for them. Their zone is the one that most of their districts
// are in, and it is morning from 7 until noon there: a service that was down at 7 catches up, one that was down all morning
// leaves that day out. The day is noted (service_fact) in the transaction that writes the mail, and the note is the lock: of
// several instances the first one writes, the others find the day noted. An empty digest is noted and not written.

final class DigestWorker: Sendable {
    private static let morningHours = 7..<12

    private let application: Application

    init(application: Application) { self.application = application }

    /// Writes the digests that are due. False: there is no more at once.
    func turn() async throws -> Bool {
        guard application.configuration.digestMail else { return false }
        let now = application.now()
        for due in try await managers() {
            var calendar = Calendar(identifier: .gregorian)
            calendar.timeZone = IANATimeZone.zone(due.timeZone)
            let day = CalendarDate(now, in: calendar.timeZone)
            guard Self.morningHours.contains(calendar.component(.hour, from: now)), due.lastDay != "\(day)" else {
                continue
            }
            try await write(to: due.address, day: day, now: now)
        }
        return false
    }

    private struct Manager: Sendable {
        var address: String
        var timeZone: String
        /// The day of their last digest, as it is noted.
        var lastDay: String?
    }

    private func managers() async throws -> [Manager] {
        let rows = try await application.database.query(
            Query(
                "digest.managers",
                """
                SELECT m.address, m.time_zone, f.value #>> '{}'
                FROM (SELECT account_manager AS address, mode() WITHIN GROUP (ORDER BY time_zone) AS time_zone
                    FROM district WHERE account_manager IS NOT NULL GROUP BY account_manager) m
                LEFT JOIN service_fact f ON f.name = 'digest:' || m.address
                ORDER BY m.address
                """))
        var managers = try rows.map { row in
            Manager(address: try row.get(0), timeZone: try row.get(1), lastDay: try row.get(2))
        }
        // Callbacks about unknown districts wait for somebody even before there is a first district.
        if let address = application.configuration.accountManager, !managers.contains(where: { $0.address == address })
        {
            let facts = try await application.database.query(
                Query("digest.fact", "SELECT value #>> '{}' FROM service_fact WHERE name = \("digest:\(address)")"))
            managers.append(
                Manager(
                    address: address, timeZone: "America/New_York",
                    lastDay: try facts.first?.get(0, as: String?.self) ?? nil))
        }
        return managers
    }

    private func write(to address: String, day: CalendarDate, now: Date) async throws {
        try await application.perform(author: .service, now: now) { work in
            let noted = try await work.transaction.query(
                Query(
                    "digest.note",
                    """
                    INSERT INTO service_fact (name, value, updated_at)
                    VALUES (\("digest:\(address)"), to_jsonb(\("\(day)")::text), \(now))
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
                    WHERE service_fact.value <> excluded.value
                    RETURNING name
                    """))
            guard !noted.isEmpty else { return }
            let isDefault = address == work.application.configuration.accountManager
            let report = try await DigestReport.load(
                address, withUnknownDistricts: isDefault, now: now, work.transaction)
            guard !report.isEmpty else { return }
            work.send(work.application.mailComposer.digest(report, to: address, day: day, now: now), districtID: nil)
        }
    }
}

extension MailComposer {
    func digest(_ report: DigestReport, to address: String, day: CalendarDate, now: Date) -> ComposedMail {
        let values: TemplateValues = [
            "to_account_manager": .flag, "day": .text(MailValues.words(day)), "headline": .text(report.headline),
            "sections": .list(report.sections.map(\.values)),
        ]
        var mail = finish(
            values, template: "digest", recipient: Mailbox(address: address), replyTo: address, requestIDs: [],
            now: now)
        mail.mentionedDistrictIDs = report.districtIDs
        return mail
    }
}
