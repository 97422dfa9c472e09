import Foundation

/// An e-mail address as RFC 5321 limits it, with internationalised domains (RFC 5891) and local parts (RFC 6531).
public enum EmailAddress {
    /// Octets of the local part, of the domain, and of the whole (RFC 5321 §4.5.3.1, less the angle brackets).
    public static let maximumLocalOctets = 64
    public static let maximumDomainOctets = 255
    public static let maximumOctets = 254

    /// What is wrong with an address, in words that say what would be right; nil for a good one.
    public static func offence(in text: String) -> String? {
        if isPlain(text) { return nil }
        let form = "must be an e-mail address such as name@example.org"
        guard let (local, domain) = halves(of: text) else { return form }
        if text.utf8.count > maximumOctets { return "must be \(maximumOctets) octets at most (RFC 5321)" }
        if local.utf8.count > maximumLocalOctets {
            return "has more than \(maximumLocalOctets) octets before the @ (RFC 5321)"
        }
        if domain.utf8.count > maximumDomainOctets {
            return "has more than \(maximumDomainOctets) octets behind the @ (RFC 5321)"
        }
        guard isDotAtom(local) || isQuoted(local), isDomain(domain) else { return form }
        guard let ascii = asciiDomain(domain), isDomain(ascii[...]) else {
            return "has a domain that cannot be written in ASCII (RFC 5891)"
        }
        if local.utf8.count + 1 + ascii.utf8.count > maximumOctets {
            return "must be \(maximumOctets) octets at most, its domain written in ASCII (RFC 5321)"
        }
        return nil
    }

    /// The address as it travels: an internationalised domain in its ASCII form. The local part stays as it is, since only
    /// its own server knows what it means.
    public static func wireForm(_ address: String) -> String {
        if address.utf8.allSatisfy({ $0 < 0x80 }) { return address }
        guard let (local, domain) = halves(of: address), let ascii = asciiDomain(domain) else { return address }
        return "\(local)@\(ascii)"
    }

    /// Whether its wire form can only go to a server that offers SMTPUTF8 (RFC 6531).
    public static func needsSMTPUTF8(_ address: String) -> Bool {
        wireForm(address).utf8.contains { $0 >= 0x80 }
    }

    /// Whether it is as nearly all are, told by its octets: letters and digits with single `.`, `-`, `_` and `+` between them,
    /// short enough for every limit.
    private static func isPlain(_ text: String) -> Bool {
        guard text.utf8.count <= 63 else { return false }
        var hasAt = false
        var mayEnd = false
        for octet in text.utf8 {
            switch octet {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                mayEnd = true
                continue
            case UInt8(ascii: "."), UInt8(ascii: "-"): break
            case UInt8(ascii: "_"), UInt8(ascii: "+"):
                if hasAt { return false }
            case UInt8(ascii: "@"):
                if hasAt { return false }
                hasAt = true
            default: return false
            }
            if !mayEnd { return false }
            mayEnd = false
        }
        return hasAt && mayEnd
    }

    private static func halves(of text: String) -> (local: Substring, domain: Substring)? {
        guard let at = text.lastIndex(of: "@"), at != text.startIndex else { return nil }
        return (text[..<at], text[text.index(after: at)...])
    }

    /// The ASCII form (A-labels) of a domain; nil when it has none.
    private static func asciiDomain(_ domain: Substring) -> String? {
        if domain.utf8.allSatisfy({ $0 < 0x80 }) { return String(domain) }
        var parts = URLComponents()
        parts.scheme = "http"
        parts.host = String(domain)
        guard let host = parts.encodedHost, host.utf8.allSatisfy({ $0 < 0x80 }), !host.contains("%") else { return nil }
        return host
    }

    private static func isDotAtom(_ text: Substring) -> Bool {
        text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { atom in
            !atom.isEmpty && atom.unicodeScalars.allSatisfy(isAtomText)
        }
    }

    private static func isAtomText(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value >= 0x80 {
            // Letters, marks, digits and signs of any script; nothing that is invisible or breaks a line.
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator,
                .spaceSeparator:
                return false
            default: return true
            }
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
            guard scalar == " " || scalar == "\"" || scalar == "\\" || isQuotable(scalar) else { return false }
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

    private static func isQuotable(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x80 ? scalar.value > 0x20 && scalar.value < 0x7F : isAtomText(scalar)
    }

    private static func isDomain(_ text: Substring) -> Bool {
        text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            guard !label.isEmpty, label.utf8.count <= 63 || label.utf8.contains(where: { $0 >= 0x80 }),
                label.first != "-", label.last != "-"
            else { return false }
            return label.unicodeScalars.allSatisfy(isDomainText)
        }
    }

    private static func isDomainText(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "-": return true
        default: break
        }
        guard scalar.value >= 0x80 else { return false }
        let properties = scalar.properties
        return properties.isAlphabetic || properties.numericType != nil
            || properties.generalCategory == .nonspacingMark || properties.generalCategory == .spacingMark
    }
}
