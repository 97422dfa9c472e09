import Foundation
import Mail

/// What surrounds the service on its machine.
extension Doctor {
    // MARK: E-mail

    func mail() async -> [Finding] {
        var findings: [Finding] = []
        if let folder = configuration.templatesFolder {
            do {
                _ = try MailComposer(configuration)
                findings.append(.ok("templates", "those in \(folder) can be used"))
            } catch {
                findings.append(.failure("templates", "\(error)", "correct it, or unset HALLPASS_TEMPLATES"))
            }
        }
        guard let delivery = SMTPDelivery(configuration) else {
            return findings + [
                .warning(
                    "e-mail", "goes to files in \(configuration.dataFolder)/mail, nobody gets any",
                    "set HALLPASS_SMTP_URL to send it")
            ]
        }
        if let path = configuration.smtpCAFile, !FileManager.default.isReadableFile(atPath: path) {
            return findings + [
                .failure("e-mail", "\(path) cannot be read", "set HALLPASS_SMTP_CA_FILE to a PEM file, or unset it")
            ]
        }
        return findings + [Self.finding(await delivery.verify(), sender: configuration.mailFrom)]
    }

    private static func finding(_ outcome: SMTPOutcome, sender: String) -> Finding {
        switch outcome {
        case .accepted:
            if sender == Configuration().mailFrom {
                return .warning(
                    "e-mail", "the server lets us in; mail comes from \(sender)",
                    "set HALLPASS_MAIL_FROM to an address of your own")
            }
            return .ok("e-mail", "the server lets us in, and takes mail from \(sender)")
        case .temporaryRefusal(let code, let reply), .permanentRefusal(let code, let reply):
            return .failure(
                "e-mail", "the server refuses the sender \(sender) (\(code): \(reply))",
                "set HALLPASS_MAIL_FROM to an address that this login may send from")
        case .connectionLost(let text):
            return .failure("e-mail", "the connection was lost: \(text)", "try again, or ask who runs the mail server")
        case .serverTrouble(let trouble, let text):
            let advice =
                switch trouble {
                case .unreachable: "check host and port in HALLPASS_SMTP_URL, and the firewall"
                case .certificate: "use the name in the certificate, or name its authority in HALLPASS_SMTP_CA_FILE"
                case .tls: "use a server that offers TLS; without it mail is sent to a loopback address only"
                case .login: "check user and password in HALLPASS_SMTP_URL"
                case .greeting: "ask who runs the mail server why it turns us away"
                }
            return .failure("e-mail", "\(trouble.rawValue): \(text)", advice)
        }
    }

    // MARK: Secrets

    func webhookSecrets() -> Finding {
        let path = configuration.dataFolder + "/webhook-secret"
        var texts = configuration.webhookSecrets
        if texts.isEmpty {
            do throws(StartError) {
                guard let text = try SecretFile.read(path) else {
                    return .warning("webhook key", "there is none yet", "start `hallpass serve` once, which makes it")
                }
                texts = text.split(whereSeparator: \.isWhitespace).map(String.init)
            } catch {
                return .failure("webhook key", "\(error)", "see above")
            }
        }
        for text in texts {
            if let weakness = Self.weakness(of: text) {
                return .failure(
                    "webhook key", weakness,
                    "make one by `echo whsec_$(openssl rand -base64 32)`, accept both for a while, then drop the old one"
                )
            }
        }
        return .ok("webhook key", texts.count == 1 ? "one, strong" : "\(texts.count), all strong")
    }

    /// What makes a signing secret guessable; nil when nothing shows.
    static func weakness(of text: String) -> String? {
        if text == "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" {
            return "it is the example of Standard Webhooks' documentation"
        }
        guard WebhookSecret(text) != nil, let bytes = Data(base64Encoded: String(text.dropFirst(6))) else {
            return "it is no secret (whsec_ and the base64 of 24 to 64 bytes)"
        }
        // Of 24 random bytes 23 or so are different, and a third are printable.
        if Set(bytes).count < 16 { return "its bytes repeat, so it can be guessed" }
        if bytes.allSatisfy({ (0x20...0x7E).contains($0) }) { return "it looks typed by hand" }
        return nil
    }

