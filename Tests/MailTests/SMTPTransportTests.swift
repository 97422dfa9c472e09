import Foundation
import TestSupport
import Testing

@testable import Mail

@Suite("SMTP, against a server that does what it is told")
struct SMTPTransportTests {
    private static let dotted = Array("Subject: x\r\n\r\nHello\r\n.hidden\r\n..\r\nEnd\r\n".utf8)
    private static let plain = Array("Subject: x\r\n\r\nHello. \u{2026}\r\n ..\r\nEnd.\r\n".utf8)

    private static func transport(
        _ server: FaultyServer, user: String = "", scheme: String = "smtp", caFile: String? = nil,
        change: (inout SMTPConfiguration) -> Void = { _ in }
    ) throws -> SMTPTransport {
        var configuration = try #require(
            SMTPConfiguration("\(scheme)://\(user)127.0.0.1:\(server.port)", caFile: caFile))
        configuration.connectSeconds = 5
        configuration.niceness = 0
        configuration.stepSeconds = 5
        change(&configuration)
        return SMTPTransport(configuration)
    }

    private static func send(
        _ transport: SMTPTransport, _ message: [UInt8] = plain, to recipient: String = "lee@demo.example"
    ) async -> SMTPOutcome {
        await transport.send(message, from: "mail@vendor.example", to: [recipient])
    }

    @Test("a message arrives to the byte, dots and all, and many share one connection")
    func accepted() async throws {
        let server = try await FaultyServer.start()
        let transport = try Self.transport(server)
        // More than fits into one piece, and dots where any two pieces may meet.
        let long = Array(String(repeating: "a line of text without dots at all\r\n", count: 900).utf8)
        let longer = Array(String(repeating: "...\r\n.. a line of text with dots in front\r\n", count: 5000).utf8)
        let messages = [Self.plain, Self.dotted, [], long, longer, Array("no line's end".utf8), Array(".".utf8)]
        for number in 1...21 {
            #expect(
                await Self.send(transport, messages[number % 7])
                    == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as \(number)"))
        }
        let report = try await server.report()
        #expect(report.messages.count == 21)
        for (number, arrived) in zip(1..., report.messages) {
            let sent = String(decoding: messages[number % 7], as: UTF8.self)
            // A message ends with a line's end.
            #expect(arrived.content == (sent.hasSuffix("\r\n") || sent.isEmpty ? sent : sent + "\r\n"))
        }
        #expect(report.messages[0].recipients == ["lee@demo.example"])
        #expect(report.connections == 1)
    }

    @Test("a connection rests between two messages")
    func rest() async throws {
        let server = try await FaultyServer.start()
        let resting = try Self.transport(server) { configuration in
            configuration.connections = 1
            configuration.restMicroseconds = 400_000
        }
        _ = await Self.send(resting)
        let second = ContinuousClock.now
        _ = await Self.send(resting)
        #expect(second.duration(to: .now) > .milliseconds(390))
        #expect(try await server.report().connections == 1)
    }

    @Test("the server is told a message's length before it is sent (RFC 1870), as it is without stuffed dots")
    func size() async throws {
        let server = try await FaultyServer.start()
        let transport = try Self.transport(server)
        _ = await Self.send(transport)
        _ = await Self.send(transport, Self.dotted)
        #expect(
            try await server.report().messages.map(\.mail) == [
                "MAIL FROM:<mail@vendor.example> SIZE=\(Self.plain.count)",
                "MAIL FROM:<mail@vendor.example> SIZE=\(Self.dotted.count)",
            ])
    }

    @Test("whoever holds a session sends many messages in order over its connection, and others do not wait for it")
    func session() async throws {
        let server = try await FaultyServer.start()
        let transport = try Self.transport(server) { $0.connections = 2 }
        let outcomes = await transport.withSession { session in
            (1...10).map {
                session.send(Self.plain, from: "mail@vendor.example", to: ["user\($0)@demo.example"])
            }
        }
        #expect(outcomes.last == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 10"))
        #expect(await transport.verify() == .accepted(code: 250, reply: "250 2.0.0 Ok"))
        #expect(await Self.send(transport) == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 11"))
        let report = try await server.report()
        #expect(report.messages.map { $0.recipients[0] }.dropLast() == (1...10).map { "user\($0)@demo.example" }[...])
    }

    @Test("connections are never more than were allowed")
    func bounded() async throws {
        let server = try await FaultyServer.start()
        let transport = try Self.transport(server) { $0.connections = 3 }
        await withTaskGroup { group in
            for _ in 0..<60 { group.addTask { _ = await Self.send(transport) } }
        }
        let report = try await server.report()
        #expect(report.messages.count == 60)
        #expect((1...3).contains(report.connections))
    }

    @Test(
        "4xx for the message is temporary, with the server's words",
        arguments: [
            FaultyServer.Step.MAIL, .RCPT, .DATA, .end,
        ], [true, false])
    func temporary(step: FaultyServer.Step, pipelining: Bool) async throws {
        let server = try await FaultyServer.start { $0.pipelining = pipelining }
        let transport = try Self.transport(server)
        try await server.obey(.init(step, reply: "451-4.7.1 Try again\r\n451 4.7.1 later", times: 1))
        #expect(await Self.send(transport) == .temporaryRefusal(code: 451, reply: "451-4.7.1 Try again 4.7.1 later"))
        #expect(await Self.send(transport) == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 1"))
    }

    @Test(
        "5xx for the message is permanent", arguments: [FaultyServer.Step.MAIL, .RCPT, .DATA, .end], [true, false])
    func permanent(step: FaultyServer.Step, pipelining: Bool) async throws {
        let server = try await FaultyServer.start { $0.pipelining = pipelining }
        try await server.obey(.init(step, reply: "550 5.1.1 No such user"))
        #expect(
            await Self.send(try Self.transport(server)) == .permanentRefusal(code: 550, reply: "550 5.1.1 No such user")
        )
    }

    @Test(
        "a refusal before any message is the server's trouble", arguments: [FaultyServer.Step.connect, .EHLO],
        [421, 554])
    func greeting(step: FaultyServer.Step, code: Int) async throws {
        let server = try await FaultyServer.start()
        try await server.obey(
            .init(step, reply: "\(code) 4.3.2 Not now", then: .close),
            .init(.HELO, reply: "\(code) 4.3.2 Not now", then: .close))
        #expect(await Self.send(try Self.transport(server)) == .serverTrouble(.greeting, text: "\(code) 4.3.2 Not now"))
    }

    @Test("a server that knows only HELO will do")
    func helo() async throws {
        let server = try await FaultyServer.start()
        try await server.obey(.init(.EHLO, reply: "502 5.5.1 What?"))
        #expect(await Self.send(try Self.transport(server)) == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 1"))
    }

    @Test(
        "a dropped connection loses the message, not the queue",
        arguments: [
            FaultyServer.Step.MAIL, .RCPT, .DATA, .content, .end,
        ], [true, false])
    func dropped(step: FaultyServer.Step, pipelining: Bool) async throws {
        let server = try await FaultyServer.start { $0.pipelining = pipelining }
        try await server.obey(.init(step, then: .close))
        let outcome = await Self.send(try Self.transport(server))
        guard case .connectionLost = outcome else {
            Issue.record("\(outcome)")
            return
        }
    }

    @Test(
        "a connection dropped before any message is the server's trouble",
        arguments: [FaultyServer.Step.connect, .EHLO])
    func droppedEarly(step: FaultyServer.Step) async throws {
        let server = try await FaultyServer.start()
        try await server.obey(.init(step, then: .close))
        let outcome = await Self.send(try Self.transport(server))
        guard case .serverTrouble(.unreachable, _) = outcome else {
            Issue.record("\(outcome)")
            return
        }
    }

    @Test(
        "no step takes longer than it may",
        arguments: [
            FaultyServer.Step.connect, .EHLO, .MAIL, .RCPT, .DATA, .content, .end,
        ], [true, false])
    func hanging(step: FaultyServer.Step, pipelining: Bool) async throws {
        let server = try await FaultyServer.start { $0.pipelining = pipelining }
        try await server.obey(.init(step, then: .hang))
        let transport = try Self.transport(server) {
            $0.connectSeconds = 1
            $0.stepSeconds = 1
        }
        switch await Self.send(transport) {
        case .serverTrouble(.unreachable, _): #expect(step == .connect || step == .EHLO)
        case .connectionLost(let text): #expect(step != .connect && step != .EHLO, "\(text)")
        case let other: Issue.record("\(other)")
        }
    }

    @Test("a connection that the server closed meanwhile costs nothing", arguments: [true, false])
    func closedMeanwhile(withFarewell: Bool) async throws {
        let server = try await FaultyServer.start()
        let transport = try Self.transport(server)
        try await server.obey(.init(.idle, reply: withFarewell ? "421 4.4.2 Timeout" : nil, then: .close, times: 1))
        #expect(await Self.send(transport) == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 1"))
        #expect(await Self.send(transport) == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 2"))
        #expect(try await server.report().connections == 2)
    }

    @Test("nobody there")
    func unreachable() async throws {
        let server = try await FaultyServer.start()
        let transport = try Self.transport(server)
        try await server.listen(false)
        let outcome = await Self.send(transport)
        guard case .serverTrouble(.unreachable, let text) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(text.contains("refused") || text.contains("connect"), "\(text)")
        let nowhere = SMTPTransport(try #require(SMTPConfiguration("smtp://no-such-host.invalid")))
        guard case .serverTrouble(.unreachable, _) = await Self.send(nowhere) else {
            Issue.record("a name that does not resolve")
            return
        }
    }

    @Test(
        "what is no address is refused before anything is said",
        arguments: [
            "lee@demo.example>\r\nRCPT TO:<x@evil.example", "lee", "",
        ])
    func noAddress(recipient: String) async throws {
        let server = try await FaultyServer.start()
        let outcome = await Self.send(try Self.transport(server), to: recipient)
        guard case .permanentRefusal(code: 553, _) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(try await server.report().connections == 0)
    }

    @Test(
        "an internationalised domain goes to any server, a local part only to one that offers SMTPUTF8",
        arguments: [true, false])
    func international(offered: Bool) async throws {
        let server = try await FaultyServer.start { $0.smtputf8 = offered }
        let transport = try Self.transport(server)
        #expect(
            await Self.send(transport, to: "lee@bücher.example")
                == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 1"))
        let outcome = await Self.send(transport, to: "zoë@bücher.example")
        let report = try await server.report()
        #expect(report.messages[0].recipients == ["lee@xn--bcher-kva.example"])
        if offered {
            #expect(outcome == .accepted(code: 250, reply: "250 2.0.0 Ok: queued as 2"))
            #expect(report.messages[1].recipients == ["zoë@xn--bcher-kva.example"])
            #expect(report.messages[1].mail.contains("SMTPUTF8"))
        } else {
            guard case .permanentRefusal(code: 553, let reply) = outcome else {
                Issue.record("\(outcome)")
                return
            }
            #expect(reply.contains("SMTPUTF8"))
            #expect(report.messages.count == 1)
        }
    }

    @Test("breaking off ends what hangs")
    func brokenOff() async throws {
        let server = try await FaultyServer.start()
        try await server.obey(.init(.end, then: .hang))
        let transport = try Self.transport(server) { $0.stepSeconds = 300 }
        async let outcome = Self.send(transport)
        while try await server.report().commands.last != "DATA" { await Task.yield() }
        transport.breakOff()
        guard case .connectionLost = await outcome else {
            Issue.record("\(await outcome)")
            return
        }
    }
}
