import Foundation
import Mail
import TestSupport
import Testing

@testable import Hallpass

@Suite("The outbox and a faulty server")
struct OutboxServerTests {
    @Test("poisoned addresses among a thousand hold nobody up, and nobody gets anything twice")
    func poisoned() async throws {
        try await TestApplication.run { test in
            let server = try await FaultyServer.start()
            try await server.obey(
                .init(.RCPT, reply: "550 5.1.1 No such user", match: "refused@"),
                .init(.RCPT, then: .close, match: "drops@"),
                .init(.content, then: .close, match: "breaks@"), .init(.end, reply: "554 5.7.1 Spam", match: "spam@"))
            for address in ["refused", "drops", "breaks", "spam"] {
                try await test.queue(1, to: "\(address)@demo.example")
            }
            try await test.queue(1000)
            let worker = try test.worker("smtp://127.0.0.1:\(server.port)")
            _ = try await worker.turn()
            #expect(try await test.emails("sent") == 1000)
            #expect(try await test.emails("failed") == 2)
            #expect(try await test.emails("queued") == 2)
            let recipients = try await server.report().messages.flatMap(\.recipients)
            #expect(recipients.count == 1000)
            #expect(Set(recipients).count == 1000)
            let refusals = try await test.attempts().filter { !$0.hasPrefix("250") }.map { $0.prefix(4) }.sorted()
            #expect(refusals == ["550 ", "554 ", "null", "null"])
        }
    }

    @Test("greylisting delays every first attempt and loses none")
    func greylisting() async throws {
        try await TestApplication.run { test in
            let server = try await FaultyServer.start()
            try await server.obey(.init(.RCPT, reply: "451 4.7.1 Greylisted", eachRecipient: true))
            try await test.queue(30)
            let worker = try test.worker("smtp://127.0.0.1:\(server.port)")
            _ = try await worker.turn()
            #expect(try await test.emails("queued") == 30)
            test.clock.advance(seconds: 15)
            _ = try await worker.turn()
            #expect(try await test.emails("sent") == 30)
            #expect(try await server.report().messages.count == 30)
            #expect(try await test.attempts().count == 60)
        }
    }

    @Test("a server that is down for hours gets everything once it is back, once")
    func downForHours() async throws {
        try await TestApplication.run { test in
            let server = try await FaultyServer.start()
            let worker = try test.worker("smtp://127.0.0.1:\(server.port)")
            try await test.queue(10)
            _ = try await worker.turn()
            try await server.listen(false)
            try await test.queue(50)
            for _ in 0..<20 {
                _ = try await worker.turn()
                test.clock.advance(seconds: 600)
            }
            #expect(try await test.emails("queued") == 50)
            #expect(try await test.attempts().count == 10)
            try await server.listen(true)
            _ = try await worker.turn()
            #expect(try await test.emails("sent") == 60)
            let recipients = try await server.report().messages.map { $0.recipients[0] }
            #expect(recipients.count == 60)
        }
    }

    @Test("a wrong password or certificate pauses the queue, spends no attempt, and is over when it is put right")
    func wrongSettings() async throws {
        try await TestApplication.run { test in
            let certificate = try TestCertificate.good.get()
            let server = try await FaultyServer.start {
                $0.tls = .implicit
                ($0.certificate, $0.key) = (certificate.certificate, certificate.key)
                ($0.user, $0.password, $0.methods) = ("me", "secret", ["PLAIN"])
            }
            try await test.queue(5)
            for (password, caFile) in [("wrong", certificate.certificate as String?), ("secret", nil)] {
                let worker = try test.worker("smtps://me:\(password)@127.0.0.1:\(server.port)", caFile: caFile)
                _ = try await worker.turn()
                #expect(worker.queue.isPaused)
                #expect(try await test.emails("queued") == 5)
            }
            #expect(try await test.attempts().isEmpty)
            let worker = try test.worker("smtps://me:secret@127.0.0.1:\(server.port)", caFile: certificate.certificate)
            _ = try await worker.turn()
            #expect(try await test.emails("sent") == 5)
            #expect(try await server.report().messages.allSatisfy { $0.secure && $0.login })
        }
    }

    @Test("no answer after DATA: the message is sent again under the same Message-ID")
    func sameMessageID() async throws {
        try await TestApplication.run { test in
            let server = try await FaultyServer.start()
            _ = try await test.create("sso")
            try await server.obey(.init(.end, then: .close, times: 1))
            let worker = try test.worker("smtp://127.0.0.1:\(server.port)")
            _ = try await worker.turn()
            #expect(try await test.emails("queued") == 1)
            test.clock.advance(seconds: 15)
            _ = try await worker.turn()
            let email = try await test.client().get("/v1/emails")["data", "0"]
            #expect(email?["attempts"]?.array?.first?["code"] == .null)
            let message = try #require(try await server.report().messages.first)
            #expect(message.content.contains("Message-ID: \(email?["message_id"]?.string ?? "?")"))
        }
    }

    @Test("a server that takes two connections at a time gets everything over two")
    func fewConnections() async throws {
        try await TestApplication.run { test in
            let server = try await FaultyServer.start()
            try await server.obey(.init(.connect, reply: "421 4.7.0 Too many connections", then: .close, times: 3))
            try await test.queue(100)
            let worker = try test.worker("smtp://127.0.0.1:\(server.port)")
            for _ in 0..<5 {
                _ = try await worker.turn()
                test.clock.advance(seconds: 60)
            }
            #expect(try await test.emails("sent") == 100)
            #expect(try await test.attempts().count == 100)
            #expect(try await server.report().messages.count == 100)
        }
    }
}
