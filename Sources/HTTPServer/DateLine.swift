import Foundation

/// `Date: Tue, 15 Nov 1994 08:12:31 GMT` and its line end: an IMF-fixdate (RFC 9110 §5.6.7).
enum DateLine {
    static func bytes(at seconds: time_t) -> [UInt8] {
        var seconds = seconds
        var parts = tm()
        gmtime_r(&seconds, &parts)
        var line = Array("Date: ".utf8)
        line.reserveCapacity(40)
        line.append(contentsOf: days[Int(parts.tm_wday)].utf8)
        line.append(contentsOf: ", ".utf8)
        append(parts.tm_mday, to: &line)
        line.append(contentsOf: months[Int(parts.tm_mon)].utf8)
        append((1900 + parts.tm_year) / 100, to: &line)
        append((1900 + parts.tm_year) % 100, to: &line)
        for (number, mark) in [(parts.tm_hour, " "), (parts.tm_min, ":"), (parts.tm_sec, ":")] {
            line.append(contentsOf: mark.utf8)
            append(number, to: &line)
        }
        line.append(contentsOf: " GMT\r\n".utf8)
        return line
    }

    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        " Jan ", " Feb ", " Mar ", " Apr ", " May ", " Jun ", " Jul ", " Aug ", " Sep ", " Oct ", " Nov ", " Dec ",
    ]

    /// Two digits.
    private static func append(_ number: Int32, to line: inout [UInt8]) {
        line.append(UInt8(0x30 + number / 10))
        line.append(UInt8(0x30 + number % 10))
    }
}
