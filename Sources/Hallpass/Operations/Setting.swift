import Foundation
import Integrations
import Logging
import Mail
import Sockets

/// One setting: its name, what it means, and how its text becomes part of the configuration (API §7).
struct Setting: Sendable {
    var name: String
    /// Never shown; may be given as `NAME_FILE`, a path to a file that holds it.
    var isSecret = false
    /// What is in force when it is not given, for people.
    var standard: String
    /// In a sentence.
    var meaning: String
    /// Puts the text in, or says what would be right.
    var apply: @Sendable (String, inout Configuration) -> String?
    /// The value in force, for people.
    var show: @Sendable (Configuration) -> String?

    static let all: [Setting] = database + listening + people + mail + checklists + running

    private static let database: [Setting] = [
        Setting(
            name: "DATABASE_URL", isSecret: true, standard: "a private cluster under HALLPASS_DATA",
            meaning: "libpq URI of the PostgreSQL database; several hosts are allowed",
            apply: { text, configuration in
                guard text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") || text.contains("=") else {
                    return "a libpq URI such as postgresql://user:password@host:5432/hallpass"
                }
                configuration.databaseURL = text
                return nil
            }, show: { $0.databaseURL }),
        text("HALLPASS_DATA", ".hallpass", "folder of the service's own files", \.dataFolder),
    ]

    private static let listening: [Setting] = [
        address("HALLPASS_LISTEN", "127.0.0.1:8080", "address to listen on", { $0.listen = $1 }, { $0.listen }),
        address(
            "HALLPASS_PROBE_LISTEN", "the same listener", "address of /livez, /readyz and /metrics",
            { $0.probeListen = $1 }, { $0.probeListen }),
        flag(
            "HALLPASS_TLS_IN_FRONT", "off",
            "on: a proxy with TLS stands in front, so a public address may be listened on",
            \.hasTLSInFront),
        url(
            "HALLPASS_BASE_URL", "the listen address", "where clients reach the service", { $0.baseURL = $1 },
            { $0.baseURL }),
        url(
            "HALLPASS_SETUP_URL", Configuration().setupURL,
            "the vendor's page at Clever; {district} and {kind} are filled in",
            { $0.setupURL = $1 }, { $0.setupURL }),
        Setting(
            name: "HALLPASS_TRUSTED_PROXIES", standard: "none",
            meaning: "addresses and ranges, space-separated, whose Forwarded and X-Forwarded-* are believed",
            apply: { text, configuration in
                configuration.trustedProxies = words(text)
                let wrong = configuration.trustedProxies.filter { text in
                    (try? AddressRange(parsing: text)) == nil  // it is named
                }
                return wrong.isEmpty
                    ? nil : "addresses such as 10.0.0.1, 10.0.0.0/8, ::1 or unix, separated by spaces, not \(wrong[0])"
            }, show: { $0.trustedProxies.joined(separator: " ") }),
        number(
            "HALLPASS_REFUSED_ATTEMPTS_PER_MINUTE", "1200",
            "wrong tokens from one address before it is answered 429; 0 does not limit", 0...1_000_000,
            \.refusedAttemptsPerMinute),
        Setting(
            name: "HALLPASS_BOOTSTRAP_TOKEN", isSecret: true, standard: "made at the first start",
            meaning: "an admin token, hp_ and at least 20 characters",
            apply: { text, configuration in
                guard text.hasPrefix("hp_"), (23...200).contains(text.utf8.count),
                    text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
                else { return "hp_ followed by at least 20 characters without spaces" }
                configuration.bootstrapToken = text
                return nil
            }, show: { $0.bootstrapToken }),
        Setting(
            name: "HALLPASS_WEBHOOK_SECRETS", isSecret: true, standard: "one is made at the first start",
            meaning: "secrets that callbacks may be signed with, space-separated",
            apply: { text, configuration in
                let secrets = words(text)
                guard !secrets.isEmpty, secrets.allSatisfy({ WebhookSecret($0) != nil }) else {
                    return "whsec_ followed by the base64 of 24 to 64 bytes, several separated by spaces"
                }
                configuration.webhookSecrets = secrets
                return nil
            }, show: { $0.webhookSecrets.isEmpty ? nil : "\($0.webhookSecrets.count)" }),
    ]

    private static let people: [Setting] = [
        text("HALLPASS_VENDOR_NAME", "Hallpass", "the vendor's name in e-mails", \.vendorName),
        email("HALLPASS_ACCOUNT_MANAGER", "none", "e-mail of the account manager of new districts", \.accountManager),
    ]

    private static let mail: [Setting] = [
        Setting(
            name: "HALLPASS_SMTP_URL", isSecret: true, standard: "mail to files in HALLPASS_DATA/mail",
            meaning: "smtp:// or smtps:// server that mail is sent through",
            apply: { text, configuration in
                guard SMTPConfiguration(text) != nil else {
                    return "smtp://user:password@host:587 or smtps://user:password@host:465 (@ : / and % in user or "
                        + "password percent-encoded)"
                }
                configuration.smtpURL = text
                return nil
            }, show: { $0.smtpURL }),
        optionalText(
            "HALLPASS_SMTP_CA_FILE", "the system's", "certificates that the SMTP server's must come from", \.smtpCAFile),
        Setting(
            name: "HALLPASS_MAIL_FROM", standard: Configuration().mailFrom,
            meaning: "sender of mails, with or without a display name",
            apply: { text, configuration in
                if Mailbox(text) == nil { return "an address such as Vendor <mail@vendor.example>" }
                configuration.mailFrom = text
                return nil
            }, show: { $0.mailFrom }),
        optionalText(
            "HALLPASS_TEMPLATES", "built in", "folder of the vendor's own e-mail templates", \.templatesFolder),
        flag("HALLPASS_NEW_REQUEST_MAIL", "on", "mail account managers about each new request", \.newRequestMail),
        flag("HALLPASS_DIGEST", "on", "mail account managers a digest each morning", \.digestMail),
        optionalText("HALLPASS_MAIL_SIGNATURE", "the vendor's name", "last lines of every e-mail", \.mailSignature),
        optionalText("HALLPASS_LOGO_TEXT", "the vendor's name", "text at the top of every e-mail", \.logoText),
        Setting(
            name: "HALLPASS_BRAND_COLOR", standard: Configuration().brandColor,
            meaning: "colour of links and headings in e-mails",
            apply: { text, configuration in
                guard text.utf8.count == 7, text.hasPrefix("#"), text.dropFirst().allSatisfy(\.isHexDigit) else {
                    return "a colour such as #1a56db"
                }
                configuration.brandColor = text
                return nil
            }, show: { $0.brandColor }),
    ]

    private static let checklists: [Setting] = [
        checklist("HALLPASS_CHECKLIST_SSO", \.checklistSSO),
        checklist("HALLPASS_CHECKLIST_ROSTERING", \.checklistRostering),
    ]

    private static let running: [Setting] = [
        number("HALLPASS_LOOPS", "one a core", "event loops", 1...256, \.loops),
        number("HALLPASS_DB_CONNECTIONS", "8", "database connections for each loop", 1...64, \.databaseConnections),
        number(
            "HALLPASS_BODY_RETENTION_DAYS", "400", "days that bodies of callbacks and sent mails are kept", 1...36_500,
            \.bodyRetentionDays),
        number(
            "HALLPASS_SHARED_DATA_RETENTION_DAYS", "30", "days that an ended request's shared data is kept", 0...36_500,
            \.sharedDataRetentionDays),
        Setting(
            name: "HALLPASS_LOG_LEVEL", standard: "info", meaning: "least level that is logged",
            apply: { text, configuration in
                guard Logger.Level(rawValue: text) != nil else {
                    return "one of \(Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))"
                }
                configuration.logLevel = text
                return nil
            }, show: { $0.logLevel }),
        Setting(
            name: "HALLPASS_LOG_FORMAT", standard: "text on a terminal, else json", meaning: "form of log lines",
            apply: { text, configuration in
                guard text == "text" || text == "json" else { return "text or json" }
                configuration.logFormat = text
                return nil
            }, show: { $0.logFormat }),
    ]
}

