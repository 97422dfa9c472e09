import Foundation
import HTTPTypes
import Testing

@testable import Hallpass

@Suite("The OpenAPI document")
struct OpenAPITests {
    private let document = OpenAPIDocument.value
    private var check: SchemaCheck { SchemaCheck(document: document) }

    @Test("every route is described, once, and nothing else is")
    func bothWays() {
        let routes = Routes.all.map { "\($0.method.rawValue) \($0.pattern)" }
        let described = OpenAPIDocument.operations.map(\.key)
        for route in Set(routes).subtracting(described).sorted() {
            Issue.record("\(route) is not described: add an Operation in Sources/Hallpass/OpenAPI/Operations")
        }
        for route in Set(described).subtracting(routes).sorted() {
            Issue.record("\(route) is described in Sources/Hallpass/OpenAPI/Operations, but no route of Routes.all")
        }
        #expect(described.count == Set(described).count)
        let ids = OpenAPIDocument.operations.map(\.id)
        #expect(ids.count == Set(ids).count, "an operationId comes twice")
        var written: [String] = []
        if case .object(let paths)? = document["paths"] {
            for path in paths {
                guard case .object(let operations) = path.value else { continue }
                written += operations.map { "\($0.name.uppercased()) \(path.name)" }
            }
        }
        #expect(written.sorted() == routes.sorted())
    }

    @Test("every reference leads to a component, and every component is used")
    func references() {
        var references: Set<String> = []
        walk(document) { member in
            if member.name == "$ref", let text = member.value.string { references.insert(text) }
        }
        for reference in references.sorted() {
            let path = reference.split(separator: "/").dropFirst()
            #expect(path.reduce(document as JSONValue?) { $0?[String($1)] } != nil, "\(reference) leads nowhere")
        }
        for kind in ["schemas", "parameters"] {
            guard case .object(let components)? = document["components"]?[kind] else { continue }
            for component in components where component.name != "EventData" {
                #expect(references.contains("#/components/\(kind)/\(component.name)"), "\(component.name) is not used")
            }
        }
    }

    @Test("every example fits the schema beside it")
    func examples() {
        walkObjects(document) { object in
            guard let schema = object["schema"] else { return }
            var values = object["example"].map { [$0] } ?? []
            if case .object(let examples)? = object["examples"] {
                values += examples.compactMap { example in
                    let name = (example.value["$ref"]?.string ?? "").split(separator: "/").last.map(String.init) ?? ""
                    return document["components"]?["examples"]?[name]?["value"]
                }
            }
            for value in values {
                for failure in check.failures(value, schema) { Issue.record("the example \(value.text): \(failure)") }
            }
        }
    }

    @Test("every problem code is documented where its status is, and every code somewhere or in the introduction")
    func problems() throws {
        var documented: Set<String> = []
        walk(document["paths"] ?? .null) { member in
            if member.name == "code", let codes = member.value["enum"]?.array {
                documented.formUnion(codes.compactMap(\.string))
            }
        }
        let introduction = try #require(document["info"]?["description"]?.string)
        let elsewhere: Set<Problem.Code> = [
            .internalError, .notImplemented, .versionNotSupported, .methodNotAllowed, .tooManyRequests,
        ]
        for code in Problem.Code.allCases where !elsewhere.contains(code) {
            #expect(documented.contains(code.rawValue), "\(code.rawValue) is in no operation's problems")
        }
        #expect(
            introduction.contains("method_not_allowed") && introduction.contains("501") && introduction.contains("505"))
    }

    @Test("it is served to anybody, cacheable, compressed, and not again to who has it")
    func served() async throws {
        try await TestApplication.run { test in
            let client = test.client(nil)
            let answer = try await client.get("/openapi.json")
            #expect(answer.status == 200)
            #expect(answer.json == document)
            #expect(answer.headerFields["cache-control"] == "public, max-age=300")
            let tag = try #require(answer.headerFields["etag"])
            let again = try await client.get("/openapi.json", ["If-None-Match": tag])
            #expect(again.status == 304 && again.body.isEmpty && again.headerFields["etag"] == tag)
            let small = try await client.get("/openapi.json", ["Accept-Encoding": "gzip"])
            #expect(small.headerFields["content-encoding"] == "gzip" && small.body.count < answer.body.count / 4)
            #expect(try small.plain() == answer.body)
            let smallTag = try #require(small.headerFields["etag"])
            #expect(smallTag != tag)
            #expect(try await client.get("/openapi.json", ["If-None-Match": smallTag]).status == 304)
            #expect(try await client.post("/openapi.json").status == 405)
        }
    }

    @Test("what the document does not say is found by the check of answers")
    func checkFinds() {
        var answer = TestClient.Answer(
            status: 200, headerFields: ["content-type": "application/json", "x-request-id": "1", "etag": "\"1\""],
            body: Array(ExampleValues.request.text.utf8))
        let target = "/v1/requests/\(ExampleValues.requestID)"
        #expect(AnswerCheck.failures("GET", target, answer).isEmpty)
        answer.body = Array(ExampleValues.request.merging([("surprise", "yes")]).text.utf8)
        #expect(AnswerCheck.failures("GET", target, answer) == ["/surprise is not described"])
        answer.body = Array(ExampleValues.request.merging([("state", "unheard")]).text.utf8)
        #expect(AnswerCheck.failures("GET", target, answer).count == 1)
        answer.body = Array(ExampleValues.request.text.utf8)
        answer.headerFields["etag"] = nil
        #expect(AnswerCheck.failures("GET", target, answer) == ["the field ETag is missing"])
        answer.status = 402
        #expect(AnswerCheck.failures("GET", target, answer) == ["the status is not documented"])
        answer.status = 405
        answer.body = Array(ExampleValues.problem(.methodNotAllowed).text.utf8)
        #expect(AnswerCheck.failures("PUT", target, answer).isEmpty)
        #expect(!AnswerCheck.failures("PUT", "/v1/unheard", answer).isEmpty)
        #expect(SchemaCheck(document: document).failures("a", ["minContains": .number("1")]).count == 1)
    }

    private func walk(_ value: JSONValue, _ visit: (JSONValue.Member) -> Void) {
        switch value {
        case .object(let members):
            for member in members {
                visit(member)
                walk(member.value, visit)
            }
        case .array(let items): for item in items { walk(item, visit) }
        default: break
        }
    }

    private func walkObjects(_ value: JSONValue, _ visit: (JSONValue) -> Void) {
        switch value {
        case .object(let members):
            visit(value)
            for member in members { walkObjects(member.value, visit) }
        case .array(let items): for item in items { walkObjects(item, visit) }
        default: break
        }
    }
}
