import Postgres
import Testing

@testable import Hallpass

@Suite("The audit trail can only grow, and tells when it was touched")
struct VerifyAuditTests {
    @Test(
        "no statement changes, empties or removes an entry",
        arguments: [
            "UPDATE audit_entry SET actor = 'x'", "UPDATE audit_entry SET after = '{}'",
            "UPDATE audit_entry SET hash = digest",
            "UPDATE audit_entry SET at = at - interval '1 day'", "UPDATE audit_entry SET erased = true",
            "DELETE FROM audit_entry",
            "TRUNCATE audit_entry CASCADE",
        ])
    func appendOnly(statement: String) async throws {
        try await TestApplication.run { test in
            _ = try await test.create("sso")
            await #expect(throws: (any Error).self) { try await test.sql(SQL(raw: statement)) }
            #expect(try await test.auditFault() == nil)
            #expect(try await test.client().get("/v1/audit?action=request.create").data.count == 1)
        }
    }

    /// What somebody with all rights on the database might do, and a word that names what is wrong. `\(id)` is the request.
    static let tampering: [(String, String)] = [
        ("UPDATE audit_entry SET after = '{\"state\":\"declined\"}' WHERE action = 'request.approve'", "altered"),
        ("UPDATE audit_entry SET before = NULL WHERE action = 'request.approve'", "altered"),
        ("UPDATE audit_entry SET actor = 'somebody' WHERE action = 'request.approve'", "altered"),
        ("UPDATE audit_entry SET actor_role = 'viewer' WHERE action = 'request.approve'", "altered"),
        ("UPDATE audit_entry SET at = at + interval '1 millisecond' WHERE action = 'request.create'", "altered"),
        ("UPDATE audit_entry SET action = 'request.decline' WHERE action = 'request.approve'", "altered"),
        ("UPDATE audit_entry SET http_request_id = 'other' WHERE action = 'request.share'", "altered"),
        ("UPDATE audit_entry SET digest = sha256('x'), hash = sha256('y') WHERE action = 'request.approve'", "altered"),
        ("DELETE FROM audit_entry WHERE action = 'request.approve'", "removed"),
        ("DELETE FROM audit_entry WHERE action = 'request.create'", "removed"),
        ("DELETE FROM audit_entry WHERE action = 'request.configure'", "removed"),
        ("DELETE FROM audit_entry WHERE action = 'district.create'", "lost its entries"),
        ("DELETE FROM audit_entry WHERE chain_id = (SELECT id FROM request LIMIT 1)", "removed"),
        (
            "UPDATE audit_entry SET erased = true, actor_role = NULL, request_id = NULL, district_id = NULL, before = NULL, after = NULL, http_request_id = NULL WHERE action = 'request.approve'",
            "emptied without an erasure"
        ),
        (
            """
            INSERT INTO audit_entry SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(), 'position', e.position + 100))).*
            FROM audit_entry e WHERE action = 'request.approve'
            """, "removed"
        ),
        (
            """
            DO $$ BEGIN
            UPDATE audit_entry SET position = position + 1000 WHERE chain_id = (SELECT id FROM request LIMIT 1) AND position > 2;
            INSERT INTO audit_entry SELECT (jsonb_populate_record(e, jsonb_build_object('id', gen_random_uuid(), 'position', 3))).*
            FROM audit_entry e WHERE action = 'request.approve';
            UPDATE audit_entry SET position = position - 999 WHERE position > 1000;
            END $$
            """, ""
        ),
        ("UPDATE request SET state = 'shared', configured_at = NULL", "not what its entries say"),
    ]

    @Test("an entry that was altered, inserted or removed is found and named", arguments: tampering)
    func found(statement: String, word: String) async throws {
        try await TestApplication.run { test in
            let id = try await test.request("sso", in: "configured")
            #expect(try await test.auditFault() == nil)
            try await test.sql("ALTER TABLE audit_entry DISABLE TRIGGER USER")
            try await test.sql(SQL(raw: statement))
            try await test.sql("ALTER TABLE audit_entry ENABLE TRIGGER USER")
            let fault = try #require(try await test.auditFault(), "nothing was noticed")
            #expect(fault.contains(word) || word.isEmpty, "\(fault)")
            #expect(
                fault.contains("entry ") || fault.contains("request \(id)") || fault.contains("district "), "\(fault)")
        }
    }

    @Test("the first fault is the one that is told")
    func first() async throws {
        try await TestApplication.run { test in
            _ = try await test.request("sso", in: "approved", cleverID: "a")
            test.clock.advance(seconds: 5)
            _ = try await test.request("sso", in: "approved", cleverID: "b")
            let first = try await test.client().get("/v1/audit?action=request.approve").data.last?["id"]?.string ?? "?"
            try await test.sql("ALTER TABLE audit_entry DISABLE TRIGGER USER")
            try await test.sql("UPDATE audit_entry SET actor = 'x' WHERE action = 'request.approve'")
            let fault = try await test.auditFault()
            #expect(fault?.contains("entry \(first)") == true, "\(fault ?? "nothing")")
        }
    }
}