/// Settings that are alike in form.
extension Setting {
    static func words(_ text: String) -> [String] { text.split(whereSeparator: \.isWhitespace).map(String.init) }

    private static func text(
        _ name: String, _ standard: String, _ meaning: String,
        _ path: any WritableKeyPath<Configuration, String> & Sendable
    ) -> Setting {
        Setting(
            name: name, standard: standard, meaning: meaning,
            apply: { text, configuration in
                configuration[keyPath: path] = text
                return nil
            }, show: { $0[keyPath: path] })
    }

    private static func optionalText(
        _ name: String, _ standard: String, _ meaning: String,
        _ path: any WritableKeyPath<Configuration, String?> & Sendable
    ) -> Setting {
        Setting(
            name: name, standard: standard, meaning: meaning,
            apply: { text, configuration in
                configuration[keyPath: path] = text
                return nil
            }, show: { $0[keyPath: path] })
    }

    private static func email(
        _ name: String, _ standard: String, _ meaning: String,
        _ path: any WritableKeyPath<Configuration, String?> & Sendable
    ) -> Setting {
        Setting(
            name: name, standard: standard, meaning: meaning,
            apply: { text, configuration in
                if EmailAddress.offence(in: text) != nil { return "an e-mail address such as amy@vendor.example" }
                configuration[keyPath: path] = text
                return nil
            }, show: { $0[keyPath: path] })
    }

