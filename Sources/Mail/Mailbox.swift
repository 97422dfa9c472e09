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
        var name = String(text[..<open]).trimmed
        if name.count >= 2, name.hasPrefix("\""), name.hasSuffix("\"") {
            name = String(name.dropFirst().dropLast()).replacing("\\\"", with: "\"").replacing("\\\\", with: "\\")
        }
        self.init(name: name.isEmpty ? nil : name, address: address)
    }

    /// What stands behind the @.
    public var domain: String { address.split(separator: "@").last.map(String.init) ?? "localhost" }
}

extension String {
    var trimmed: String {
        var text = Substring(self)
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
