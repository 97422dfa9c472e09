import Foundation
import Mail
import Testing

@testable import Hallpass

@Suite("The digest")
struct DigestTests {
    /// 7:00 in Los Angeles.
    private static let seven = "2026-11-24T15:00:00.000Z"

    private static func digests(_ test: TestApplication) async throws -> Int {
        try await test.mails().count { $0 == "digest amy@vendor.example" }
    }

    @Test("comes once in their own morning, however many instances there are")
    func onceADay() async throws {
        try await TestApplication.run { test in
            _ = try await test.create("sso")
            test.clock.set("2026-11-24T14:59:59.999Z")
            _ = try await test.digests.turn()
            #expect(try await Self.digests(test) == 0)
            test.clock.set(Self.seven)
            let others = (0..<4).map { _ in DigestWorker(application: test.application) }
            try await withThrowingTaskGroup { group in
                for worker in others + [test.digests] { group.addTask { _ = try await worker.turn() } }
                try await group.waitForAll()
            }
            #expect(try await Self.digests(test) == 1)
            test.clock.set("2026-11-24T18:00:00.000Z")
            _ = try await test.digests.turn()
            #expect(try await Self.digests(test) == 1)
            test.clock.set("2026-11-25T15:30:00.000Z")
            _ = try await test.digests.turn()
            #expect(try await Self.digests(test) == 2)
        }
    }

    @Test("a morning that is over is left out, and the zone is that of most of their districts")
    func morning() async throws {
        try await TestApplication.run { test in
            for (id, state) in [("d1", "CA"), ("d2", "NY"), ("d3", "NY")] {
                _ = try await test.client().post(
                    "/v1/requests",
                    """
                    {"kind":"sso","district":{"clever_id":"\(id)","name":"\(id)","state":"\(state)"},
                     "requester":{"name":"L","email":"l@demo.example"}}
                    """)
            }
            // Noon in New York.
            test.clock.set("2026-11-24T17:00:00.000Z")
            _ = try await test.digests.turn()
            #expect(try await Self.digests(test) == 0)
            // 7:00 in New York.
            test.clock.set("2026-11-25T12:00:00.000Z")
            _ = try await test.digests.turn()
            #expect(try await Self.digests(test) == 1)
        }
    }

    @Test("tells what waits, oldest first, and names nobody's other districts")
    func content() async throws {
        try await TestApplication.run(at: "2026-11-20T18:00:00.000Z") { test in
            let client = test.client()
            _ = try await test.create("rostering", cleverID: "old")
            test.clock.set("2026-11-21T18:00:00.000Z")
            _ = try await test.create("sso", cleverID: "new")
            let soon = try await test.create("sso", cleverID: "soon", date: #""2026-11-27""#)
            _ = try await client.post("/v1/requests/\(soon)/approve")
            _ = try await client.patch(
                "/v1/districts/\(try await client.get("/v1/requests/\(try await test.create("sso", cleverID: "foreign"))")["district", "id"]?.string ?? "")",
                #"{"account_manager":"bob@vendor.example"}"#)
            test.mailbox.answer(.permanentRefusal(code: 550, reply: "550 5.1.1 No such user"))
            try await test.deliverMail()
            _ = try await test.callback(
                "sharing_permissions.created", #"{"district":"nowhere","kind":"sso","method":"district"}"#)
            test.clock.set(Self.seven)
            _ = try await test.digests.turn()
            try await test.deliverMail()
            let mail = try #require(
                test.mailbox.delivered.last { $0.recipient == "amy@vendor.example" && $0.text.contains("Good morning") }
            )
            let text = mail.text.replacing("=\r\n", with: "")
            let order = [
                "REQUESTS TO DECIDE, OLDEST FIRST (2)", "- District old, rostering: asked 3 days ago",
                "- District new, SSO: asked 2 days ago", "LAUNCHING IN THE NEXT 7 DAYS (1)",
                "- District soon, SSO: launches Friday, November 27, 2026", "LAUNCHING BUT NOT CONFIGURED (1)",
                "E-MAILS THAT COULD NOT BE DELIVERED (1)", "550 5.1.1 No such user", "CALLBACKS THAT WAIT (1)",
                "- sharing_permissions.created for a district that is not known yet",
            ]
            var rest = text[...]
            for line in order {
                let found = try #require(rest.firstRange(of: line), "\(line) is not in its place in\n\(text)")
                rest = rest[found.upperBound...]
            }
            #expect(!text.contains("foreign"))
            #expect(text.contains("2 requests to decide"))
        }
    }

    @Test("is not sent when empty, and not at all when switched off")
    func none() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            _ = try await test.client().post("/v1/requests/\(id)/decline", #"{"reason":"No."}"#)
            test.clock.set(Self.seven)
            _ = try await test.digests.turn()
            #expect(try await Self.digests(test) == 0)
        }
        try await TestApplication.run(configure: { ($0.digestMail, $0.newRequestMail) = (false, false) }) { test in
            _ = try await test.create("sso")
            test.clock.set(Self.seven)
            _ = try await test.digests.turn()
            #expect(try await test.mails().isEmpty)
        }
    }

    @Test("goes with the districts that it names when one is erased")
    func erased() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            test.clock.set(Self.seven)
            _ = try await test.digests.turn()
            #expect(try await Self.digests(test) == 1)
            let district = try await test.client().get("/v1/requests/\(id)")["district", "id"]?.string ?? ""
            #expect(try await test.client().delete("/v1/districts/\(district)").status == 204)
            #expect(try await Self.digests(test) == 0)
        }
    }
}
