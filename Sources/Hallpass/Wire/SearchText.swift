import Foundation

/// Text as it is searched: compatibility-normalised and case-folded (Unicode's NFKC_Casefold, near enough), so that any
/// way of typing a name finds it. What is shown stays as it came.
enum SearchText {
    static func normalise(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.lowercased() }
        return text.precomposedStringWithCompatibilityMapping.folding(options: .caseInsensitive, locale: nil)
            .precomposedStringWithCompatibilityMapping
    }

    /// A LIKE pattern for a substring, with LIKE's own characters escaped.
    static func pattern(_ text: String) -> String {
        let escaped = normalise(text).replacing("\\", with: "\\\\").replacing("%", with: "\\%").replacing(
            "_", with: "\\_")
        return "%\(escaped)%"
    }
}
