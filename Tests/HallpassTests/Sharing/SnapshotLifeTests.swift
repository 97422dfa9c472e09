import Foundation
import Postgres
import Testing

@testable import Hallpass

@Suite("The life of a snapshot")
struct SnapshotLifeTests {
    @Test("the old one is served until the new one is committed, and progress is told on the way")
    func swap() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            try await test.upload([section("s1", ["t1"], ["u1"])], to: id)
            let lines = (0..<20_000).map { student("new-\($0)") + "\n" }
            let length = lines.joined().utf8.count
            let upload = try SlowUpload(test.client(.manager), to: id, length: length)
            upload.send(lines[..<10_000].joined())
            #expect(try await eventually { try await test.isCopying() })
            #expect(try await test.sharing()[path: "sso.students"]?.integer == 1)
            test.clock.advance(seconds: 3)
            upload.send(lines[10_000..<10_100].joined())
            #expect(
                try await eventually {
                    try await test.timeline(id, "sharing").contains {
                        $0.hasPrefix("Shared data is being uploaded: ")
                    }
                })
            #expect(try await test.sharing()[path: "sso.students"]?.integer == 1)
            upload.send(lines[10_100...].joined())
            let status = await withCheckedContinuation { done in
                Thread.detachNewThread { done.resume(returning: upload.status()) }
            }
            #expect(status == 200)
            #expect(try await test.sharing()[path: "sso.students"]?.integer == 20_000)
            #expect(try await test.sharing()[path: "sso.sections"]?.integer == 0)
        }
    }

    @Test("an upload that breaks off leaves nothing behind, and what was shared before still holds")
    func breaksOff() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            try await test.upload([section("s1", ["t1"], ["u1"])], to: id)
            let rows = try await test.sharedRows()
            let upload = try SlowUpload(test.client(.manager), to: id, length: 10_000_000)
            upload.send((0..<20_000).map { section("x\($0)", ["t\($0)"], ["u\($0)"]) + "\n" }.joined())
            #expect(try await eventually { try await test.isCopying() })
            test.clock.advance(seconds: 3)
            upload.send(student("u") + "\n")
            #expect(try await eventually { try await test.timeline(id, "sharing").count == 3 })
            upload.breakOff()
            #expect(
                try await eventually {
                    try await test.timeline(id, "sharing").last?.contains("Nothing of it was stored") == true
                })
            #expect(try await test.sharedRows() == rows)
            #expect(try await test.sharing()[path: "sso.sections"]?.integer == 1)
            #expect(try await test.upload([student("u1")], to: id).status == 200)
        }
    }

    @Test("two at once for one request do not mix: one of them holds, whole")
    func atOnce() async throws {
        try await TestApplication.run { test in
            let id = try await test.create("sso")
            for _ in 0..<3 {
                let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                    for name in ["a", "b", "c", "d"] {
                        group.addTask {
                            let lines = (0..<300).map {
                                section("\(name)\($0)", ["t-\(name)\($0)"], ["u-\(name)\($0)"])
                            }
                            return try await test.upload(lines, to: id).status
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(answers == [200, 200, 200, 200])
                let names = try await test.sql(
                    """
                    SELECT DISTINCT left(section_id, 1) FROM shared_section
                    WHERE snapshot_id = (SELECT id FROM shared_snapshot WHERE current)
                    """)
                #expect(names.count == 1)
                let sharing = try await test.sharing()
                #expect(sharing[path: "sso.sections"]?.integer == 300 && sharing[path: "sso.teachers"]?.integer == 300)
            }
            #expect(try await test.count("shared_snapshot WHERE current") == 1)
        }
    }

    @Test("both kinds at once are compared with each other all the same")
    func bothKindsAtOnce() async throws {
        try await TestApplication.run { test in
            let sso = try await test.create("sso")
            let rostering = try await test.create("rostering")
            for round in 0..<4 {
                async let first = test.upload([section("s1", ["t1", "t2"], ["u1"]), teacher("a\(round)")], to: sso)
                async let second = test.upload(
                    [section("s1", ["t1", "t3"], ["u1"]), teacher("a\(round)")], to: rostering)
                let statuses = try await [first.status, second.status]
                #expect(statuses == [200, 200])
                let sharing = try await test.sharing()
                #expect(sharing[path: "teachers.both"]?.integer == 2, "round \(round)")
                #expect(sharing[path: "teachers.sso_only"]?.integer == 1)
                #expect(sharing[path: "sections.both"]?.integer == 1)
            }
        }
    }

    @Test("it belongs to its request and ends with it")
    func ends() async throws {
        try await TestApplication.run { test in
            let id = try await test.bring("sso", to: "shared")
            try await test.upload([section("s1", ["t1"], ["u1"])], to: id)
            let district = try await test.districtID()
            #expect(
                try await test.client().get("/v1/districts/\(district)/teachers/t1/access")["can_log_in"] == .bool(true)
            )
            _ = try await test.client().post("/v1/requests/\(id)/disconnect", #"{"reason":"Moved"}"#)
            #expect(try await test.sharing()["sso"] == .null)
            let list = try await test.client().get("/v1/districts/\(district)/sharing/teachers")
            #expect(list["data"]?.array?.isEmpty == true)
            let access = try await test.client().get("/v1/districts/\(district)/teachers/t1/access")
            #expect(access["can_log_in"] == .bool(false))
            let next = try await test.bring("sso", to: "shared")
            #expect(try await test.sharing()["sso"] == .null)
            try await test.upload([section("s2", ["t1"], [])], to: next)
            #expect(try await test.sharing()[path: "sso.request_id"]?.string == next)
        }
    }

    @Test("what was replaced is swept, and only that")
    func swept() async throws {
        try await TestApplication.run { test in
            let sso = try await test.create("sso")
            let rostering = try await test.create("rostering")
            for round in 0..<3 {
                try await test.upload([section("s\(round)", ["t1"], ["u1"])], to: sso)
                try await test.upload([section("s\(round)", ["t1"], ["u1"])], to: rostering)
            }
            let before = try await test.sharing()
            while try await SharedData.deleteBatch(test.application, limit: 1) {}
            #expect(try await test.sharing() == before)
            #expect(before[path: "teachers.both"]?.integer == 1)
            #expect(try await test.count("shared_snapshot") == 2)
            #expect(try await test.count("shared_section") == 2)
            #expect(try await test.count("sharing_teacher") == 1)
        }
    }

    @Test("an erasure takes all of it")
    func erased() async throws {
        try await TestApplication.run { test in
            let sso = try await test.create("sso")
            let rostering = try await test.create("rostering")
            for id in [sso, rostering] {
                try await test.upload(SharedDataUploadTests.lines, to: id)
                try await test.upload([teacher("t1")], to: id)
            }
            #expect(try await test.sharedRows() > 0)
            #expect(try await test.client().delete("/v1/districts/\(test.districtID())").status == 204)
            #expect(try await test.sharedRows() == 0)
        }
    }
}
