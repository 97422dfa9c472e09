/// A display name and an address (RFC 5322 §3.4).
public struct Mailbox: Sendable, Hashable {
    /// Nil or any Unicode text; line breaks and other controls become spaces when it is written.
    public var name: String?
    public var address: String

    public init(name: String? = nil, address: String) {
        self.name = name
        self.address = address
    }

    /// Reads `Name <a@b>`, `"Na, me" <a@b>` or `a@b`. Nil for anything else.
    public init?(_ text: String) {
        let text = text.trimmed
        guard text.hasSuffix(">"), let open = text.lastIndex(of: "<") else {
            guard EmailAddress.offence(in: text) == nil else { return nil }
            self.init(address: text)
            return
        }
        let address = String(text[text.index(after: open)...].dropLast())
        guard EmailAddress.offence(in: address) == nil else { return nil }
        let name = Self.unquoted(String(text[..<open]).trimmed)
        self.init(name: name.trimmed.isEmpty ? nil : name, address: address)
    }

    /// What stands behind the @, in its ASCII form.
    public var domain: String {
        let wire = EmailAddress.wireForm(address)
        return wire.lastIndex(of: "@").map { String(wire[wire.index(after: $0)...]) } ?? "localhost"
    }

    /// What a quoted string says (RFC 5322 §3.2.4); other text as it is.
    private static func unquoted(_ text: String) -> String {
        guard text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return text }
        var result = ""
        var isEscaped = false
        for character in text.dropFirst().dropLast() {
            if character == "\\", !isEscaped {
                isEscaped = true
            } else {
                result.append(character)
                isEscaped = false
            }
        }
        return result
    }
}

extension String {
    var trimmed: String {
        var text = Substring(self)
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
