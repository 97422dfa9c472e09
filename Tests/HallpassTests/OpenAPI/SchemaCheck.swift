import Foundation

@testable import Hallpass

// JSON Schema 2020-12, as far as the document uses it; a keyword that is not known here is a failure of its own, so that
// nothing is taken as checked that was not. What is answered may grow for clients, but not without being described: members
// that no applied schema names are failures here, as with `unevaluatedProperties: false` everywhere.

/// Checks values against the document's schemas.
struct SchemaCheck {
    let document: JSONValue
    /// False for what clients send: only what a schema forbids is forbidden.
    var isClosed = true

    private static let annotations: Set<String> = [
        "description", "title", "default", "example", "examples", "x-line-schema",
    ]

    /// What is wrong with the value, each with its place; empty when it fits.
    func failures(_ value: JSONValue, _ schema: JSONValue, at place: String = "") -> [String] {
        var (failures, named) = apply(schema, value, place)
        if isClosed, let named, case .object(let members) = value {
            failures += members.filter { !named.contains($0.name) }.map { "\(place)/\($0.name) is not described" }
        }
        return failures
    }

    /// Failures, and the members that were described; nil where any may be.
    private func apply(_ schema: JSONValue, _ value: JSONValue, _ place: String) -> ([String], Set<String>?) {
        guard case .object(let keywords) = schema else { return (["\(place): a schema is no object"], nil) }
        var failures: [String] = []
        var named: Set<String>? = keywords.isEmpty ? nil : []
        func include(_ result: ([String], Set<String>?)) {
            failures += result.0
            if let more = result.1 { named?.formUnion(more) } else { named = nil }
        }
        for keyword in keywords {
            switch keyword.name {
            case "$ref": include(apply(resolve(keyword.value), value, place))
            case "allOf": for part in keyword.value.array ?? [] { include(apply(part, value, place)) }
            case "oneOf", "anyOf":
                let results = (keyword.value.array ?? []).map { apply($0, value, place) }
                let fitting = results.filter(\.0.isEmpty)
                if fitting.isEmpty {
                    failures.append(
                        "\(place) fits none of \(keyword.name): \(results.map { $0.0.joined(separator: "; ") })")
                } else if keyword.name == "oneOf", fitting.count > 1 {
                    failures.append("\(place) fits \(fitting.count) of oneOf")
                } else {
                    for result in fitting { include(result) }
                }
            case "properties":
                guard case .object(let properties) = keyword.value, case .object(let members) = value else { break }
                for member in members {
                    guard let property = properties.first(where: { $0.name == member.name }) else { continue }
                    named?.insert(member.name)
                    failures += self.failures(member.value, property.value, at: "\(place)/\(member.name)")
                }
            case "additionalProperties":
                guard case .object(let members) = value else { break }
                if keyword.value == .bool(true) {
                    named = nil
                } else {
                    let known = Self.names(schema["properties"])
                    failures += members.filter { !known.contains($0.name) }.map { "\(place)/\($0.name) is not allowed" }
                }
            default: failures += check(keyword, value, place)
            }
        }
        return (failures, named)
    }

    private func check(_ keyword: JSONValue.Member, _ value: JSONValue, _ place: String) -> [String] {
        func fail(_ isWrong: Bool, _ text: String) -> [String] {
            isWrong ? ["\(place) \(text): \(value.text.prefix(120))"] : []
        }
        let rule = keyword.value
        switch keyword.name {
        case "type":
            let types = rule.array?.compactMap(\.string) ?? [rule.string ?? ""]
            return fail(!types.contains { Self.isOf($0, value) }, "is not \(types.joined(separator: " or "))")
        case "enum": return fail(!(rule.array ?? []).contains(value), "is not one of \(rule.text)")
        case "required":
            let names = Self.names(value)
            guard case .object = value else { return [] }
            return (rule.array ?? []).compactMap(\.string).filter { !names.contains($0) }.map {
                "\(place)/\($0) is missing"
            }
        case "items":
            return (value.array ?? []).enumerated().flatMap { failures($0.element, rule, at: "\(place)/\($0.offset)") }
        case "minItems": return fail((value.array?.count ?? .max) < rule.integer ?? 0, "has too few items")
        case "maxItems": return fail((value.array?.count ?? 0) > rule.integer ?? .max, "has too many items")
        case "minimum": return fail(Self.number(value).map { $0 < Double(rule.integer ?? 0) } ?? false, "is too small")
        case "maximum": return fail(Self.number(value).map { $0 > Double(rule.integer ?? 0) } ?? false, "is too large")
        case "minLength": return fail((value.string?.unicodeScalars.count ?? .max) < rule.integer ?? 0, "is too short")
        case "maxLength": return fail((value.string?.unicodeScalars.count ?? 0) > rule.integer ?? .max, "is too long")
        case "pattern": return fail(!matches(value, rule.string ?? ""), "does not match \(rule.text)")
        case "format": return fail(!isFormatted(value, rule.string ?? ""), "is no \(rule.text)")
        case _ where Self.annotations.contains(keyword.name): return []
        default: return ["\(place): the schema's keyword \(keyword.name) is not known to the tests"]
        }
    }

    private func resolve(_ reference: JSONValue) -> JSONValue {
        let path = (reference.string ?? "").split(separator: "/").dropFirst()
        return path.reduce(document) { $0[String($1)] ?? .null }
    }

    private static func names(_ value: JSONValue?) -> Set<String> {
        guard case .object(let members)? = value else { return [] }
        return Set(members.map(\.name))
    }

    private static func isOf(_ type: String, _ value: JSONValue) -> Bool {
        switch (type, value) {
        case ("null", .null), ("boolean", .bool), ("string", .string), ("array", .array), ("object", .object),
            ("number", .number):
            true
        case ("integer", .number(let text)): Int(text) != nil
        default: false
        }
    }

    private static func number(_ value: JSONValue) -> Double? {
        if case .number(let text) = value { return Double(text) }
        return nil
    }

    private func matches(_ value: JSONValue, _ pattern: String) -> Bool {
        guard let text = value.string else { return true }
        guard let expression = try? NSRegularExpression(pattern: pattern) else { return false }
        return expression.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil
    }

    private func isFormatted(_ value: JSONValue, _ format: String) -> Bool {
        guard let text = value.string else { return true }
        switch format {
        case "uuid": return UUID(uuidString: text) != nil && text == text.lowercased()
        case "date-time": return Instant.parse(text) != nil
        case "date": return text.wholeMatch(of: /\d{4}-\d{2}-\d{2}/) != nil
        case "email": return text.contains("@")
        case "uri": return URL(string: text)?.scheme != nil
        case "uri-reference": return URL(string: text) != nil
        case "binary": return true
        default: return false
        }
    }
}
