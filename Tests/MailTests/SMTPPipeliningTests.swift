import TestSupport
import Testing

@testable import Mail

@Suite("SMTP, with commands in advance and one after the other")
struct SMTPPipeliningTests {
    private static let message = Array("Subject: x\r\n\r\nHello\r\n".utf8)
    private static let lee = "lee@demo.example"

    private static func transport(_ server: FaultyServer) throws -> SMTPTransport {
        var configuration = try #require(SMTPConfiguration("smtp://127.0.0.1:\(server.port)"))
        configuration.connections = 1
        configuration.niceness = 0
        configuration.stepSeconds = 2
        return SMTPTransport(configuration)
    }

    private static func send(_ transport: SMTPTransport, to recipients: String...) async -> SMTPOutcome {
        await transport.send(message, from: "mail@vendor.example", to: recipients)
    }

    @Test("commands go ahead to a server that takes them so, and only to one", arguments: [true, false])
    func ahead(isOffered: Bool) async throws {
        let server = try await FaultyServer.start { $0.pipelining = isOffered }
        // MAIL is never answered: what was said besides was said in advance.
        try await server.obey(.init(.MAIL, then: .hang))
        guard case .connectionLost = await Self.send(try Self.transport(server), to: Self.lee) else {
            Issue.record("an outcome without an answer")
            return
        }
        let report = try await server.report()
        #expect(report.commands.contains { $0.hasPrefix("MAIL") })
        #expect(report.unread.contains("DATA") == isOffered)
    }

    @Test(
        "after a refusal the connection goes on with the next message",
        arguments: [FaultyServer.Step.MAIL, .RCPT, .DATA, .end], [true, false])
    func goesOn(step: FaultyServer.Step, pipelining: Bool) async throws {
        let server = try await FaultyServer.start { $0.pipelining = pipelining }
        try await server.obey(.init(step, reply: "451 4.7.1 Greylisted", times: 1))
        let transport = try Self.transport(server)
        #expect(await Self.send(transport, to: Self.lee) == .temporaryRefusal(code: 451, reply: "451 4.7.1 Greylisted"))
        #expect(await Self.send(transport, to: Self.lee) == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 1"))
        let report = try await server.report()
        #expect(report.messages.count == 1)
        // Where MAIL is refused and this server takes RCPT and DATA all the same, there is nothing but to hang up.
        #expect(report.connections == (step == .MAIL && pipelining ? 2 : 1))
    }

    @Test("a server that asks for a message whose recipient it refused gets none, nor the next one as that one's")
    func careless() async throws {
        let server = try await FaultyServer.start { $0.careless = true }
        try await server.obey(.init(.RCPT, reply: "550 5.1.1 No such user", match: "nobody@"))
        let transport = try Self.transport(server)
        #expect(
            await Self.send(transport, to: "nobody@demo.example")
                == .permanentRefusal(code: 550, reply: "550 5.1.1 No such user"))
        #expect(await Self.send(transport, to: Self.lee) == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 1"))
        let report = try await server.report()
        #expect(report.messages.map(\.recipients) == [[Self.lee]])
        #expect(report.connections == 2)
    }

    @Test(
        "a refused or unanswered RSET costs a connection and no message",
        arguments: [FaultyServer.Rule(.RSET, reply: "421 4.3.0 No"), .init(.RSET, then: .close)])
    func noReset(rule: FaultyServer.Rule) async throws {
        let server = try await FaultyServer.start()
        try await server.obey(.init(.RCPT, reply: "550 5.1.1 No such user", times: 1), rule)
        let transport = try Self.transport(server)
        #expect(
            await Self.send(transport, to: Self.lee) == .permanentRefusal(code: 550, reply: "550 5.1.1 No such user"))
        #expect(await Self.send(transport, to: Self.lee) == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 1"))
        #expect(try await server.report().connections == 2)
    }

    @Test("of several recipients one refusal is the message's, and nobody gets it", arguments: [true, false])
    func several(pipelining: Bool) async throws {
        let server = try await FaultyServer.start { $0.pipelining = pipelining }
        try await server.obey(.init(.RCPT, reply: "550 5.1.1 No such user", match: "nobody@"))
        let transport = try Self.transport(server)
        for recipients in [["nobody@demo.example", Self.lee], [Self.lee, "nobody@demo.example"]] {
            #expect(
                await transport.send(Self.message, from: "mail@vendor.example", to: recipients)
                    == .permanentRefusal(code: 550, reply: "550 5.1.1 No such user"))
        }
        #expect(
            await Self.send(transport, to: Self.lee, "kim@demo.example")
                == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 1"))
        let report = try await server.report()
        #expect(report.messages.map(\.recipients) == [[Self.lee, "kim@demo.example"]])
        #expect(report.connections == 1)
    }

    @Test("a server that closes after a message, or tells so, is connected to anew")
    func farewellAtTheEnd() async throws {
        let server = try await FaultyServer.start()
        try await server.obey(.init(.end, reply: "421 4.3.2 Shutting down", then: .close, times: 1))
        let transport = try Self.transport(server)
        #expect(
            await Self.send(transport, to: Self.lee) == .temporaryRefusal(code: 421, reply: "421 4.3.2 Shutting down"))
        #expect(await Self.send(transport, to: Self.lee) == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 1"))
        #expect(try await server.report().connections == 2)
    }

    @Test("an answer nobody expects is no acceptance", arguments: [FaultyServer.Step.MAIL, .DATA, .end])
    func unexpected(step: FaultyServer.Step) async throws {
        let server = try await FaultyServer.start()
        try await server.obey(.init(step, reply: step == .DATA ? "250 Ok" : "354 Go on", times: 1))
        guard case .connectionLost(let text) = await Self.send(try Self.transport(server), to: Self.lee) else {
            Issue.record("taken for an acceptance")
            return
        }
        #expect(text.contains(step == .DATA ? "250 Ok" : "354 Go on"), "\(text)")
        #expect(try await server.report().messages.isEmpty)
    }
}
