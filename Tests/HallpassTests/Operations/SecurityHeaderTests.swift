import Foundation
import Testing

@testable import Hallpass

@Suite("Security headers")
struct SecurityHeaderTests {
    @Test(
        "are on every answer, whatever it is",
        arguments: [
            ("GET", "/v1/summary", 200), ("GET", "/livez", 200), ("GET", "/metrics", 200),
            ("GET", "/openapi.json", 200),
            ("GET", "/v1/requests/nonsense", 404), ("GET", "/none", 404), ("DELETE", "/v1/summary", 405),
            ("OPTIONS", "/v1/summary", 204), ("POST", "/webhooks/clever", 401), ("POST", "/v1/requests", 422),
        ])
    func everywhere(method: String, path: String, status: Int) async throws {
        try await TestApplication.run { test in
            let answer = try await test.client().send(method, path, [:], method == "POST" ? Array("{}".utf8) : nil)
            #expect(answer.status == status)
            #expect(answer.headerFields["x-content-type-options"] == "nosniff")
            #expect(answer.headerFields["referrer-policy"] == "no-referrer")
            #expect(answer.headerFields["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'")
            #expect(answer.headerFields["cache-control"] != nil)
            // Nobody else's pages may read what a token opens.
            #expect(answer.headerFields["access-control-allow-origin"] == nil)
            #expect(answer.headerFields["server"] == nil)
            #expect(answer.headerFields["set-cookie"] == nil)
        }
    }
}
