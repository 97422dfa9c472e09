import Foundation

/// How to reach an SMTP server.
public struct SMTPConfiguration: Sendable {
    /// `smtp://host:port` or `smtps://host:port`, without user and password.
    public var url: String
    public var user: String?
    public var password: String?
    /// STARTTLS must be used; without, it is used when offered.
    public var requiresTLS: Bool
    /// PEM file of certificates to trust instead of the system's.
    public var caFile: String?
    /// Connections at a time.
    public var connections = 8
    public var connectSeconds = 15
    /// Seconds that a step may take without a byte moving.
    public var stallSeconds = 60
    /// Seconds for a whole message.
    public var messageSeconds = 300

    /// Reads `smtp://user:password@host:port` (STARTTLS required, except to a loopback address, where it is used when
    /// offered) or `smtps://…`. Nil for anything else.
    public init?(_ text: String, caFile: String? = nil) {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme, scheme == "smtp" || scheme == "smtps",
            let host = parts.host, !host.isEmpty
        else { return nil }
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        let isLoopback = bare == "localhost" || bare == "::1" || bare.hasPrefix("127.")
        url = "\(scheme)://\(host):\(parts.port ?? (scheme == "smtps" ? 465 : 587))"
        user = parts.user
        password = parts.password
        requiresTLS = scheme == "smtps" || !isLoopback
        self.caFile = caFile
    }
}
