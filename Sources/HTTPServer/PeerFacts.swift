import HTTPCore
import HTTPTypes
import Sockets

/// Who a client is: the peer, or what a trusted proxy says of it (RFC 7239, and the older `X-Forwarded-*`).
struct PeerFacts {
    let address: String
    let scheme: String

    private static let forwarded = HTTPField.Name("Forwarded")!
    private static let forwardedFor = HTTPField.Name("X-Forwarded-For")!
    private static let forwardedProto = HTTPField.Name("X-Forwarded-Proto")!

    init(_ head: RequestHead, _ connection: Connection) {
        let peer = connection.peer.host
        let trusted = connection.owner.configuration.trustedProxies
        guard !trusted.isEmpty, trusted.contains(peer) else {
            address = peer
            scheme = "http"
            return
        }
        let fields = head.request.headerFields
        var chain: [String] = []
        var scheme = fields[Self.forwardedProto]?.lowercased()
        if let field = fields[Self.forwarded] {
            for element in field.split(separator: ",") {
                for pair in element.split(separator: ";") {
                    let parts = pair.split(separator: "=", maxSplits: 1).map { Self.unquoted($0) }
                    guard parts.count == 2 else { continue }
                    if parts[0].lowercased() == "for" { chain.append(Self.withoutPort(parts[1])) }
                    if parts[0].lowercased() == "proto" { scheme = parts[1].lowercased() }
                }
            }
        } else if let field = fields[Self.forwardedFor] {
            chain = field.split(separator: ",").map { Self.withoutPort(Self.unquoted($0)) }
        }
        // The last address that no trusted proxy has: what stands before it anybody may have written.
        address = chain.last { !trusted.contains($0) } ?? chain.first ?? peer
        self.scheme = scheme == "https" ? "https" : "http"
    }

    private static func unquoted(_ text: Substring) -> String {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        if text.count >= 2, text.first == "\"", text.last == "\"" { text = text.dropFirst().dropLast() }
        return String(text)
    }

    private static func withoutPort(_ text: String) -> String {
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            return String(text[text.index(after: text.startIndex)..<end])
        }
        let parts = text.split(separator: ":")
        return parts.count == 2 ? String(parts[0]) : text
    }
}

/// `X-Request-Id`.
enum RequestID {
    static let name = HTTPField.Name("X-Request-Id")!
    static let traceParent = HTTPField.Name("traceparent")!

    /// The client's, if it is 1 to 128 of `A-Za-z0-9._-`.
    static func kept(_ text: String?) -> String? {
        guard let text, (1...128).contains(text.utf8.count), text.utf8.allSatisfy(isAllowed) else { return nil }
        return text
    }

    /// A new one: 26 random characters.
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        let (high, low) = (generator.next(), generator.next())
        let digits = StaticString("0123456789abcdefghjkmnpqrstvwxyz").utf8Start
        return String(unsafeUninitializedCapacity: 26) { buffer in
            for index in 0..<26 {
                let word = index < 13 ? high >> UInt64(index * 5 % 64) : low >> UInt64((index - 13) * 5 % 64)
                buffer[index] = digits[Int(word & 31)]
            }
            return 26
        }
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
