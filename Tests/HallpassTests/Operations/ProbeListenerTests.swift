import Foundation
import HTTPServer
import Postgres
import Sockets
import Testing

@testable import Hallpass

@Suite("The probe listener")
struct ProbeListenerTests {
    private static let probes = ["/livez", "/readyz", "/metrics"]

    @Test("without one, the probes are beside the API")
    func shared() async throws {
        try await TestApplication.run { test in
            for path in Self.probes {
                let answer = try await test.client(nil).get(path)
                #expect(answer.status == 200, "\(path)")
            }
        }
    }

    @Test("with one, the probes are there alone, and the API is not")
    func separate() async throws {
        try await TestApplication.run(configure: { $0.probeListen = "127.0.0.1:0" }) { test in
            guard let probeServer = try Listening.probeServer(test.application) else {
                Issue.record("there is no probe listener")
                return
            }
            let port = Int(try await probeServer.start()[0].port ?? 0)
            var there = TestClient(port: port, token: test.client(.admin).token)
            there.isDocumented = false
            var here = test.client(.viewer)
            here.isDocumented = false
            for path in Self.probes {
                #expect(try await there.get(path).status == 200, "\(path)")
                let answer = try await here.get(path)
                #expect(answer.status == 404 && answer.code == "not_found", "\(path)")
            }
            for path in ["/v1/summary", "/v1/requests", "/webhooks/clever"] {
                #expect(try await there.get(path).status == 404, "\(path)")
            }
            #expect(try await test.client(.viewer).get("/v1/summary").status == 200)
            await probeServer.stop(deadline: .seconds(1))
        }
    }

    @Test("readyz is 503 while the schema is not current, and says what to do")
    func staleSchema() async throws {
        try await TestApplication.run { test in
            try await test.sql("DELETE FROM schema_migration")
            let answer = try await test.client(nil).get("/readyz")
            #expect(answer.status == 503)
            #expect(answer.text.contains("hallpass migrate"))
            #expect(answer.headerFields["retry-after"] == "1")
            #expect(try await test.client(nil).get("/livez").status == 200)
        }
    }

    @Test("readyz is 503 while the schema is newer than this program")
    func newerSchema() async throws {
        try await TestApplication.run { test in
            try await test.sql(
                "INSERT INTO schema_migration (version, name, checksum) VALUES (9999, '9999_later.sql', '')")
            let answer = try await test.client(nil).get("/readyz")
            #expect(answer.status == 503 && answer.text.contains("9999_later.sql"))
        }
    }

    @Test("readyz is 503 while the database is away, livez is not")
    func away() async throws {
        try await TestApplication.run { test in
            await test.application.database.close()
            let ready = try await test.client(nil).get("/readyz")
            let live = try await test.client(nil).get("/livez")
            #expect(ready.status == 503 && live.status == 200)
        }
    }
}
