import Foundation
import HTTPTypes
import Testing

@testable import Hallpass

@Suite("Webhook signatures")
struct WebhookSignatureTests {
    // The test vector that Standard Webhooks publishes with its libraries.
    static let secret = WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    static let id = "msg_p5jXN8AQM9LWM0D4loKWxJek"
    static let timestamp = 1_614_265_330
    static let body = Array(#"{"test": 2432232314}"#.utf8)
    static let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

    static func fields(
        id: String = Self.id, timestamp: String = "\(Self.timestamp)", signature: String = Self.signature
    ) -> HTTPFields {
        [.webhookID: id, .webhookTimestamp: timestamp, .webhookSignature: signature]
    }

    /// Why the fields do not vouch for the body, nil when they do.
    static func refusal(
        _ fields: HTTPFields = Self.fields(), body: [UInt8] = Self.body, secrets: [WebhookSecret?] = [Self.secret],
        after seconds: Double = 0
    ) -> WebhookSignature.Refusal? {
        do throws(WebhookSignature.Refusal) {
            let now = Date(timeIntervalSince1970: Double(timestamp) + seconds)
            try WebhookSignature(fields).verify(body, secrets: secrets.compactMap { $0 }, now: now)
            return nil
        } catch {
            return error
        }
    }

    @Test("the published test vector is signed and verified as published")
    func vector() {
        #expect(Self.secret?.sign(id: Self.id, timestamp: "\(Self.timestamp)", body: Self.body) == Self.signature)
        #expect(Self.refusal() == nil)
    }

    @Test("an id, timestamp, body or secret that is another one by a single character does not match")
    func changes() {
        #expect(Self.refusal(Self.fields(id: "msg_p5jXN8AQM9LWM0D4loKWxJeK")) == .noMatch)
        #expect(Self.refusal(Self.fields(timestamp: "1614265331")) == .noMatch)
        #expect(Self.refusal(Self.fields(timestamp: "01614265330")) == .noMatch)
        #expect(Self.refusal(body: Array(#"{"test": 2432232315}"#.utf8)) == .noMatch)
        #expect(Self.refusal(body: Self.body + [0x0A]) == .noMatch)
        #expect(Self.refusal(body: []) == .noMatch)
        #expect(Self.refusal(secrets: [WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx")]) == .noMatch)
        #expect(Self.refusal(secrets: []) == .noMatch)
    }

    @Test(
        "300 s are the limit, either way",
        arguments: [
            (0.0, nil), (300, nil), (300.001, .tooOld), (301, .tooOld), (86_400, .tooOld), (-300, nil),
            (-300.001, .tooNew), (-301, .tooNew),
        ] as [(Double, WebhookSignature.Refusal?)])
    func time(seconds: Double, refusal: WebhookSignature.Refusal?) {
        #expect(Self.refusal(after: seconds) == refusal)
    }

    @Test("any of several secrets may match, and any of several signatures; other versions are passed over")
    func rotation() {
        let other = WebhookSecret("whsec_" + Data(repeating: 7, count: 32).base64EncodedString())
        #expect(Self.refusal(secrets: [other, Self.secret]) == nil)
        #expect(Self.refusal(secrets: [Self.secret, other]) == nil)
        let wrong = "v1," + Data(repeating: 9, count: 32).base64EncodedString()
        #expect(Self.refusal(Self.fields(signature: "\(wrong) \(Self.signature)")) == nil)
        #expect(Self.refusal(Self.fields(signature: "\(Self.signature) \(wrong)")) == nil)
        let asymmetric = "v1a," + Data(repeating: 9, count: 64).base64EncodedString()
        #expect(Self.refusal(Self.fields(signature: "\(asymmetric) v2,AAAA \(Self.signature)")) == nil)
        let strange = Array(repeating: "v9,AAAA", count: 100).joined(separator: " ")
        #expect(Self.refusal(Self.fields(signature: "\(strange) \(Self.signature)")) == nil)
        #expect(Self.refusal(Self.fields(signature: "\(wrong) \(wrong)")) == .noMatch)
        #expect(Self.refusal(Self.fields(signature: "v2," + Self.signature.dropFirst(3))) == .headerMalformed)
        #expect(Self.refusal(Self.fields(signature: "V1," + Self.signature.dropFirst(3))) == .headerMalformed)
    }

    @Test("a signature that is cut short or goes on does not match, and none at all is malformed")
    func lengths() {
        let code = Data(base64Encoded: String(Self.signature.dropFirst(3))) ?? Data()
        #expect(Self.refusal(Self.fields(signature: "v1," + code.dropLast().base64EncodedString())) == .noMatch)
        #expect(Self.refusal(Self.fields(signature: "v1," + (code + [0]).base64EncodedString())) == .noMatch)
        #expect(Self.refusal(Self.fields(signature: "v1,")) == .noMatch)
        for text in ["", "v1", "v1,@@@", String(Self.signature.dropFirst(3)), "v1;g0hM9SsE="] {
            #expect(Self.refusal(Self.fields(signature: text)) == .headerMalformed, "\(text)")
        }
    }

    @Test(
        "an id is 1 to 256 visible characters",
        arguments: [
            ("a", true), (String(repeating: "x", count: 256), true), ("evt.1/é".replacing("é", with: "e"), true),
            ("", false), (String(repeating: "x", count: 257), false), ("a b", false), ("a\u{7F}b", false), ("é", false),
        ])
    func ids(id: String, isUsable: Bool) {
        let signature = Self.secret?.sign(id: id, timestamp: "\(Self.timestamp)", body: Self.body) ?? ""
        let refusal = Self.refusal(Self.fields(id: id, signature: signature))
        #expect(isUsable ? refusal == nil : refusal == .headerMalformed)
    }

    @Test(
        "a timestamp is digits and nothing else",
        arguments: [
            "", "+1614265330", "-1614265330", "1614265330.0", "1.61426533e9", "0x60378372", "16 14265330", "now",
            "1614265330000000", "١٦١٤٢٦٥٣٣٠",
        ])
    func timestamps(text: String) {
        let signature = Self.secret?.sign(id: Self.id, timestamp: text, body: Self.body) ?? ""
        let refusal = Self.refusal(Self.fields(timestamp: text, signature: signature))
        #expect(refusal == .headerMalformed || refusal == .headerMissing, "\(text)")
    }

    @Test("a missing field, and one that comes twice, vouch for nothing", arguments: [0, 1, 2])
    func missingAndDoubled(field: Int) {
        let name: HTTPField.Name = [.webhookID, .webhookTimestamp, .webhookSignature][field]
        var without = Self.fields()
        without[name] = nil
        #expect(Self.refusal(without) == .headerMissing)
        var doubled = Self.fields()
        doubled.append(HTTPField(name: name, value: Self.fields()[name] ?? ""))
        #expect(Self.refusal(doubled) == .headerMalformed)
    }

    @Test(
        "a secret is whsec_ and the base64 of 24 to 64 bytes",
        arguments: [(23, false), (24, true), (32, true), (64, true), (65, false)])
    func secrets(count: Int, isSecret: Bool) {
        let text = Data(repeating: 5, count: count).base64EncodedString()
        #expect((WebhookSecret("whsec_\(text)") != nil) == isSecret)
        #expect(WebhookSecret(text) == nil)
        #expect(WebhookSecret("whsec_\(text)!") == nil)
    }

    @Test("a secret that is made is one, and another each time")
    func made() {
        let texts = (0..<10).map { _ in WebhookSecret.make() }
        #expect(Set(texts).count == 10)
        #expect(texts.allSatisfy { WebhookSecret($0) != nil })
    }
}
