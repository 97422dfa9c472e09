/// What mustache itself lets pass, and renders as nothing: names that no mail has, pieces that are not there, pieces that
/// take one another in without end. Each is told with file and line.
struct TemplateCheck {
    private struct Tag {
        /// `>`, `#`, `^`, or a space for a plain value.
        var kind: Character
        var name: String
        var line: Int
    }

    private let templates: [String: (source: TemplateSource, path: String)]
    private let tags: [String: [Tag]]

    init(_ templates: [String: (source: TemplateSource, path: String)]) {
        self.templates = templates
        tags = templates.mapValues { Self.tags(in: $0.source.text) }
    }

    func run() throws(StartError) {
        for (key, template) in templates.sorted(by: { $0.key < $1.key }) {
            for tag in tags[key] ?? [] {
                let place = "\(template.path):\(tag.line): "
                if tag.kind == ">" {
                    try check(tag, at: place)
                    if reaches(key, from: tag.name) {
                        throw StartError("\(place){{>\(tag.name)}} takes this template into itself; leave it out")
                    }
                } else if !MailValues.names.contains(tag.name) {
                    throw StartError(
                        "\(place)no mail has a value named \(tag.name)\(Self.hint(tag.name, MailValues.names))")
                }
            }
        }
    }

    private func check(_ tag: Tag, at place: String) throws(StartError) {
        guard templates[tag.name] == nil else { return }
        throw StartError("\(place)there is no piece named \(tag.name)\(Self.hint(tag.name, Set(templates.keys)))")
    }

    private static func hint(_ name: String, _ names: Set<String>) -> String {
        Suggestion.nearest(to: name, among: names.sorted()).map { "; did you mean \($0)?" } ?? ""
    }

    /// Whether a template takes in another, over however many.
    private func reaches(_ target: String, from start: String) -> Bool {
        var seen: Set<String> = []
        var open = [start]
        while let key = open.popLast() {
            if key == target { return true }
            guard seen.insert(key).inserted else { continue }
            open += (tags[key] ?? []).filter { $0.kind == ">" }.map(\.name)
        }
        return false
    }

    /// Whether a mail's templates only put texts in, as they are or escaped, so that forms can be made of them.
    func hasForms(_ mail: String) -> Bool {
        var seen: Set<String> = []
        var open = TemplateSource.Part.allCases.map { "\(mail).\($0.rawValue)" }
        while let key = open.popLast() {
            guard seen.insert(key).inserted, let template = templates[key] else { continue }
            if Self.looksIntoTexts(template.source.text) { return false }
            open += (tags[key] ?? []).filter { $0.kind == ">" }.map(\.name)
        }
        return true
    }

    /// Whether a text may decide more than what stands in its place: by a transform, as a piece's name, or in an indented
    /// piece, whose lines are counted. Blocks and other delimiters are not looked into.
    private static func looksIntoTexts(_ text: String) -> Bool {
        if text.utf8.contains(TextForm.markOctet) { return true }
        var rest = text[...]
        while let open = rest.firstRange(of: "{{") {
            let isIndented = rest[..<open.lowerBound].last.map { $0 == " " || $0 == "\t" } ?? false
            rest = rest[open.upperBound...]
            let tag = rest.prefix { $0 != "}" }
            switch tag.first {
            case "!": break
            case "=", "<", "$", "%": return true
            case ">": if isIndented || tag.contains("*") { return true }
            default:
                if let name = tag.firstIndex(of: "("), !tag[name...].hasPrefix("()") { return true }
            }
        }
        return false
    }

    /// The tags that name something. After a change of delimiters nothing is looked at.
    private static func tags(in text: String) -> [Tag] {
        var tags: [Tag] = []
        var line = 1
        var rest = text[...]
        while let open = rest.firstRange(of: "{{") {
            line += rest[..<open.lowerBound].count(where: \.isNewline)
            let inside = rest[open.upperBound...]
            guard let close = inside.firstRange(of: "}}") else { break }
            let tag = inside[..<close.lowerBound]
            if tag.first == "=" { break }
            if let found = Self.tag(tag, line) { tags.append(found) }
            line += tag.count(where: \.isNewline)
            rest = inside[close.upperBound...]
        }
        return tags
    }

    private static func tag(_ text: Substring, _ line: Int) -> Tag? {
        let kind = text.first ?? " "
        if "!/%$<".contains(kind) { return nil }
        var name = text.drop { ">#^&{ ".contains($0) }.filter { !$0.isWhitespace && $0 != "}" }
        // A transform, such as last(), is about what it is given, or about the element at hand.
        if let open = name.firstIndex(of: "(") { name = String(name[name.index(after: open)...].filter { $0 != ")" }) }
        if kind != ">" { name = String(name.prefix { $0 != "." }) }
        if name.isEmpty { return nil }
        return Tag(kind: ">#^".contains(kind) ? kind : " ", name: name, line: line)
    }
}
