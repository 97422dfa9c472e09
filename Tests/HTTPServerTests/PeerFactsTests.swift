import HTTPTypes
import Sockets
import Testing

@testable import HTTPServer

@Suite("Who a client is")
struct PeerFactsTests {
    private static func facts(
        _ fields: HTTPFields, peer: String = "10.0.0.1", trusted: [String] = ["10.0.0.0/8"]
    ) throws -> String {
        let ranges = try trusted.map { try AddressRange(parsing: $0) }
        let facts = PeerFacts(peer: peer, fields: fields, trusted: ranges)
        return "\(facts.address) \(facts.scheme)"
    }

    private static let forwarded = HTTPField.Name("Forwarded")!
    private static let forwardedFor = HTTPField.Name("X-Forwarded-For")!
    private static let forwardedProto = HTTPField.Name("X-Forwarded-Proto")!

    @Test("nobody but a configured proxy is believed")
    func untrusted() throws {
        let fields: HTTPFields = [
            Self.forwarded: "for=1.2.3.4;proto=https", Self.forwardedFor: "1.2.3.4", Self.forwardedProto: "https",
        ]
        #expect(try Self.facts(fields, peer: "11.0.0.1") == "11.0.0.1 http")
        #expect(try Self.facts(fields, trusted: []) == "10.0.0.1 http")
        #expect(try Self.facts(fields, peer: "unix") == "unix http")
        #expect(try Self.facts(fields, peer: "unix", trusted: ["unix"]) == "1.2.3.4 https")
    }

    @Test("the last address that no proxy has counts: before it anybody may have written")
    func chains() throws {
        let older: [(String, String)] = [
            ("1.2.3.4", "1.2.3.4"), ("6.6.6.6, 1.2.3.4", "1.2.3.4"), ("1.2.3.4, 10.0.0.9 ,10.0.0.8", "1.2.3.4"),
            ("10.0.0.7, 10.0.0.8", "10.0.0.7"), ("1.2.3.4:5678", "1.2.3.4"), ("[2001:db8::1]:80", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"), ("unknown", "10.0.0.1"), ("1.2.3.4, <script>", "10.0.0.1"),
            ("", "10.0.0.1"),
            ("1.2.3.4,", "10.0.0.1"),
        ]
        for (value, address) in older {
            #expect(try Self.facts([Self.forwardedFor: value]) == "\(address) http", "\(value)")
        }
        let standard: [(String, String)] = [
            ("for=1.2.3.4", "1.2.3.4 http"), ("For=\"1.2.3.4:99\";Proto=HTTPS;by=x", "1.2.3.4 https"),
            ("for=6.6.6.6;proto=https, for=1.2.3.4", "1.2.3.4 http"),
            ("for=\"[2001:db8::1]:80\";proto=https, for=10.0.0.2", "2001:db8::1 https"),
            ("for=\"_a,for=6.6.6.6\"", "10.0.0.1 http"), ("for=_hidden", "10.0.0.1 http"),
            ("proto=https", "10.0.0.1 http"),
        ]
        for (value, facts) in standard { #expect(try Self.facts([Self.forwarded: value]) == facts, "\(value)") }
    }

    @Test("where the two kinds of fields differ, one of them is the client's own, and neither is believed")
    func contradiction() throws {
        #expect(
            try Self.facts([Self.forwarded: "for=6.6.6.6;proto=https", Self.forwardedFor: "1.2.3.4"]) == "10.0.0.1 http"
        )
        #expect(
            try Self.facts([Self.forwarded: "for=1.2.3.4;proto=https", Self.forwardedFor: "1.2.3.4"]) == "1.2.3.4 https"
        )
    }

    @Test("the scheme is the proxy's word, and http without one")
    func scheme() throws {
        #expect(try Self.facts([Self.forwardedFor: "1.2.3.4", Self.forwardedProto: "https"]) == "1.2.3.4 https")
        #expect(try Self.facts([Self.forwardedFor: "1.2.3.4", Self.forwardedProto: "https, http"]) == "1.2.3.4 http")
        #expect(try Self.facts([Self.forwardedProto: "https"]) == "10.0.0.1 https")
        #expect(try Self.facts([Self.forwardedProto: "gopher"]) == "10.0.0.1 http")
    }

    @Test("several fields of a name are one list")
    func lines() throws {
        var fields: HTTPFields = [:]
        fields[values: Self.forwardedFor] = ["6.6.6.6", "1.2.3.4"]
        #expect(try Self.facts(fields) == "1.2.3.4 http")
    }

    @Test("a handler sees the client behind a proxy on the loopback")
    func served() async throws {
        let server = try await TestServer(limits: { configuration in
            configuration.trustedProxies = [try? AddressRange(parsing: "127.0.0.1")].compactMap { $0 }
        })
        let reply = try await server.reply(
            "GET /peer HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n\r\n")
        #expect(reply?.text == "1.2.3.4 https")
        #expect(try await server.log.first(1)[0].clientAddress == "1.2.3.4")
        await server.stop()
    }
}
