public import Foundation

/// A day of the Gregorian calendar, without a time zone: `YYYY-MM-DD`.
public struct CalendarDate: Sendable, Hashable, Comparable, CustomStringConvertible {
    public let year: Int
    public let month: Int
    public let day: Int

    /// Nil for a date that does not exist. Years 1 to 9999.
    public init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year)
        else {
            return nil
        }
        self.year = year
        self.month = month
        self.day = day
    }

    /// Reads `YYYY-MM-DD` and nothing else.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-") else { return nil }
        func number(_ range: Range<Int>) -> Int? {
            bytes[range].reduce(0 as Int?) { value, byte in
                guard let value, (0x30...0x39).contains(byte) else { return nil }
                return value * 10 + Int(byte - 0x30)
            }
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10) else { return nil }
        self.init(year: year, month: month, day: day)
    }

    /// The day that `instant` falls on in a zone.
    public init(_ instant: Date, in zone: TimeZone) {
        let shifted = instant.timeIntervalSince1970 + Double(zone.secondsFromGMT(for: instant))
        self.init(daysSince1970: Int((shifted / 86_400).rounded(.down)))
    }

    public var description: String { "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))" }

    /// `mm/dd/yy`, as the badge has it.
    public var badgeText: String { "\(Self.padded(month, 2))/\(Self.padded(day, 2))/\(Self.padded(year % 100, 2))" }

    public static func < (a: CalendarDate, b: CalendarDate) -> Bool {
        (a.year, a.month, a.day) < (b.year, b.month, b.day)
    }

    /// The same day `years` later; 29 February becomes 1 March where there is none.
    public func adding(years: Int) -> CalendarDate {
        CalendarDate(year: year + years, month: month, day: day) ?? CalendarDate(year: year + years, month: 3, day: 1)
            ?? self
    }

    public func adding(days: Int) -> CalendarDate { CalendarDate(daysSince1970: daysSince1970 + days) }

    /// The first instant of this day in a zone: midnight, the earlier one where the clocks are put back over it; or where
    /// they are put forward over midnight the first instant after; where the zone skips the whole day (Pacific/Apia,
    /// 2011-12-30), the first instant of the next.
    public func firstInstant(in zone: TimeZone) -> Date {
        let midnight = Double(daysSince1970 * 86_400)
        let midnights = [-26.0, 0, 26].map { hours in
            let offset = zone.secondsFromGMT(for: Date(timeIntervalSince1970: midnight + hours * 3600))
            return Date(timeIntervalSince1970: midnight - Double(offset))
        }
        let existing = midnights.filter { CalendarDate($0, in: zone) == self }
        return min(existing.min() ?? .distantFuture, dayBreak(midnight, in: zone))
    }

    /// Where the local day number first reaches this day's, by bisection. A zone is at most 14 hours ahead of UTC and 12
    /// behind, so it lies within 26 hours around midnight UTC.
    private func dayBreak(_ midnight: Double, in zone: TimeZone) -> Date {
        var low = midnight - 15 * 3600
        var high = midnight + 39 * 3600
        while high - low > 1 {
            let middle = ((low + high) / 2).rounded(.down)
            if CalendarDate(Date(timeIntervalSince1970: middle), in: zone) < self {
                low = middle
            } else {
                high = middle
            }
        }
        return Date(timeIntervalSince1970: high)
    }

    // Days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").

    private init(daysSince1970: Int) {
        let shifted = daysSince1970 + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    private var daysSince1970: Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
