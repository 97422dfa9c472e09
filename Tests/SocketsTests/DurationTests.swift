import Sockets
import Testing

@Suite("Durations")
struct DurationTests {
    @Test(
        "a duration in seconds is right to a few nanoseconds",
        arguments: [
            (Duration.zero, 0.0), (.nanoseconds(1500), 1.5e-6), (.milliseconds(250), 0.25),
            (.seconds(86_400 * 365), 31_536_000),
            (.milliseconds(-1500), -1.5),
        ])
    func inSeconds(_ duration: Duration, _ seconds: Double) {
        #expect(abs(duration.inSeconds - seconds) < 2e-9)
    }
}
