import Testing

@testable import HTTPServer

@Suite("What every answer carries")
struct DateLineTests {
    @Test("dates are IMF-fixdates")
    func dates() {
        let cases = [
            (784_887_151, "Tue, 15 Nov 1994 08:12:31 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"), (4_102_444_800, "Fri, 01 Jan 2100 00:00:00 GMT"),
        ]
        for (seconds, text) in cases {
            #expect(String(decoding: DateLine.bytes(at: seconds), as: UTF8.self) == "Date: \(text)\r\n")
        }
    }

    @Test("ids made here are unlike each other, and ids")
    func ids() {
        var generator = RequestIDGenerator()
        let ids = (0..<10_000).map { _ in RequestID.make(&generator) }
        #expect(Set(ids).count == ids.count)
        #expect(ids.allSatisfy { $0.utf8.count == 26 && RequestID.kept($0) == $0 })
        var other = RequestIDGenerator()
        #expect(RequestID.make(&other) != ids[0])
    }
}
