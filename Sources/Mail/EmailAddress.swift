/// An e-mail address as RFC 5321 limits it, with internationalised domains and local parts (RFC 6531).
public enum EmailAddress {
    /// Octets of the local part, of the domain, and of the whole (RFC 5321 §4.5.3.1, less the angle brackets).
    public static let maximumLocalOctets = 64
    public static let maximumDomainOctets = 255
    public static let maximumOctets = 254

    /// What is wrong with an address, in words that say what would be right; nil for a good one.
    public static func offence(in text: String) -> String? {
        let form = "must be an e-mail address such as name@example.org"
        guard let at = text.lastIndex(of: "@"), at != text.startIndex else { return form }
        let local = text[..<at]
        let domain = text[text.index(after: at)...]
        if text.utf8.count > maximumOctets { return "must be \(maximumOctets) octets at most (RFC 5321)" }
        if local.utf8.count > maximumLocalOctets {
            return "has more than \(maximumLocalOctets) octets before the @ (RFC 5321)"
        }
        if domain.utf8.count > maximumDomainOctets {
            return "has more than \(maximumDomainOctets) octets behind the @ (RFC 5321)"
        }
        guard isDotAtom(local) || isQuoted(local), isDomain(domain) else { return form }
        return nil
    }

    private static func isDotAtom(_ text: Substring) -> Bool {
        text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { atom in
            !atom.isEmpty && atom.unicodeScalars.allSatisfy(isAtomText)
        }
    }

    private static func isAtomText(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value >= 0x80 {
            return !scalar.properties.isWhitespace && scalar.properties.generalCategory != .control
        }
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9": return true
        default: return "!#$%&'*+-/=?^_`{|}~".unicodeScalars.contains(scalar)
        }
    }

    private static func isQuoted(_ text: Substring) -> Bool {
        guard text.utf8.count >= 3, text.first == "\"", text.last == "\"" else { return false }
        var isEscaped = false
        for scalar in text.dropFirst().dropLast().unicodeScalars {
            if scalar.value < 0x20 || scalar.value == 0x7F { return false }
            if isEscaped {
                isEscaped = false
            } else if scalar == "\\" {
                isEscaped = true
            } else if scalar == "\"" {
                return false
            }
        }
        return !isEscaped
    }

    private static func isDomain(_ text: Substring) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 1
            && labels.allSatisfy { label in
                guard !label.isEmpty, label.utf8.count <= 63, label.first != "-", label.last != "-" else {
                    return false
                }
                return label.unicodeScalars.allSatisfy { scalar in
                    if scalar.value >= 0x80 {
                        return scalar.properties.isAlphabetic || scalar.properties.numericType != nil
                            || scalar.properties.generalCategory == .nonspacingMark
                            || scalar.properties.generalCategory == .spacingMark
                    }
                    return scalar == "-" || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
                        || ("0"..."9").contains(scalar)
                }
            }
    }
}
