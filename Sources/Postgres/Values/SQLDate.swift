/// A calendar date, as PostgreSQL's `date`; proleptic Gregorian, years 1 to 9999.
public struct SQLDate: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Days since 2000-01-01, as on the wire.
    public let days: Int32

    public init(days: Int32) {
        self.days = days
    }

    /// Nil when there is no such day.
    public init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
        let days = Self.days(year: year, month: month, day: day)
        self.init(days: Int32(days))
        let parts = self.parts
        guard parts.year == year, parts.month == month, parts.day == day else { return nil }
    }

    /// Reads `YYYY-MM-DD`, nothing else.
    public init?(_ text: some StringProtocol) {
        let utf8 = Array(text.utf8)
        guard utf8.count == 10, utf8[4] == 0x2D, utf8[7] == 0x2D else { return nil }
        var digits: [Int] = []
        for (index, byte) in utf8.enumerated() where index != 4 && index != 7 {
            guard (0x30...0x39).contains(byte) else { return nil }
            digits.append(Int(byte) - 0x30)
        }
        self.init(
            year: digits[0] * 1000 + digits[1] * 100 + digits[2] * 10 + digits[3],
            month: digits[4] * 10 + digits[5], day: digits[6] * 10 + digits[7])
    }

    public static func < (left: SQLDate, right: SQLDate) -> Bool {
        left.days < right.days
    }

    /// Year, month and day, by Howard Hinnant's `civil_from_days`.
    public var parts: (year: Int, month: Int, day: Int) {
        let shifted = Int(days) + 10_957 + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    public var description: String {
        let parts = parts
        func padded(_ number: Int, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(padded(parts.year, 4))-\(padded(parts.month, 2))-\(padded(parts.day, 2))"
    }

    /// Days since 2000-01-01, by Howard Hinnant's `days_from_civil`.
    private static func days(year: Int, month: Int, day: Int) -> Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = shiftedYear / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468 - 10_957
    }
}

extension SQLDate: SQLValue, SQLArrayElement {
    public static var sqlType: SQLType { .date }
    public static var sqlFormat: SQLFormat { .binary }
    public func encode(into encoder: inout SQLEncoder) { encoder.write(days) }
    public static var sqlElementType: SQLType { .date }
    public static var sqlArrayType: SQLType { .dateArray }
    public func encodeElement(into encoder: inout SQLEncoder) { encode(into: &encoder) }
}

/// JSON as text: what `jsonb` and `json` columns give, and what is written into `jsonb`.
public struct JSONText: Hashable, Sendable, CustomStringConvertible {
    public var text: String

    public init(_ text: String) {
        self.text = text
    }

    public var description: String { text }
}

extension JSONText: SQLValue, SQLArrayElement {
    public static var sqlType: SQLType { .jsonb }
    public static var sqlFormat: SQLFormat { .text }
    public func encode(into encoder: inout SQLEncoder) { encoder.write(text) }
    public static var sqlElementType: SQLType { .jsonb }
    public static var sqlArrayType: SQLType { .jsonbArray }
    public func encodeElement(into encoder: inout SQLEncoder) {
        encoder.write(1 as UInt8)
        encoder.write(text)
    }
}
