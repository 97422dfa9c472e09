import Foundation
import HTTPServer
import Testing

@testable import Hallpass

/// Holds every answer that a test gets to the OpenAPI document: the status must be documented for the operation, the media
/// type and the required header fields too, and the body must fit its schema.
enum AnswerCheck {
    private static let document = OpenAPIDocument.value
    private static let check = SchemaCheck(document: document)

    /// Records an issue for what the document does not say.
    static func record(_ method: String, _ target: String, _ answer: TestClient.Answer) {
        for failure in failures(method, target, answer) {
            Issue.record(
                """
                \(method) \(target) → \(answer.status): \(failure)
                The OpenAPI document does not say so. Describe it in Sources/Hallpass/OpenAPI (Operations, Schemas), or \
                correct the answer: \(answer.text.prefix(600))
                """)
        }
    }

    static func failures(_ method: String, _ target: String, _ answer: TestClient.Answer) -> [String] {
        if answer.headerFields["x-request-id"] == nil { return ["X-Request-Id is missing"] }
        let path = String(target.prefix { $0 != "?" })
        guard let operations = operations(at: path) else { return isProblem(answer, status: 404, codes: ["not_found"]) }
        if method == "OPTIONS" {
            return answer.status == 204 && answer.headerFields["allow"] != nil ? [] : ["no 204 with Allow"]
        }
        guard let operation = operations[method == "HEAD" ? "get" : method.lowercased()] else {
            return isProblem(answer, status: 405, codes: ["method_not_allowed"])
        }
        guard let response = operation["responses"]?[String(answer.status)] else {
            return ["the status is not documented"]
        }
        return headers(answer, response) + (method == "HEAD" ? [] : body(answer, response))
    }

    private static func isProblem(_ answer: TestClient.Answer, status: Int, codes: [String]) -> [String] {
        guard answer.status == status, codes.contains(answer.code ?? "") else {
            // Refusals before routing: the framing, the target, the header.
            return [400, 408, 413, 414, 417, 431, 501, 503, 505].contains(answer.status)
                ? check.failures(answer.json, ["$ref": "#/components/schemas/Problem"])
                : ["no \(status) \(codes)"]
        }
        return check.failures(answer.json, ["$ref": "#/components/schemas/Problem"])
    }

    private static func operations(at path: String) -> JSONValue? {
        guard case .object(let paths)? = document["paths"] else { return nil }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false)
        func fits(_ pattern: String) -> Bool {
            let parts = pattern.split(separator: "/", omittingEmptySubsequences: false)
            return parts.count == segments.count
                && zip(parts, segments).allSatisfy { part, segment in
                    part.hasPrefix("{") ? !segment.isEmpty : part == (segment.removingPercentEncoding ?? "")
                }
        }
        let fitting = paths.filter { fits($0.name) }
        // A literal segment wins over a parameter.
        return fitting.min { $0.name.count { $0 == "{" } < $1.name.count { $0 == "{" } }?.value
    }

    private static func headers(_ answer: TestClient.Answer, _ response: JSONValue) -> [String] {
        guard case .object(let headers)? = response["headers"] else { return [] }
        return headers.flatMap { header -> [String] in
            let name = (header.value["$ref"]?.string ?? "").split(separator: "/").last.map(String.init) ?? ""
            guard let described = document["components"]?["headers"]?[name] else { return ["no header \(name)"] }
            guard let value = answer.headerFields[header.name.lowercased()] else {
                return described["required"] == .bool(true) ? ["the field \(header.name) is missing"] : []
            }
            return check.failures(.string(value), described["schema"] ?? .null, at: header.name)
        }
    }

    private static func body(_ answer: TestClient.Answer, _ response: JSONValue) -> [String] {
        guard let content = response["content"], case .object(let contents) = content else {
            return answer.body.isEmpty ? [] : ["a body where none is documented"]
        }
        let given = answer.headerFields["content-type"] ?? ""
        let media = given.prefix { $0 != ";" }
        guard
            let described = contents.first(where: {
                $0.name == given || $0.name == "*/*" || $0.name.prefix { $0 != ";" } == media
            })
        else { return ["the media type \(given) is not documented"] }
        guard let plain = try? answer.plain() else { return ["the body cannot be inflated"] }
        if media.hasSuffix("json"), media != "application/x-ndjson" || described.value["x-item-schema"] == nil {
            if described.name == "*/*" { return [] }
            guard let json = try? JSONParser.parse(plain) else { return ["the body is not JSON"] }
            return check.failures(json, described.value["schema"] ?? .null)
        }
        guard media == "application/x-ndjson", let line = described.value["x-item-schema"] else { return [] }
        return plain.split(separator: 0x0A).flatMap { text -> [String] in
            guard let json = try? JSONParser.parse(Array(text)) else { return ["a line is not JSON"] }
            return check.failures(json, line)
        }
    }
}

extension TestClient.Answer {
    /// The body without its content coding.
    func plain() throws -> [UInt8] {
        headerFields["content-encoding"] == "gzip" ? try Gzip.inflate(body, limit: 1 << 30) : body
    }
}
