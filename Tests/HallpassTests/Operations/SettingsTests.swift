import Foundation
import TestSupport
import Testing

@testable import Hallpass

@Suite("Settings")
struct SettingsTests {
    private func file(_ text: String) throws -> String {
        let path = TestCluster.newFolder() + ".env"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    private func lines(_ environment: [String: String], file: String? = nil) -> [String] {
        do throws(Settings.Failure) {
            _ = try Settings(environment: environment, file: file)
            return []
        } catch {
            return error.lines
        }
    }

    @Test("nothing set is everything by default, and other programs' variables do not matter")
    func defaults() throws {
        let settings = try Settings(environment: ["PATH": "/bin", "PGHOST": "x"])
        #expect(settings.rows.allSatisfy { $0.origin == .standard })
        #expect(settings.configuration.listen == "127.0.0.1:8080" && settings.configuration.databaseURL == nil)
    }

    @Test("a setting that is set to nothing is not set")
    func empty() throws {
        let settings = try Settings(environment: [
            "HALLPASS_LISTEN": "", "DATABASE_URL": "", "HALLPASS_SMTP_URL_FILE": "",
        ])
        #expect(settings.configuration.listen == "127.0.0.1:8080" && settings.configuration.databaseURL == nil)
    }

    @Test("a file is read as systemd reads one: comments, blank lines, quotes; the environment wins")
    func files() throws {
        let path = try file(
            """
            # comment
            ; another

            HALLPASS_VENDOR_NAME="Acme = Reading"
            HALLPASS_LOGO_TEXT='Acme'
            HALLPASS_LISTEN=127.0.0.1:9000
            """)
        let settings = try Settings(environment: ["HALLPASS_LISTEN": "127.0.0.1:9001"], file: path)
        #expect(settings.configuration.vendorName == "Acme = Reading")
        #expect(settings.configuration.logoText == "Acme")
        #expect(settings.configuration.listen == "127.0.0.1:9001")
    }

    @Test("what is wrong in a file is told with its line, and all at once")
    func wrongFile() throws {
        let path = try file("HALLPASS_LISTEN=x\nnonsense\nexport PATH=/bin\nHALLPASS_LOOPS=0\n")
        let told = lines([:], file: path)
        #expect(told.count == 4)
        #expect(told.contains { $0.hasPrefix("\(path):2: ") } && told.contains { $0.hasPrefix("\(path):3: ") })
        #expect(told.contains { $0.hasPrefix("HALLPASS_LOOPS: \"0\" is not a whole number from 1 to 256") })
        #expect(lines([:], file: "/nonexistent/file").first?.contains("cannot be read") == true)
    }

    @Test("every secret may come from a file, and never from two places")
    func secretFiles() throws {
        let path = try file("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
        let settings = try Settings(environment: ["HALLPASS_WEBHOOK_SECRETS_FILE": path])
        #expect(settings.configuration.webhookSecrets == ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
        #expect(settings.secretFiles == ["HALLPASS_WEBHOOK_SECRETS": path])
        for setting in Setting.all where setting.isSecret {
            let told = lines(["\(setting.name)_FILE": "/nonexistent/secret"])
            #expect(
                told == [
                    "\(setting.name)_FILE: /nonexistent/secret cannot be read; name a file that this user can read"
                ])
            let twice = lines([setting.name: "x", "\(setting.name)_FILE": path])
            #expect(twice.contains { $0.contains("given twice") })
        }
        // What is no secret has no such form.
        #expect(lines(["HALLPASS_LISTEN_FILE": path]).first?.contains("no such setting") == true)
    }

    @Test("a secret's value is in no line of what is wrong")
    func hiddenSecrets() {
        for setting in Setting.all where setting.isSecret {
            for line in lines([setting.name: "verysecret nonsense"]) { #expect(!line.contains("verysecret")) }
        }
    }

    @Test("a slip of the pen is told with the name that was meant")
    func suggestions() {
        let slips = [
            "HALLPASS_LISTN": "HALLPASS_LISTEN", "HALLPASS_SMTP_URI": "HALLPASS_SMTP_URL",
            "HALLPASS_DATABASE_URL": "DATABASE_URL", "HALLPASS_MAILFROM": "HALLPASS_MAIL_FROM",
            "HALLPASS_DATABASE_URL_FILE": "DATABASE_URL_FILE",
        ]
        for (slip, meant) in slips {
            #expect(lines([slip: "x"]) == ["\(slip): no such setting; did you mean \(meant)?"])
        }
        #expect(lines(["HALLPASS_XYZZY_PLUGH": "x"]) == ["HALLPASS_XYZZY_PLUGH: no such setting"])
    }

    @Test("each setting refuses what it cannot be, and says what would be right")
    func refusals() {
        let wrong = [
            "DATABASE_URL": "mysql", "HALLPASS_LISTEN": "here", "HALLPASS_PROBE_LISTEN": "8081",
            "HALLPASS_TLS_IN_FRONT": "perhaps", "HALLPASS_BASE_URL": "vendor.example", "HALLPASS_SETUP_URL": "clever",
            "HALLPASS_TRUSTED_PROXIES": "proxy", "HALLPASS_BOOTSTRAP_TOKEN": "admin",
            "HALLPASS_WEBHOOK_SECRETS": "whsec_", "HALLPASS_REFUSED_ATTEMPTS_PER_MINUTE": "-1",
            "HALLPASS_ACCOUNT_MANAGER": "amy", "HALLPASS_SMTP_URL": "http://x", "HALLPASS_MAIL_FROM": "Vendor",
            "HALLPASS_NEW_REQUEST_MAIL": "2", "HALLPASS_DIGEST": "daily", "HALLPASS_BRAND_COLOR": "blue",
            "HALLPASS_CHECKLIST_SSO": "a a", "HALLPASS_CHECKLIST_ROSTERING": "A-B", "HALLPASS_LOOPS": "1000",
            "HALLPASS_DB_CONNECTIONS": "0", "HALLPASS_BODY_RETENTION_DAYS": "0",
            "HALLPASS_SHARED_DATA_RETENTION_DAYS": "soon", "HALLPASS_LOG_LEVEL": "loud", "HALLPASS_LOG_FORMAT": "xml",
        ]
        for (name, value) in wrong {
            let told = lines([name: value])
            #expect(told.count == 1 && told[0].hasPrefix("\(name): ") && told[0].contains(" is not "), "\(told)")
        }
        #expect(lines(wrong).count == wrong.count)
    }

    @Test("a probe listener that is said to be the main one is the main one")
    func sameListener() throws {
        let same = try Settings(environment: [
            "HALLPASS_LISTEN": "127.0.0.1:9000", "HALLPASS_PROBE_LISTEN": "127.0.0.1:9000",
        ])
        #expect(same.configuration.probeListen == nil)
        let two = try Settings(environment: ["HALLPASS_LISTEN": "[::1]:0", "HALLPASS_PROBE_LISTEN": "[::1]:0"])
        #expect(two.configuration.probeListen == "[::1]:0")
    }
}
