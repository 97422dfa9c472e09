import Foundation
import Postgres
import Sockets

/// What a newcomer reads when the service has started, and can paste next.
enum FirstScreen {
    static func show(_ configuration: Configuration, addresses: [SocketAddress], cluster: Cluster?) {
        let address = addresses.first?.description ?? configuration.listen
        let data = configuration.dataFolder
        var lines = ["Hallpass listens on \(address.hasPrefix("unix:") ? address : "http://\(address)")"]
        if let cluster {
            lines.append("  database      private PostgreSQL in \(cluster.home)")
            lines += cluster.remarks.map { "                \($0)" }
        } else {
            lines.append("  database      DATABASE_URL")
        }
        if configuration.bootstrapToken == nil { lines.append("  admin token   \(data)/admin-token") }
        if configuration.webhookSecrets.isEmpty { lines.append("  webhook key   \(data)/webhook-secret") }
        lines.append("  e-mail        \(configuration.smtpURL == nil ? "files in \(data)/mail" : "HALLPASS_SMTP_URL")")
        if !address.hasPrefix("unix:"), configuration.bootstrapToken == nil {
            lines += [
                "", "In another terminal, for a first look:", "",
                "  curl -H \"Authorization: Bearer $(cat \(data)/admin-token)\" http://\(address)/v1/summary", "",
                "The README tells the whole story in curl commands. Ctrl-C stops.",
            ]
        }
        print(lines.joined(separator: "\n"))
        fflush(nil)
    }
}
