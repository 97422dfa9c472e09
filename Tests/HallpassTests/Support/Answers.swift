import Testing

@testable import Hallpass

extension TestClient.Answer {
    /// A request's id, state and version.
    var id: String { json["id"]?.string ?? "" }
    var state: String? { json["state"]?.string }
    var version: Int? { json["version"]?.integer }

    /// A list's rows.
    var data: [JSONValue] { json["data"]?.array ?? [] }
    var ids: [String] { data.compactMap { $0["id"]?.string } }

    /// Where a problem's offences are: JSON pointers, and `?name` for parameters.
    var offenders: [String] {
        (json["errors"]?.array ?? []).compactMap { error in
            error["pointer"]?.string ?? error["parameter"]?.string.map { "?\($0)" }
        }
    }

    /// The words about one of them.
    func offence(_ place: String) -> String? {
        json["errors"]?.array?.first {
            $0["pointer"]?.string == place || $0["parameter"]?.string.map { "?\($0)" } == place
        }?["detail"]?
        .string
    }
}

/// Expects a whole problem: status, code, and the members that every problem has.
func expect(
    _ answer: TestClient.Answer, is status: Int, _ code: String, at offenders: [String]? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let seen = "\(answer.status) \(answer.text.prefix(600))"
    #expect(answer.status == status, "\(seen)", sourceLocation: sourceLocation)
    #expect(answer.code == code, "\(seen)", sourceLocation: sourceLocation)
    #expect(answer.headerFields["content-type"] == "application/problem+json", sourceLocation: sourceLocation)
    #expect(answer["status"]?.integer == answer.status, sourceLocation: sourceLocation)
    #expect(answer["request_id"]?.string == answer.headerFields["x-request-id"], sourceLocation: sourceLocation)
    for member in ["type", "title", "detail"] {
        #expect(answer.json[member]?.string?.isEmpty == false, "\(member)", sourceLocation: sourceLocation)
    }
    if let offenders { #expect(answer.offenders == offenders, "\(seen)", sourceLocation: sourceLocation) }
}

extension TestApplication {
    /// Creates a request and takes it to a state by the API's own actions; rostering gets the SSO it needs.
    func request(_ kind: String, in state: String, cleverID: String = "d1", date: String = "null") async throws
        -> String
    {
        let client = client()
        if kind == "rostering", !["pending", "needs_info", "declined", "withdrawn"].contains(state) {
            _ = try await client.post("/v1/requests/\(try await create("sso", cleverID: cleverID))/approve")
        }
        let id = try await create(kind, cleverID: cleverID, date: date)
        let steps: [(String, String)] =
            switch state {
            case "pending": []
            case "needs_info": [("request-info", #"{"message":"Which schools?"}"#)]
            case "approved": [("approve", "{}")]
            case "shared": [("approve", "{}"), ("share", #"{"method":"district"}"#)]
            case "configured":
                [
                    ("approve", "{}"), ("share", #"{"method":"district"}"#),
                    ("configure", #"{"complete_checklist":true}"#),
                ]
            case "declined": [("decline", #"{"reason":"no"}"#)]
            case "withdrawn": [("withdraw", "{}")]
            case "disconnected": [("approve", "{}"), ("disconnect", #"{"reason":"over"}"#)]
            default: preconditionFailure("no state \(state)")
            }
        for (action, body) in steps {
            let answer = try await client.post("/v1/requests/\(id)/\(action)", body)
            #expect(answer.status == 200, "\(action): \(answer.text)")
        }
        return id
    }

    static let states = [
        "pending", "needs_info", "approved", "shared", "configured", "declined", "withdrawn", "disconnected",
    ]

    /// Some id that nothing has.
    static let unknownID = "0193aaaa-0000-7000-8000-000000000000"

    /// The audit trail's first fault, nil when it is whole.
    /// What `audit verify` finds, whether it walks the trail at once or chain by chain.
    func auditFault() async throws -> String? {
        let whole = try await VerifyAudit.run(application.database)
        let chainByChain = try await VerifyAudit.run(application.database, entriesInPart: 1)
        #expect(whole.entries == chainByChain.entries && whole.fault == chainByChain.fault)
        return whole.fault?.description
    }
}
