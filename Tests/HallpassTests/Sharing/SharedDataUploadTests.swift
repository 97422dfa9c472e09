import Foundation
import Postgres
import Testing

@testable import Hallpass

@Suite("Uploading shared data")
struct SharedDataUploadTests {
    static let lines = [
        #"{"type":"section","id":"s1","school":"k1","teachers":["t1","t2"],"students":["u1","u2"],"name":"Algebra"}"#,
        section("s2", ["t1"], ["u2", "u3"]), section("s3", [], ["u2"]), section("s4", ["t3"], []),
        teacher("t1"), teacher("t9", email: false), teacher("t8", email: false), teacher("t8"),
        #"{"type":"student","id":"u1","name":{"first":"Secret"},"email":"secret@x.example"}"#, student("u4"),
        student("u4"),
        #"{"type":"staff","id":"f1","email":"f@x.example"}"#, #"{"type":"staff","id":"f1"}"#,
        #"{"type":"staff","id":"f2"}"#,
    ]

    static func check(_ answer: TestClient.Answer) {
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer["sections"]?.integer == 4)
        #expect(answer["teachers", "direct"]?.integer == 3)
        #expect(answer["teachers", "by_section"]?.integer == 3)
        #expect(answer["teachers", "total"]?.integer == 5)
        #expect(answer["students"]?.integer == 4)
        #expect(answer["staff_ignored"]?.integer == 2)
        let warnings = answer["warnings"]?.array ?? []
        #expect(
            warnings.map { "\($0["code"]?.string ?? "") \($0["count"]?.integer ?? 0)" } == [
                "sections_without_teachers 1", "sections_without_students 1", "teachers_without_email 1",
                "staff_ignored 2",
            ])
        #expect(warnings.last?["text"]?.string?.contains("To create admins, contact your account manager") == true)
        #expect(warnings.allSatisfy { $0["text"]?.string?.isEmpty == false })
    }

    @Test(
        "distinct ids are counted, and what should be looked at is warned of",
        arguments: ["\n", "\r\n", "\n\n \n", "  \n"])
    func counts(ending: String) async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            Self.check(try await test.upload(Self.lines, to: id, ending: ending))
            let bare = Array(Self.lines.joined(separator: "\n").utf8)
            Self.check(try await test.upload(bare, to: id))
            Self.check(
                try await test.upload(CallbackRefusalTests.gzip(bare), to: id, fields: ["Content-Encoding": "gzip"]))
            Self.check(
                try await test.upload(bare, to: id, fields: ["Content-Type": "application/x-ndjson; charset=utf-8"]))
            #expect(try await test.sharing()[path: "sso.students"]?.integer == 4)
        }
    }

    @Test("of students only ids are kept, and of staff nothing")
    func privacy() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            try await test.upload(Self.lines, to: id)
            for table in [
                "shared_section", "shared_teacher", "shared_student", "shared_snapshot", "timeline_entry",
                "audit_entry",
            ] {
                for row in try await test.sql("SELECT to_jsonb(t)::text FROM \(raw: table) t") {
                    let text = try row.get(0, as: String.self)
                    #expect(!text.contains("ecret") && !text.contains("\"f1\"") && !text.contains("f@x"), "\(table)")
                }
            }
        }
    }

    @Test("an empty upload is an empty snapshot")
    func empty() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            for body in ["", "\n", " \r\n\n"] {
                let answer = try await test.upload(Array(body.utf8), to: id)
                #expect(answer.status == 200 && answer["teachers", "total"]?.integer == 0)
                #expect(answer["warnings"]?.array?.isEmpty == true)
            }
            #expect(try await test.sharing()[path: "sso.sections"]?.integer == 0)
        }
    }

    static let bad: [(String, String)] = [
        ("nonsense", "JSON"), ("[]", "object"), (#"{"type":"section","id":"s1""#, "JSON"), (#"{"id":"x"}"#, "`type`"),
        (#"{"type":"school","id":"x"}"#, "must be one of"), (#"{"type":"student"}"#, "`id`"),
        (#"{"type":"student","id":7}"#, "`id`"), (#"{"type":"section","id":"x","teachers":"t"}"#, "`teachers`"),
        (#"{"type":"section","id":"x","students":[1]}"#, "`students`"), (section("s0", [], []), "earlier line"),
        (#"{"type":"teacher","id":"\#(String(repeating: "x", count: 201))"}"#, "200"),
    ]

    @Test("bad lines are 422: the first 20 by their number, all of them counted, and nothing is stored")
    func badLines() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            try await test.upload([section("old", ["t"], ["u"])], to: id)
            let rows = try await test.sharedRows()
            for (line, reason) in Self.bad {
                let answer = try await test.upload([section("s0", [], []), "", line, teacher("t1")], to: id)
                #expect(answer.status == 422 && answer.code == "invalid", "\(line)")
                #expect(answer["error_count"]?.integer == 1)
                #expect(answer["errors"]?.array?.count == 1 && answer["errors", "0", "line"]?.integer == 3, "\(line)")
                #expect(answer["errors", "0", "detail"]?.string?.contains(reason) == true, "\(answer.text)")
            }
            var many: [String] = []
            for _ in 0..<25 { many += [student("u1"), "{"] }
            let answer = try await test.upload(many, to: id)
            #expect(answer["error_count"]?.integer == 25)
            #expect(answer["errors"]?.array?.compactMap { $0["line"]?.integer } == (1...20).map { $0 * 2 })
            let bytes = Array("{\"type\":\"student\",\"id\":\"".utf8) + [0xFF, 0xFE] + Array("\"}\n{}".utf8)
            let invalid = try await test.upload(bytes, to: id)
            #expect(invalid["errors", "0", "detail"]?.string?.contains("UTF-8") == true)
            #expect(invalid["error_count"]?.integer == 2 && invalid["errors", "1", "line"]?.integer == 2)
            #expect(try await test.sharedRows() == rows)
            #expect(try await test.sharing()[path: "sso.sections"]?.integer == 1)
        }
    }

    @Test("a line of megabytes is read, one beyond the limit is a bad line, and the rest is read on")
    func hugeLines() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            let students = (0..<100_000).map { "student-\($0)" }
            let large = try await test.upload([section("s1", ["t1"], students), teacher("t1")], to: id)
            #expect(large.status == 200 && large["students"]?.integer == 100_000)
            let beyond = #"{"type":"student","id":"u","more":""# + String(repeating: "x", count: 4 << 20) + "\"}"
            let answer = try await test.upload([teacher("t1"), beyond, "?", student("u")], to: id)
            #expect(answer.status == 422 && answer["error_count"]?.integer == 2)
            #expect(answer["errors", "0", "line"]?.integer == 2 && answer["errors", "1", "line"]?.integer == 3)
        }
    }

    @Test("refusals come in the contract's order")
    func refusals() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            let unknown = UUID().uuidString.lowercased()
            let ended = try await test.create("sso", cleverID: "d2")
            _ = try await test.client().post("/v1/requests/\(ended)/withdraw")
            let good = [student("u1")]
            #expect(try await test.client(nil).send("PUT", "/v1/requests/\(id)/shared-data", [:], []).status == 401)
            for role in [Role.viewer, .submitter] {
                #expect(try await test.upload(good, to: id, as: role).status == 403)
            }
            #expect(
                try await test.upload(good, to: unknown, fields: ["Content-Type": "application/json"]).status == 415)
            let coded = try await test.upload(good, to: unknown, fields: ["Content-Encoding": "br"])
            #expect(coded.status == 415 && coded.code == "unsupported_encoding")
            #expect(try await test.upload(["bad"], to: unknown).status == 404)
            #expect(try await test.upload(["bad"], to: "nope").status == 404)
            #expect(try await test.upload(good, to: id, query: "?dry=true").status == 422)
            #expect(try await test.upload(["bad"], to: ended, fields: ["If-Match": "\"9\""]).status == 422)
            let stale = try await test.upload(good, to: ended, fields: ["If-Match": "\"9\""])
            #expect(stale.status == 412 && stale.code == "stale_version")
            let closed = try await test.upload(good, to: ended)
            #expect(closed.status == 409 && closed.code == "transition_not_allowed")
            #expect(closed["state"]?.string == "withdrawn" && closed["allowed"]?.array?.isEmpty == true)
            #expect(try await test.client().get("/v1/requests/\(id)/shared-data").status == 405)
            #expect(try await test.sharedRows() == 0)
            for match in ["\"1\"", "*", "\"1-gzip\""] {
                #expect(try await test.upload(good, to: id, fields: ["If-Match": match]).status == 200)
            }
        }
    }

    @Test(
        "every open state takes data", arguments: ["pending", "needs_info", "approved", "shared", "configured"])
    func states(state: String) async throws {
        try await TestApplication.run { test in
            let id = try await test.bring("sso", to: state)
            let before = try await test.client().get("/v1/requests/\(id)")
            #expect(before["state"]?.string == state)
            #expect(try await test.upload([student("u1")], to: id).status == 200)
            #expect(try await test.client().get("/v1/requests/\(id)").text == before.text)
        }
    }

    @Test("a dry run counts and stores nothing; an Idempotency-Key means nothing to PUT")
    func dryRun() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            let answer = try await test.upload(Self.lines, to: id, query: "?dry_run=true")
            Self.check(answer)
            #expect(answer["would_send"]?.array?.isEmpty == true)
            #expect(try await test.sharedRows() == 0)
            #expect(try await test.count("audit_entry WHERE action = 'request.shared_data'") == 0)
            #expect(try await test.timeline(id, "sharing").isEmpty)
            for number in 1...2 {
                let keyed = try await test.upload(
                    (0..<number).map { student("u\($0)") }, to: id, fields: ["Idempotency-Key": "k"])
                #expect(keyed.status == 200 && keyed["students"]?.integer == number)
            }
        }
    }

    @Test("gzip that is damaged, cut short or followed by something is 400, and leaves nothing")
    func damaged() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            let packed = CallbackRefusalTests.gzip(Array((0..<5000).map { student("u\($0)") + "\n" }.joined().utf8))
            var broken = packed
            broken[packed.count / 2] ^= 0x55
            for body in [Array(packed.dropLast(20)), Array(packed.prefix(5)), packed + [1, 2, 3], broken] {
                let answer = try await test.upload(body, to: id, fields: ["Content-Encoding": "gzip"])
                #expect(answer.status == 400 || answer.status == 422, "\(answer.text)")
            }
            #expect(try await test.sharedRows() == 0)
            #expect(try await test.upload(packed, to: id, fields: ["Content-Encoding": "gzip"]).status == 200)
        }
    }

    @Test("the audit trail and the timeline tell of it")
    func told() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            try await test.upload([student("u1")], to: id)
            try await test.upload(Self.lines, to: id)
            let audit = try await test.client(.viewer).get("/v1/audit?action=request.shared_data&request_id=\(id)")
            #expect(audit["data", "0", "actor"]?.string == "manager")
            #expect(audit["data", "0", "before", "students"]?.integer == 1)
            #expect(audit["data", "0", "after", "students"]?.integer == 4)
            let told = try await test.timeline(id, "sharing")
            #expect(told.contains("Shared data was uploaded: 4 sections, 5 teachers, 4 students."))
            #expect(try await VerifyAudit.run(test.application.database).fault == nil)
        }
    }
}
