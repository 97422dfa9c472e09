import Foundation

/// Addresses that share a prefix: `10.0.0.0/8`, `2001:db8::/32`, one address alone, or `unix` for every Unix socket.
public struct AddressRange: Sendable, Hashable {
    /// Sixteen bytes, IPv4 as `::ffff:a.b.c.d`; empty for `unix`.
    private let prefix: [UInt8]
    private let bits: Int

    /// - Throws: `badAddress` for what is none of these, or has bits set behind its prefix.
    public init(parsing text: String) throws(SocketError) {
        if text == "unix" {
            prefix = []
            bits = 0
            return
        }
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let bytes = Self.bytes(of: String(parts[0])) else { throw .badAddress(text) }
        let offset = parts[0].contains(":") ? 0 : 96
        var bits = 128
        if parts.count == 2 {
            guard let number = Int(parts[1]), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                number + offset <= 128
            else { throw .badAddress(text) }
            bits = number + offset
        }
        guard Self.masked(bytes, bits) == bytes else { throw .badAddress("\(text) (bits are set behind the prefix)") }
        prefix = bytes
        self.bits = bits
    }

    /// - Parameter host: an address without a port, or `unix`. Text that is no address is in no range.
    public func contains(_ host: String) -> Bool {
        if prefix.isEmpty { return host == "unix" }
        guard let bytes = Self.bytes(of: host) else { return false }
        return Self.masked(bytes, bits) == prefix
    }

    /// Whether the text is an IPv4 or IPv6 address without a port.
    public static func isAddress(_ host: String) -> Bool { bytes(of: host) != nil }

    private static func masked(_ bytes: [UInt8], _ bits: Int) -> [UInt8] {
        bytes.enumerated().map { index, byte in
            let kept = min(8, max(0, bits - index * 8))
            return kept == 8 ? byte : byte & ~(0xFF >> UInt8(kept))
        }
    }

    private static func bytes(of host: String) -> [UInt8]? {
        var ip6 = in6_addr()
        if inet_pton(AF_INET6, host, &ip6) == 1 { return withUnsafeBytes(of: &ip6) { Array($0) } }
        var ip4 = in_addr()
        guard inet_pton(AF_INET, host, &ip4) == 1 else { return nil }
        return [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF] + withUnsafeBytes(of: &ip4) { Array($0) }
    }
}
