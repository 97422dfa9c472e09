import Foundation

// The URL is libcurl's own form: smtp://user:password@host:587, smtps://…, with what is special in user and password
// percent-encoded. `user;AUTH=XOAUTH2:token@` names a method of SASL, and then the password is a token; without one, the
// strongest is used that both know (PLAIN and LOGIN among them). A path is the name to say in EHLO instead of the machine's.

/// How to reach an SMTP server.
public struct SMTPConfiguration: Sendable {
    /// Methods of SASL that a URL may name.
    public static let methods = [
        "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER",
    ]

    /// `smtp://host:port/ehlo-name` or `smtps://…`, without user and password.
    public var url: String
    public var user: String?
    /// With XOAUTH2 and OAUTHBEARER an access token.
    public var password: String?
    /// One of `methods`; nil leaves it to libcurl.
    public var method: String?
    /// STARTTLS must be used; without, it is used when offered.
    public var requiresTLS: Bool
    /// PEM file of certificates to trust instead of the system's.
    public var caFile: String?
    /// Connections at a time.
    public var connections = 8
    public var connectSeconds = 15
    /// Seconds that one step may take, until the answer that ends a step is there.
    public var stepSeconds = 120
    /// How nice the connections' threads are to all others (nice(1), 0–19): mail can wait, whoever waits for an answer cannot.
    public var niceness = 10
    /// Microseconds that a connection rests between two messages. Beside a server's usual answer that is little; a server close
    /// by would otherwise keep the processors busy until the last message is out, and whoever asks the API would wait.
    public var restMicroseconds = 300
    /// Seconds for a whole message.
    public var messageSeconds = 600

    /// Reads `smtp://user:password@host:port` (STARTTLS required, except to a loopback address, where it is used when
    /// offered) or `smtps://…`. Nil for anything else.
    public init?(_ text: String, caFile: String? = nil) {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme, scheme == "smtp" || scheme == "smtps",
            let host = parts.encodedHost, !host.isEmpty, (1...65_535).contains(parts.port ?? 587), parts.query == nil,
            parts.fragment == nil, Self.isName(parts.path.dropFirst())
        else { return nil }
        url =
            "\(scheme)://\(host):\(parts.port ?? (scheme == "smtps" ? 465 : 587))\(parts.path == "/" ? "" : parts.path)"
        user = parts.user
        password = parts.password
        if let given = parts.user, let option = given.range(of: ";AUTH=", options: .caseInsensitive) {
            let name = given[option.upperBound...].uppercased()
            guard Self.methods.contains(name) else { return nil }
            method = name
            user = String(given[..<option.lowerBound])
        }
        requiresTLS = scheme == "smtps" || !Self.isLoopback(host)
        self.caFile = caFile
    }

    private static func isName(_ text: Substring) -> Bool {
        text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
                true
            default: false
            }
        }
    }

    /// Addresses of this machine, by number or by the one name that stands for them; no other name is believed to be one.
    static func isLoopback(_ host: String) -> Bool {
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        if bare.lowercased() == "localhost" { return true }
        var four = in_addr()
        if inet_pton(AF_INET, bare, &four) == 1 { return UInt32(bigEndian: four.s_addr) >> 24 == 127 }
        var six = in6_addr()
        guard inet_pton(AF_INET6, bare, &six) == 1 else { return false }
        return withUnsafeBytes(of: six) { $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1 }
    }
}
