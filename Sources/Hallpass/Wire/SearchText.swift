import Foundation

/// Text as it is searched: compatibility-normalised and case-folded (Unicode's NFKC_Casefold, near enough), so that any
/// way of typing a name finds it. What is shown stays as it came.
enum SearchText {
    static func normalise(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.lowercased() }
        return text.precomposedStringWithCompatibilityMapping.folding(options: .caseInsensitive, locale: nil)
            .precomposedStringWithCompatibilityMapping
    }

    /// Runs of characters that a text holds when it holds `text`, as a tsquery on `search_grams`: one that begins with it
    /// when it has up to four characters, else every run of four in it. What they find may still not hold it.
    /// - Parameter text: normalised, not empty.
    static func gramQuery(_ text: String) -> String {
        let scalars = Array(text.unicodeScalars)
        guard scalars.count >= gramLength else { return quoted(scalars[...]) + ":*" }
        var grams: [String] = []
        for start in 0...(scalars.count - gramLength) {
            let gram = quoted(scalars[start..<(start + gramLength)])
            if !grams.contains(gram) { grams.append(gram) }
            if grams.count == gramLimit { break }
        }
        return grams.joined(separator: " & ")
    }

    /// As many characters as `search_grams` takes at once.
    private static let gramLength = 4
    /// More say no more.
    private static let gramLimit = 40

    private static func quoted(_ scalars: ArraySlice<Unicode.Scalar>) -> String {
        var quoted = "'"
        for scalar in scalars {
            if scalar == "'" || scalar == "\\" { quoted.unicodeScalars.append(scalar) }
            quoted.unicodeScalars.append(scalar)
        }
        return quoted + "'"
    }
}
