import Foundation
import Logging

extension Console {
    /// `hallpass doctor`: looks at everything that the service needs. - Throws: when something failed.
    public func examine() async throws {
        let findings = await Doctor(console: self).findings()
        let worst = findings.map(\.level).max() ?? .ok
        if isJSON {
            say(json: { writer in
                writer.object { writer in
                    writer.member("status", worst.rawValue)
                    writer.member(
                        "checks",
                        array: { writer in
                            for finding in findings {
                                writer.object { writer in
                                    writer.member("check", finding.check)
                                    writer.member("status", finding.level.rawValue)
                                    writer.member("text", finding.text)
                                    writer.member("advice", finding.advice)
                                }
                            }
                        })
                }
            })
        } else {
            let width = findings.map(\.check.count).max() ?? 0
            for finding in findings {
                let level = finding.level.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
                let check = finding.check.padding(toLength: width, withPad: " ", startingAt: 0)
                say(wrapping: "\(coloured(level, finding.level)) \(check)  ", width: 11 + width, finding.text)
                if let advice = finding.advice {
                    say(wrapping: String(repeating: " ", count: 11 + width), width: 11 + width, "→ \(advice)")
                }
            }
        }
        let failed = findings.count { $0.level == .failure }
        if failed > 0 {
            throw StartError("\(failed) of \(findings.count) checks failed; the lines above say what to do")
        }
    }

    private func coloured(_ text: String, _ level: Finding.Level) -> String {
        guard isatty(STDOUT_FILENO) == 1, Terminal.obeys,
            ProcessInfo.processInfo.environment["NO_COLOR", default: ""].isEmpty
        else { return text }
        let code = level == .ok ? 32 : level == .warning ? 33 : 31
        return "\u{1B}[\(code)m\(text)\u{1B}[0m"
    }
}

/// Runs the checks, each on its own: what one meets does not keep the others from being made.
struct Doctor: Sendable {
    let console: Console
    var configuration: Configuration { console.configuration }

    func findings() async -> [Finding] {
        await [settings()] + database() + mail() + [webhookSecrets()] + files() + [disk(), timeZones(), descriptors()]
            + [service()]
    }

    private func settings() -> Finding {
        let given = console.settings.rows.count { $0.origin != .standard }
        if let base = configuration.baseURL, base.hasPrefix("http://"), !base.contains("//127."),
            !base.contains("//localhost")
        {
            return .warning(
                "settings", "HALLPASS_BASE_URL is plain http, so links in e-mails are",
                "put a proxy with TLS in front, and set HALLPASS_BASE_URL to its https:// address")
        }
        return .ok(
            "settings", "\(given) given, \(console.settings.rows.count - given) by default; see `hallpass config`")
    }

    /// Whether the service runs at its address, which it need not while a doctor is called.
    private func service() async -> Finding {
        let address = configuration.probeListen ?? configuration.listen
        do throws(StartError) {
            let answer = try await PlainHTTP.get("http://\(address)/readyz")
            if answer.status == 200 { return .ok("service", "ready at \(address)") }
            return .failure(
                "service", "\(address): \(answer.body.trimmingCharacters(in: .whitespacesAndNewlines))",
                "see the service's log")
        } catch {
            return .warning(
                "service", "nobody answers at \(address)", "start `hallpass serve`, if it should be running")
        }
    }
}