    private static func flag(
        _ name: String, _ standard: String, _ meaning: String,
        _ path: any WritableKeyPath<Configuration, Bool> & Sendable
    ) -> Setting {
        Setting(
            name: name, standard: standard, meaning: meaning,
            apply: { text, configuration in
                switch text.lowercased() {
                case "on", "yes", "true", "1": configuration[keyPath: path] = true
                case "off", "no", "false", "0": configuration[keyPath: path] = false
                default: return "on or off"
                }
                return nil
            }, show: { $0[keyPath: path] ? "on" : "off" })
    }

    private static func number(
        _ name: String, _ standard: String, _ meaning: String, _ range: ClosedRange<Int>,
        _ path: any WritableKeyPath<Configuration, Int> & Sendable
    ) -> Setting {
        Setting(
            name: name, standard: standard, meaning: meaning,
            apply: { text, configuration in
                guard let number = Int(text), range.contains(number) else {
                    return "a whole number from \(range.lowerBound) to \(range.upperBound)"
                }
                configuration[keyPath: path] = number
                return nil
            }, show: { String($0[keyPath: path]) })
    }

    private static func address(
        _ name: String, _ standard: String, _ meaning: String,
        _ set: @escaping @Sendable (inout Configuration, String) -> Void,
        _ show: @escaping @Sendable (Configuration) -> String?
    ) -> Setting {
        Setting(
            name: name, standard: standard, meaning: meaning,
            apply: { text, configuration in
                do throws(SocketError) {
                    _ = try SocketAddress(parsing: text)
                    set(&configuration, text)
                    return nil
                } catch {
                    return "an address such as 127.0.0.1:8080, [::1]:8080 or unix:/run/hallpass.sock"
                }
            }, show: show)
    }

    private static func url(
        _ name: String, _ standard: String, _ meaning: String,
        _ set: @escaping @Sendable (inout Configuration, String) -> Void,
        _ show: @escaping @Sendable (Configuration) -> String?
    ) -> Setting {
        Setting(
            name: name, standard: standard, meaning: meaning,
            apply: { text, configuration in
                guard text.hasPrefix("http://") || text.hasPrefix("https://") else {
                    return "an http:// or https:// address"
                }
                set(&configuration, text)
                return nil
            }, show: show)
    }

    private static func checklist(_ name: String, _ path: any WritableKeyPath<Configuration, [String]> & Sendable)
        -> Setting
    {
        Setting(
            name: name, standard: Configuration()[keyPath: path].joined(separator: " "),
            meaning: "checklist items of new requests, space-separated",
            apply: { text, configuration in
                let items = words(text)
                guard Set(items).count == items.count,
                    items.allSatisfy({
                        $0.utf8.count <= 64
                            && $0.utf8.allSatisfy {
                                ($0 >= 0x61 && $0 <= 0x7A) || $0 == 0x5F || ($0 >= 0x30 && $0 <= 0x39)
                            }
                    })
                else { return "different names of a-z, 0-9 and _, separated by spaces" }
                configuration[keyPath: path] = items
                return nil
            }, show: { $0[keyPath: path].joined(separator: " ") })
    }
}
