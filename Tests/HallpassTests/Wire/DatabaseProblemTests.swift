import Postgres
import Testing

@testable import Hallpass

@Suite("Problems of the database as clients see them")
struct DatabaseProblemTests {
    private static let secret = "lee@secret.example"

    static let cases: [(DatabaseError, Int, String)] = [
        (.unavailable(reason: "could not connect to db-7.internal \(secret)"), 503, "database_unavailable"),
        (.readOnly, 503, "database_unavailable"), (.closed, 503, "database_unavailable"),
        (.configuration(reason: "password for \(secret)"), 503, "database_unavailable"),
        (.outcomeUnknown, 503, "outcome_unknown"), (.overloaded, 503, "overloaded"),
        (.deadlineExceeded, 503, "overloaded"), (.cancelled, 503, "overloaded"), (.serialization, 503, "overloaded"),
        (.lockTimeout, 503, "overloaded"),
        (.constraint(kind: .check, name: "rule_\(secret)"), 500, "internal_error"),
        (.server(sqlState: "42P01", statement: "SELECT \(secret)"), 500, "internal_error"),
        (.decoding(statement: "SELECT \(secret)", column: "c", expected: "Int"), 500, "internal_error"),
    ]

    @Test(
        "each error is one code, says when to come back, and holds neither data, nor SQL, nor where the database is",
        arguments: cases)
    func words(error: DatabaseError, status: Int, code: String) {
        let problem = ProblemResponse.problem(for: error)
        #expect(problem.status == status && problem.code.rawValue == code)
        #expect((problem.retryAfterSeconds != nil) == (status == 503))
        let body = String(decoding: problem.body(requestID: "r"), as: UTF8.self)
        for word in [Self.secret, "db-7", "SELECT", "42P01", "rule_", "password"] {
            #expect(!body.contains(word), "\(body)")
        }
    }
}
