import Crypto
import Foundation
import HTTPTypes

// Standard Webhooks (https://www.standardwebhooks.com, "Symmetric signatures"): HMAC-SHA256 over `id.timestamp.` and the
// body's bytes as they were sent, base64, as `v1,<signature>`; several signatures and several secrets may be there, any
// pair may match. The code of every secret is computed and compared with every signature, in time that does not depend
// on where bytes differ, so the time tells nothing about which one matched. A body is hashed once a secret, however many
// signatures a stranger sends.

/// The three header fields of a delivery, and whether they vouch for a body.
struct WebhookSignature: Sendable {
    static let toleranceSeconds = 300.0
    /// More than any rotation needs; the others are not looked at.
    static let signatureLimit = 32

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
    /// Those of the version known here, decoded.
    let signatures: [[UInt8]]

    init(_ fields: HTTPFields) throws(Refusal) {
        id = try Self.only(.webhookID, in: fields)
        timestamp = try Self.only(.webhookTimestamp, in: fields)
        let list = try Self.only(.webhookSignature, in: fields)
        guard (1...256).contains(id.utf8.count), id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
            (1...12).contains(timestamp.utf8.count), timestamp.utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { throw .headerMalformed }
        let known = list.split(separator: " ").filter { $0.hasPrefix("v1,") }.prefix(Self.signatureLimit)
        signatures = known.compactMap { Data(base64Encoded: String($0.dropFirst(3))).map(Array.init) }
        if signatures.isEmpty { throw .headerMalformed }
    }

    /// A field that comes once: two of them could be read one way here and another way by whoever signed.
    private static func only(_ name: HTTPField.Name, in fields: HTTPFields) throws(Refusal) -> String {
        let values = fields[values: name]
        guard let value = values.first else { throw .headerMissing }
        guard values.count == 1 else { throw .headerMalformed }
        return value
    }

    /// - Throws: why the delivery must be refused.
    func verify(_ body: [UInt8], secrets: [WebhookSecret], now: Date) throws(Refusal) {
        guard let seconds = Double(timestamp) else { throw .headerMalformed }
        let age = now.timeIntervalSince1970 - seconds
        var matches = false
        for secret in secrets {
            let code = secret.code(id: id, timestamp: timestamp, body: body)
            for signature in signatures {
                // No short cut: each pair is compared. The operator takes constant time.
                matches = (code == signature) || matches
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
        "v1," + Data(code(id: id, timestamp: timestamp, body: body)).base64EncodedString()
    }

    fileprivate func code(id: String, timestamp: String, body: [UInt8]) -> HMAC<SHA256>.MAC {
        var code = HMAC<SHA256>(key: key)
        code.update(data: Array("\(id).\(timestamp).".utf8))
        code.update(data: body)
        return code.finalize()
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
