import Foundation
import Testing

@testable import Hallpass

@Suite("The district that a new request is for")
struct DistrictReferenceTests {
    @Test(
        "null is the same as leaving out",
        arguments: [
            (#"{"clever_id": null}"#, "/district"),
            (#"{"id": null}"#, "/district"),
            (#"{"id": null, "clever_id": null, "name": null, "state": null}"#, "/district"),
            (#"{"clever_id": null, "name": "Demo"}"#, "/district/state"),
            (#"{"name": "Demo", "state": null}"#, "/district/state"),
            (#"{"clever_id": "d9", "name": null}"#, "/district/name"),
        ])
    func nulls(district: String, pointer: String) async throws {
        try await TestApplication.run { test in
            let answer = try await test.client().post(
                "/v1/requests",
                #"{"kind":"sso","district":\#(district),"requester":{"name":"Lee","email":"lee@example.org"}}"#)
            #expect(answer.status == 422)
            #expect(answer["errors", "0", "pointer"]?.string == pointer)
            #expect(answer["errors"]?.array?.count == 1)
        }
    }

    @Test("nulls beside what says enough do not matter")
    func enough() async throws {
        try await TestApplication.run { test in
            for district in [
                #"{"id": null, "clever_id": "d1", "name": "Demo", "state": null}"#,
                #"{"id": null, "clever_id": null, "name": "Demo", "state": "CA"}"#,
            ] {
                let answer = try await test.client().post(
                    "/v1/requests",
                    #"{"kind":"sso","district":\#(district),"requester":{"name":"Lee","email":"lee@example.org"}}"#)
                #expect(answer.status == 201)
            }
        }
    }
}
