import Foundation
import TestSupport
import Testing

@testable import Mail

@Suite("SMTP with TLS and a login")
struct SMTPSecurityTests {
    private static let message = Array("Subject: x\r\n\r\nHello\r\n".utf8)

    private static func outcome(
        _ server: FaultyServer, _ scheme: String = "smtp", host: String = "127.0.0.1", user: String = "",
        caFile: String? = nil,
        requiresTLS: Bool? = true
    ) async throws -> SMTPOutcome {
        var configuration = try #require(
            SMTPConfiguration("\(scheme)://\(user)\(host):\(server.port)", caFile: caFile))
        configuration.connectSeconds = 5
        configuration.niceness = 0
        configuration.stepSeconds = 5
        if let requiresTLS { configuration.requiresTLS = requiresTLS }
        return await SMTPTransport(configuration).send(message, from: "mail@vendor.example", to: ["lee@demo.example"])
    }

    private static func server(
        _ tls: FaultyServer.Options.TLS, _ certificate: TestCertificate, methods: [String] = []
    ) async throws -> FaultyServer {
        try await FaultyServer.start {
            $0.tls = tls
            $0.certificate = certificate.certificate
            $0.key = certificate.key
            $0.methods = methods
            if !methods.isEmpty { ($0.user, $0.password) = ("me@vendor.example", "secret") }
        }
    }

    @Test("with a trusted certificate of the right name the message goes encrypted", arguments: ["smtp", "smtps"])
    func encrypted(scheme: String) async throws {
        let certificate = try TestCertificate.good.get()
        let server = try await Self.server(scheme == "smtp" ? .starttls : .implicit, certificate)
        let outcome = try await Self.outcome(server, scheme, caFile: certificate.certificate)
        #expect(outcome == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 1"))
        #expect(try await server.report().messages[0].secure)
    }

    @Test(
        "a certificate of nobody known, or of another name, is trouble and nothing is said",
        arguments: [
            "smtp", "smtps",
        ], [true, false])
    func wrongCertificate(scheme: String, isTrusted: Bool) async throws {
        let certificate = try (isTrusted ? TestCertificate.ofAnotherName : TestCertificate.good).get()
        let server = try await Self.server(scheme == "smtp" ? .starttls : .implicit, certificate)
        let outcome = try await Self.outcome(server, scheme, caFile: isTrusted ? certificate.certificate : nil)
        guard case .serverTrouble(.certificate, let text) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(text.contains("certificate"), "\(text)")
        #expect(try await server.report().commands.allSatisfy { !$0.hasPrefix("MAIL") })
    }

    @Test("a CA file that is not there is trouble that names it")
    func noCAFile() async throws {
        let server = try await Self.server(.starttls, try TestCertificate.good.get())
        let outcome = try await Self.outcome(server, caFile: "/nowhere/ca.pem")
        guard case .serverTrouble(.certificate, let text) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(text.contains("/nowhere/ca.pem"))
    }

    @Test("where STARTTLS is required and not offered, or refused, nothing is said", arguments: [true, false])
    func noTLS(isRefused: Bool) async throws {
        let server = try await Self.server(isRefused ? .starttls : .none, try TestCertificate.good.get())
        if isRefused { try await server.obey(.init(.STARTTLS, reply: "454 4.7.0 TLS not available")) }
        let outcome = try await Self.outcome(server)
        guard case .serverTrouble(.tls, let text) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        if isRefused { #expect(text == "454 4.7.0 TLS not available") }
        #expect(try await server.report().commands.allSatisfy { !$0.hasPrefix("MAIL") })
    }

    @Test("on loopback STARTTLS is used when it is offered, and only then")
    func loopback() async throws {
        let certificate = try TestCertificate.good.get()
        let offering = try await Self.server(.starttls, certificate)
        _ = try await Self.outcome(offering, caFile: certificate.certificate, requiresTLS: nil)
        #expect(try await offering.report().messages[0].secure)
        let plain = try await Self.server(.none, certificate)
        _ = try await Self.outcome(plain, requiresTLS: nil)
        #expect(try await plain.report().messages[0].secure == false)
    }

    @Test("each method logs in", arguments: ["PLAIN", "LOGIN", "XOAUTH2"])
    func login(method: String) async throws {
        let certificate = try TestCertificate.good.get()
        let server = try await Self.server(.starttls, certificate, methods: ["PLAIN", "LOGIN", "XOAUTH2"])
        let outcome = try await Self.outcome(
            server, user: "me%40vendor.example;AUTH=\(method):secret@", caFile: certificate.certificate)
        #expect(outcome == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 1"))
        let report = try await server.report()
        #expect(report.logins == [method] && report.messages[0].login)
    }

    @Test("without a method one is chosen that both know")
    func anyLogin() async throws {
        let certificate = try TestCertificate.good.get()
        let server = try await Self.server(.starttls, certificate, methods: ["LOGIN"])
        let outcome = try await Self.outcome(
            server, user: "me%40vendor.example:secret@", caFile: certificate.certificate)
        #expect(outcome == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 1"))
        #expect(try await server.report().logins == ["LOGIN"])
    }

    @Test("a refused login is trouble with the server's words, not the message's fault")
    func wrongPassword() async throws {
        let certificate = try TestCertificate.good.get()
        let server = try await Self.server(.starttls, certificate, methods: ["PLAIN"])
        let outcome = try await Self.outcome(
            server, user: "me%40vendor.example:wrong@", caFile: certificate.certificate)
        #expect(outcome == .serverTrouble(.login, text: "535 5.7.8 Error: authentication failed"))
        try await server.obey(.init(.AUTH, reply: "454 4.7.0 Temporary authentication failure"))
        let later = try await Self.outcome(
            server, user: "me%40vendor.example:secret@", caFile: certificate.certificate)
        #expect(later == .serverTrouble(.login, text: "454 4.7.0 Temporary authentication failure"))
    }

    @Test("a server that wants a login and gets none is trouble, not the message's fault")
    func loginWanted() async throws {
        let certificate = try TestCertificate.good.get()
        let server = try await Self.server(.starttls, certificate, methods: ["PLAIN"])
        let outcome = try await Self.outcome(server, caFile: certificate.certificate)
        #expect(outcome == .serverTrouble(.login, text: "530 5.7.0 Authentication required"))
    }

    @Test("no method that both know is trouble")
    func noCommonMethod() async throws {
        let certificate = try TestCertificate.good.get()
        let server = try await Self.server(.starttls, certificate, methods: ["X-SECRET-HANDSHAKE"])
        let outcome = try await Self.outcome(
            server, user: "me%40vendor.example:secret@", caFile: certificate.certificate)
        guard case .serverTrouble(.login, _) = outcome else {
            Issue.record("\(outcome)")
            return
        }
    }

    @Test("verifying says whether one could send, without sending")
    func verify() async throws {
        let certificate = try TestCertificate.good.get()
        let server = try await Self.server(.starttls, certificate, methods: ["PLAIN"])
        for (password, isGood) in [("secret", true), ("wrong", false)] {
            let configuration = try #require(
                SMTPConfiguration(
                    "smtp://me%40vendor.example:\(password)@127.0.0.1:\(server.port)", caFile: certificate.certificate))
            let outcome = await SMTPTransport(configuration).verify()
            if isGood {
                #expect(outcome == .accepted(code: 250, reply: "250 2.0.0 Ok"))
            } else {
                #expect(outcome == .serverTrouble(.login, text: "535 5.7.8 Error: authentication failed"))
            }
        }
        #expect(try await server.report().messages.isEmpty)
    }
}
