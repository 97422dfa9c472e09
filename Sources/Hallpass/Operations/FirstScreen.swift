import Foundation
import Logging
import Postgres
import Sockets

/// What a newcomer reads when the service has started, and can paste next. Under systemd nobody does, and the journal gets one
/// event instead.
enum FirstScreen {
    static func show(
        _ configuration: Configuration, _ addresses: Listening.Addresses, cluster: Cluster?, _ logger: Logger
    ) {
        if SystemdJournal.reads(STDOUT_FILENO) {
            var metadata: Logger.Metadata = [
                "address": "\(addresses.main.first?.description ?? configuration.listen)",
                "version": "\(Release.version)",
            ]
            if let probes = addresses.probes.first { metadata["probes"] = "\(probes)" }
            if let cluster { metadata["cluster"] = "\(cluster.home)" }
            return logger.info("listening", metadata: metadata)
        }
        print(lines(configuration, addresses, cluster: cluster).joined(separator: "\n"))
        fflush(nil)
    }

    static func lines(_ configuration: Configuration, _ addresses: Listening.Addresses, cluster: Cluster?) -> [String] {
        let address = addresses.main.first?.description ?? configuration.listen
        let data = configuration.dataFolder
        var lines = ["Hallpass listens on \(url(address))"]
        if let probes = addresses.probes.first {
            lines.append("  probes        \(url(probes.description)) (/livez /readyz /metrics)")
        }
        if let cluster {
            lines.append("  database      private PostgreSQL in \(cluster.home)")
            lines += cluster.remarks.map { "                \($0)" }
        } else {
            lines.append("  database      DATABASE_URL")
        }
        lines.append(
            "  admin token   \(configuration.bootstrapToken == nil ? "\(data)/admin-token" : "HALLPASS_BOOTSTRAP_TOKEN")"
        )
        lines.append(
            "  webhook key   "
                + (configuration.webhookSecrets.isEmpty ? "\(data)/webhook-secret" : "HALLPASS_WEBHOOK_SECRETS"))
        lines.append("  e-mail        \(configuration.smtpURL == nil ? "files in \(data)/mail" : "HALLPASS_SMTP_URL")")
        if !address.hasPrefix("unix:"), configuration.bootstrapToken == nil {
            lines += [
                "", "In another terminal, for a first look:", "",
                "  curl -H \"Authorization: Bearer $(cat \(quoted("\(data)/admin-token")))\" \(url(address))/v1/summary",
                "", "The README tells the whole story in curl commands. Ctrl-C stops.",
            ]
        }
        return lines
    }

    /// What the same machine reaches it by.
    private static func url(_ address: String) -> String {
        if address.hasPrefix("unix:") { return address }
        return "http://"
            + (address.hasPrefix("0.0.0.0:") ? "127.0.0.1" + address.dropFirst("0.0.0.0".count) : address[...])
    }

    /// For a shell, where it must be.
    private static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "/._-+,:@%".utf8.contains(byte)
        }
        return isPlain ? text : "'\(text.replacing("'", with: "'\\''"))'"
    }
}
