/// What one check of `hallpass doctor` found.
struct Finding: Sendable, Hashable {
    enum Level: String, Sendable, Comparable {
        case ok, warning, failure

        private var rank: Int { self == .ok ? 0 : self == .warning ? 1 : 2 }
        static func < (a: Level, b: Level) -> Bool { a.rank < b.rank }
    }

    /// What was looked at, in a word or two.
    var check: String
    var level: Level
    /// What was found. No secrets.
    var text: String
    /// What to do about it; nil when it is ok.
    var advice: String?

    static func ok(_ check: String, _ text: String) -> Finding { Finding(check: check, level: .ok, text: text) }

    static func warning(_ check: String, _ text: String, _ advice: String) -> Finding {
        Finding(check: check, level: .warning, text: text, advice: advice)
    }

    static func failure(_ check: String, _ text: String, _ advice: String) -> Finding {
        Finding(check: check, level: .failure, text: text, advice: advice)
    }
}
