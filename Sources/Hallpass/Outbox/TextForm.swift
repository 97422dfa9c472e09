// What mustache makes of a template depends on the shape of its values (which there are, how many of each) and, where a text
// is put in, on the text alone, as it is or escaped. So a template is rendered once for a shape, with a mark for each text,
// and what comes out is a form: filling it in gives, to the last octet, what mustache would give, in a hundredth of the time.
// Every text has a mark of its own, which shows by its `<` whether it was escaped. A template that asks more of a text
// (`uppercased(district)`, say) has no form: `TemplateCheck.hasForms` tells those.

/// A rendered template with gaps for its texts.
struct TextForm: Sendable {
    private struct Gap {
        /// Where in the fixed octets it is.
        var place: Int
        var text: Int
        var isEscaped: Bool
    }

    private var fixed: [UInt8] = []
    private var gaps: [Gap] = []

    static let markOctet: UInt8 = 1
    private static let markEnd: UInt8 = 2

    /// What stands for a text while the template is rendered.
    static func mark(_ text: Int) -> String { "\u{1}\(text)<\u{2}" }

    /// Reads what was rendered with marks; nil when a mark is not as it was.
    init?(_ rendered: String, texts: Int) {
        var rest = Array(rendered.utf8)[...]
        while let start = rest.firstIndex(of: Self.markOctet) {
            fixed += rest[..<start]
            guard let end = rest[start...].firstIndex(of: Self.markEnd) else { return nil }
            let mark = rest[(start + 1)..<end]
            let digits = mark.prefix { $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: "&") }
            let sign = mark[digits.endIndex...]
            guard let text = Int(String(decoding: digits, as: UTF8.self)), text < texts,
                sign.elementsEqual("<".utf8) || sign.elementsEqual("&lt;".utf8)
            else { return nil }
            gaps.append(Gap(place: fixed.count, text: text, isEscaped: sign.count > 1))
            rest = rest[(end + 1)...]
        }
        fixed += rest
    }

    func filled(_ texts: [String]) -> String {
        var octets: [UInt8] = []
        octets.reserveCapacity(gaps.reduce(fixed.count) { $0 + texts[$1.text].utf8.count + 16 })
        var place = 0
        for gap in gaps {
            octets += fixed[place..<gap.place]
            place = gap.place
            if gap.isEscaped { Self.escape(texts[gap.text], into: &octets) } else { octets += texts[gap.text].utf8 }
        }
        octets += fixed[place...]
        return String(decoding: octets, as: UTF8.self)
    }

    /// As HTML says it, in an element or in a quoted attribute.
    private static func escape(_ text: String, into octets: inout [UInt8]) {
        guard text.utf8.contains(where: { reference($0) != nil }) else {
            octets += text.utf8
            return
        }
        for octet in text.utf8 {
            if let reference = reference(octet) { octets += reference.utf8 } else { octets.append(octet) }
        }
    }

    private static func reference(_ octet: UInt8) -> String? {
        switch octet {
        case UInt8(ascii: "<"): "&lt;"
        case UInt8(ascii: ">"): "&gt;"
        case UInt8(ascii: "&"): "&amp;"
        case UInt8(ascii: "\""): "&quot;"
        case UInt8(ascii: "'"): "&#39;"
        default: nil
        }
    }
}