    // MARK: Files

    func files() -> [Finding] {
        let data = configuration.dataFolder
        let paths = [data + "/admin-token", data + "/webhook-secret"] + console.settings.secretFiles.values.sorted()
        var open: [String] = []
        for path in paths {
            var facts = stat()
            guard stat(path, &facts) == 0, facts.st_mode & 0o077 != 0 else { continue }
            open.append("\(path) has mode \(String(facts.st_mode & 0o777, radix: 8))")
        }
        var facts = stat()
        if stat(data, &facts) != 0 {
            return [.warning("files", "\(data) is not there", "start `hallpass serve` once, which makes it")]
        }
        if facts.st_mode & 0o022 != 0 {
            return [.failure("files", "\(data) can be written by others", "chmod go-w \(data)")]
        }
        guard access(data, W_OK | X_OK) == 0 else {
            return [.failure("files", "\(data) cannot be written by this user", "chown it, or run as its owner")]
        }
        if !open.isEmpty {
            return [
                .warning(
                    "files", "others can read secrets: \(open.joined(separator: ", "))",
                    "chmod 600 the file, if its users are not all trusted")
            ]
        }
        return [.ok("files", "secrets can be read by this user alone")]
    }

    func disk() -> Finding {
        var facts = statvfs()
        let path = FileManager.default.fileExists(atPath: configuration.dataFolder) ? configuration.dataFolder : "."
        guard statvfs(path, &facts) == 0, facts.f_blocks > 0 else {
            return .warning("disk", "\(path) cannot be looked at", "see that it is mounted")
        }
        let free = Double(facts.f_bavail) * Double(facts.f_frsize)
        let percent = Int(100 * Double(facts.f_bavail) / Double(facts.f_blocks))
        let text = String(format: "%.1f GiB free, %d %%", free / 1_073_741_824, percent)
        if free < 200_000_000 { return .failure("disk", text, "make room: PostgreSQL stops when the disk is full") }
        if free < 2_000_000_000 || percent < 5 { return .warning("disk", text, "make room before it is full") }
        return .ok("disk", text)
    }

    // MARK: The machine

    func timeZones() -> Finding {
        let needed = ["America/New_York", "America/Los_Angeles", "Pacific/Honolulu", "Pacific/Guam"]
        let missing = needed.filter { TimeZone(identifier: $0) == nil }
        let january = Date(timeIntervalSince1970: 1_768_435_200)
        let july = Date(timeIntervalSince1970: 1_784_073_600)
        let pacific = TimeZone(identifier: "America/Los_Angeles")
        guard missing.isEmpty, pacific?.secondsFromGMT(for: january) == -8 * 3600,
            pacific?.secondsFromGMT(for: july) == -7 * 3600
        else {
            let what =
                missing.isEmpty ? "daylight saving time is not known" : "unknown: \(missing.joined(separator: ", "))"
            return .failure("time zones", what, "install tzdata: launches happen at local midnight")
        }
        let contents = FileManager.default.contents(atPath: "/usr/share/zoneinfo/tzdata.zi")
        let first = contents.map { String(decoding: $0.prefix(40), as: UTF8.self) }?.split(separator: "\n").first
        return .ok("time zones", first.map { "known, \($0.dropFirst(2))" } ?? "known")
    }

    func descriptors() -> Finding {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        if limit.rlim_cur < 4096 {
            return .warning(
                "descriptors", "this shell allows \(limit.rlim_cur)", "allow the service more: LimitNOFILE=65536")
        }
        return .ok("descriptors", "\(limit.rlim_cur) allowed")
    }
}
