import Foundation
import Synchronization

/// How far something that takes long has come, for the terminal of whoever waits for it.
final class Progress: Sendable {
    /// In thousandths; negative while nothing is known of the end.
    private let done = Atomic<Int>(-1)

    func report(_ part: Int, of total: Int) {
        done.store(total <= 0 ? 1000 : min(1000, max(0, part * 1000 / total)), ordering: .relaxed)
    }

    /// One line that fits: what is done, how much of it, for how long so far.
    func line(_ what: String, seconds: Int, width: Int) -> String {
        let thousandths = done.load(ordering: .relaxed)
        let percent = thousandths < 0 ? "" : "\(thousandths / 10) %, "
        let facts = " \(percent)\(seconds) s"
        // The last column stays free: some terminals go on to the next line once it is written.
        let room = width - 1 - facts.count
        return (what.count + 2 <= room ? "\(what) …" : "\(what.prefix(max(0, room - 1)))…") + facts
    }
}

extension Console {
    /// Shows on a terminal how far something is that takes long, on a line that goes when it is done; elsewhere nothing.
    func withProgress<Result>(_ what: String, _ body: (Progress) async throws -> Result) async rethrows -> Result {
        let progress = Progress()
        guard let width = Terminal.width(of: STDERR_FILENO), Terminal.obeys else { return try await body(progress) }
        let began = ContinuousClock.now
        let shown = Task.detached {
            var last = ""
            do {
                try await Task.sleep(for: .milliseconds(700))
                while true {
                    let seconds = Int(began.duration(to: .now) / .seconds(1))
                    let line = progress.line(what, seconds: seconds, width: Terminal.width(of: STDERR_FILENO) ?? width)
                    if line != last { Terminal.write("\r\(line)\u{1B}[K") }
                    last = line
                    try await Task.sleep(for: .milliseconds(250))
                }
            } catch {
                // Cancelled: it is done.
                if !last.isEmpty { Terminal.write("\r\u{1B}[K") }
            }
        }
        do {
            let result = try await body(progress)
            shown.cancel()
            await shown.value
            return result
        } catch {
            shown.cancel()
            await shown.value
            throw error
        }
    }
}

/// What a command's output is shown on.
enum Terminal {
    /// Columns; nil where it is none, and nothing has to fit.
    static func width(of descriptor: Int32) -> Int? {
        guard isatty(descriptor) == 1 else { return nil }
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Whether it does as control sequences say.
    static var obeys: Bool {
        let name = ProcessInfo.processInfo.environment["TERM"] ?? ""
        return !name.isEmpty && name != "dumb"
    }

    static func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
