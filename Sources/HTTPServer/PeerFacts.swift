import HTTPCore
import HTTPTypes
import Sockets

// Who a client is: the peer, or what a trusted proxy says of it (RFC 7239, and the older `X-Forwarded-*`). A proxy sets one
// of the two and passes the other on as the client wrote it, and nothing here tells which: so where both are present and
// differ, neither is believed. Of a chain the last address that no trusted proxy has counts: what stands before it anybody
// may have written.

struct PeerFacts: Sendable {
    var address: String
    var scheme: String

    private static let forwarded = HTTPField.Name("Forwarded")!
    private static let forwardedFor = HTTPField.Name("X-Forwarded-For")!
    private static let forwardedProto = HTTPField.Name("X-Forwarded-Proto")!

    init(peer: String, fields: HTTPFields, trusted: [AddressRange]) {
        address = peer
        scheme = "http"
        guard !trusted.isEmpty, trusted.contains(where: { $0.contains(peer) }) else { return }
        let standard = fields[Self.forwarded].map(Self.elements)
        let older = fields[Self.forwardedFor].map { Self.split($0, at: ",").map { Hop(address: Self.host($0)) } }
        let olderScheme = fields[Self.forwardedProto].flatMap { Self.split($0, at: ",").last?.lowercased() }
        let standardHop = standard.map { Self.client($0, trusted) }
        let olderHop = older.map { Self.client($0, trusted) }
        if let standardHop, let olderHop, standardHop?.address != olderHop?.address { return }
        guard let hop = (standardHop ?? olderHop) ?? nil else {
            if standard == nil, older == nil { scheme = olderScheme == "https" ? "https" : "http" }
            return
        }
        address = hop.address
        scheme = (hop.scheme ?? (standard == nil ? olderScheme : nil)) == "https" ? "https" : "http"
    }

    private struct Hop {
        var address: String
        var scheme: String?
    }

    /// The hop that counts; nil where it does not say an address.
    private static func client(_ hops: [Hop], _ trusted: [AddressRange]) -> Hop? {
        let hop = hops.last { hop in !trusted.contains { $0.contains(hop.address) } } ?? hops.first
        return hop.flatMap { AddressRange.isAddress($0.address) ? $0 : nil }
    }

    /// `Forwarded`: elements at commas, pairs at semicolons, values perhaps quoted.
    private static func elements(_ field: String) -> [Hop] {
        split(field, at: ",").map { element in
            var hop = Hop(address: "")
            for pair in split(element, at: ";") {
                let parts = split(pair, at: "=")
                guard parts.count == 2 else { continue }
                switch parts[0].lowercased() {
                case "for": hop.address = host(parts[1])
                case "proto": hop.scheme = unquoted(parts[1]).lowercased()
                default: break
                }
            }
            return hop
        }
    }

    /// Pieces without the blanks around them; a separator between quotation marks is none.
    private static func split(_ text: some StringProtocol, at separator: Character) -> [Substring] {
        var isQuoted = false
        return Substring(text).split(omittingEmptySubsequences: false) { character in
            if character == "\"" { isQuoted.toggle() }
            return character == separator && !isQuoted
        }.map { $0.trimmed }
    }

    /// An address without quotation marks, brackets and port.
    private static func host(_ text: Substring) -> String {
        let text = unquoted(text)
        if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
            return String(text[text.index(after: text.startIndex)..<end])
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 ? String(parts[0]) : text
    }

    private static func unquoted(_ text: Substring) -> String {
        text.count >= 2 && text.first == "\"" && text.last == "\"" ? String(text.dropFirst().dropLast()) : String(text)
    }
}

extension StringProtocol {
    /// Without the spaces and tabs at both ends.
    var trimmed: Substring {
        var text = Substring(self)
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
