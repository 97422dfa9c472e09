import Crypto
import Foundation
import HTTPTypes

// Standard Webhooks (https://www.standardwebhooks.com, "Symmetric signatures"): HMAC-SHA256 over `id.timestamp.` and the
// body's bytes as they were sent, base64, as `v1,<signature>`; several signatures and several secrets may be there, any
// pair may match. The comparison takes the same time wherever the bytes differ (swift-crypto's `isValid…`), and every
// secret is tried, so the time tells nothing about which one matched.

/// The three header fields of a delivery, and whether they vouch for a body.
struct WebhookSignature: Sendable {
    static let toleranceSeconds = 300.0

    /// Why a delivery is refused: for the log and a metric, never for the sender.
    enum Refusal: String, Error, Sendable, CaseIterable {
        case headerMissing = "header_missing"
        case headerMalformed = "header_malformed"
        case tooOld = "too_old"
        case tooNew = "too_new"
        case noMatch = "no_match"
    }

    let id: String
    /// Unix seconds, as it was written: the signature covers the spelling.
    let timestamp: String
    let signatures: [[UInt8]]

    init(_ fields: HTTPFields) throws(Refusal) {
        guard let id = fields[.webhookID], let timestamp = fields[.webhookTimestamp],
            let list = fields[.webhookSignature]
        else { throw .headerMissing }
        guard (1...256).contains(id.utf8.count), id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            (1...12).contains(timestamp.utf8.count), timestamp.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { throw .headerMalformed }
        self.id = id
        self.timestamp = timestamp
        signatures = list.split(separator: " ").prefix(16).compactMap { part in
            guard part.hasPrefix("v1,") else { return nil }
            return Data(base64Encoded: String(part.dropFirst(3))).map(Array.init)
        }
        if signatures.isEmpty { throw .headerMalformed }
    }

    /// - Throws: why the delivery must be refused.
    func verify(_ body: [UInt8], secrets: [WebhookSecret], now: Date) throws(Refusal) {
        guard let seconds = Double(timestamp) else { throw .headerMalformed }
        let age = now.timeIntervalSince1970 - seconds
        var matches = false
        for secret in secrets {
            for signature in signatures {
                // No short cut: each pair is compared.
                matches = secret.vouches(signature, id: id, timestamp: timestamp, body: body) || matches
            }
        }
        guard matches else { throw .noMatch }
        if age > Self.toleranceSeconds { throw .tooOld }
        if age < -Self.toleranceSeconds { throw .tooNew }
    }
}

/// One signing secret: `whsec_` and the base64 of 24 to 64 bytes.
struct WebhookSecret: Sendable {
    static let prefix = "whsec_"

    private let key: SymmetricKey

    /// Nil when the text is not such a secret.
    init?(_ text: String) {
        guard text.hasPrefix(Self.prefix), let bytes = Data(base64Encoded: String(text.dropFirst(Self.prefix.count))),
            (24...64).contains(bytes.count)
        else { return nil }
        key = SymmetricKey(data: bytes)
    }

    /// A new secret's text, of 32 random bytes.
    static func make() -> String {
        SymmetricKey(size: .bits256).withUnsafeBytes { prefix + Data($0).base64EncodedString() }
    }

    /// The value of `webhook-signature` for one body.
    func sign(id: String, timestamp: String, body: [UInt8]) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Self.signed(id, timestamp, body), using: key)
        return "v1," + Data(code).base64EncodedString()
    }

    fileprivate func vouches(_ signature: [UInt8], id: String, timestamp: String, body: [UInt8]) -> Bool {
        HMAC<SHA256>.isValidAuthenticationCode(
            signature, authenticating: Self.signed(id, timestamp, body), using: key)
    }

    private static func signed(_ id: String, _ timestamp: String, _ body: [UInt8]) -> Data {
        var data = Data("\(id).\(timestamp).".utf8)
        data.append(contentsOf: body)
        return data
    }
}

/// The secrets that may have signed a delivery; the first signs what this service sends.
struct WebhookSecrets: Sendable {
    let secrets: [WebhookSecret]
}

extension HTTPField.Name {
    static let webhookID = HTTPField.Name("webhook-id")!
    static let webhookTimestamp = HTTPField.Name("webhook-timestamp")!
    static let webhookSignature = HTTPField.Name("webhook-signature")!
}
