import Foundation
import Testing

@testable import Integrations

@Suite("Calendar dates and local midnights")
struct CalendarDateTests {
    @Test(
        "the first instant of a day is local midnight, whatever the clocks do",
        arguments: [
            ("America/Los_Angeles", "2026-12-01", "2026-12-01T08:00:00Z"),
            ("America/Los_Angeles", "2026-07-01", "2026-07-01T07:00:00Z"),
            // Clocks go forward on 8 March at two, back on 1 November at two.
            ("America/Los_Angeles", "2026-03-08", "2026-03-08T08:00:00Z"),
            ("America/Los_Angeles", "2026-03-09", "2026-03-09T07:00:00Z"),
            ("America/Los_Angeles", "2026-11-01", "2026-11-01T07:00:00Z"),
            ("America/Los_Angeles", "2026-11-02", "2026-11-02T08:00:00Z"),
            ("America/Phoenix", "2026-07-01", "2026-07-01T07:00:00Z"),
            ("Pacific/Honolulu", "2026-12-01", "2026-12-01T10:00:00Z"),
            ("Pacific/Guam", "2026-12-01", "2026-11-30T14:00:00Z"),
            ("Pacific/Pago_Pago", "2026-12-01", "2026-12-01T11:00:00Z"),
            ("Pacific/Kiritimati", "2027-01-01", "2026-12-31T10:00:00Z"),
            ("America/St_Johns", "2026-12-01", "2026-12-01T03:30:00Z"),
            ("Asia/Kathmandu", "2026-12-01", "2026-11-30T18:15:00Z"), ("UTC", "2028-02-29", "2028-02-29T00:00:00Z"),
            // Midnight does not exist: the clocks go from 24:00 to 01:00.
            ("America/Havana", "2026-03-08", "2026-03-08T05:00:00Z"),
            ("America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z"),
            ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z"),
            // Midnight comes twice: the earlier counts.
            ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z"),
            ("America/Goose_Bay", "2010-11-07", "2010-11-07T03:00:00Z"),
            // Put back at midnight to 23:00 of the day before: the day begins after that hour.
            ("America/Santiago", "2026-04-05", "2026-04-05T04:00:00Z"),
            // The day was left out.
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
        ])
    func firstInstant(zone: String, date: String, instant: String) {
        #expect(Fixture.date(date).firstInstant(in: IANATimeZone.zone(zone)) == Fixture.instant(instant))
    }

    @Test("no second before the first instant belongs to the day, in any zone of a state, over four years")
    func property() {
        for zone in Set(USState.allCases.map(\.mostPopulousTimeZone)).map(IANATimeZone.zone) {
            var date = Fixture.date("2026-01-01")
            for _ in 0..<1461 {
                let first = date.firstInstant(in: zone)
                #expect(CalendarDate(first, in: zone) == date)
                #expect(CalendarDate(first.addingTimeInterval(-1), in: zone) == date.adding(days: -1))
                date = date.adding(days: 1)
            }
        }
    }

    @Test(
        "dates that exist are read and written alike",
        arguments: ["2026-11-23", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"])
    func reads(text: String) { #expect(CalendarDate(text)?.description == text) }

    @Test(
        "what is no date is refused",
        arguments: [
            "2026-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-01-00", "0000-01-01",
            "2026-1-01", "26-11-23",
            "2026/11/23", "2026-11-23 ", " 2026-11-23", "2026-11-23T00:00:00Z", "20261123", "", "２０２６-11-23",
            "+026-11-23", "today",
        ])
    func refuses(text: String) { #expect(CalendarDate(text) == nil) }

    @Test("days are counted over months, leap years and centuries")
    func counting() {
        #expect(Fixture.date("2026-12-31").adding(days: 1).description == "2027-01-01")
        #expect(Fixture.date("2028-02-28").adding(days: 1).description == "2028-02-29")
        #expect(Fixture.date("2100-02-28").adding(days: 1).description == "2100-03-01")
        #expect(Fixture.date("2026-11-23").adding(days: -365).description == "2025-11-23")
        #expect(
            Fixture.date("2026-12-01").badgeText == "12/01/26" && Fixture.date("2006-01-02").badgeText == "01/02/06")
    }

    @Test("every state has a zone that this system knows, and names are IANA's, not abbreviations or offsets")
    func zones() {
        for state in USState.allCases { #expect(IANATimeZone.isKnown(state.mostPopulousTimeZone), "\(state)") }
        #expect(USState.allCases.count == 56)
        for name in [
            "America/Los_Angeles", "Pacific/Guam", "America/Indiana/Knox", "US/Pacific", "Asia/Calcutta", "UTC",
            "Etc/GMT+3",
        ] {
            #expect(IANATimeZone.isKnown(name), "\(name)")
        }
        for name in [
            "PST", "EST", "GMT+3", "America/Los_Angles", "america/los_angeles", "", "+08:00", "Pacific", "America/",
        ] {
            #expect(!IANATimeZone.isKnown(name), "\(name)")
        }
    }
}
