import Foundation
import Sockets

// Settings come from the environment and a file (`--config`, lines of NAME=value as systemd's EnvironmentFile has them);
// the environment wins. Everything wrong is told at once, before anything starts, and never the value of a secret.

/// The configuration in force, and where each setting came from.
public struct Settings: Sendable {
    public enum Origin: String, Sendable {
        case standard = "default"
        case environment
        case file
    }

    /// What is wrong with the settings, a line each.
    public struct Failure: Error, Sendable, CustomStringConvertible {
        public var lines: [String]
        public var description: String { lines.joined(separator: "\n") }
    }

    /// One row of `hallpass config`.
    public struct Row: Sendable {
        public var name: String
        /// Nil when nothing is set; a secret's is hidden.
        public var value: String?
        /// What is in force when it is not set, for people.
        public var standard: String
        public var origin: Origin
        public var meaning: String
    }

    let configuration: Configuration
    /// Files that secrets were read from, by the name of their setting.
    let secretFiles: [String: String]
    private let origins: [String: Origin]

    /// - Parameters:
    ///   - environment: the process's, as a rule.
    ///   - file: a path to a file of settings.
    public init(environment: [String: String], file: String? = nil) throws(Failure) {
        var lines: [String] = []
        var given: [String: (text: String, origin: Origin)] = [:]
        if let file {
            for (name, text) in Self.read(file, &lines) { given[name] = (text, .file) }
        }
        for (name, text) in environment where Self.isOurs(name) { given[name] = (text, .environment) }
        var configuration = Configuration()
        var origins: [String: Origin] = [:]
        let files = Dictionary(
            uniqueKeysWithValues: Setting.all.filter(\.isSecret).compactMap { setting in
                given["\(setting.name)_FILE"].map { (setting.name, $0.text) }
            })
        for setting in Setting.all {
            guard let (text, origin) = Self.text(of: setting, &given, &lines) else { continue }
            if text.isEmpty { continue }
            origins[setting.name] = origin
            if let right = setting.apply(text, &configuration) {
                let found = setting.isSecret ? "what is set there is not" : "\"\(text)\" is not"
                lines.append("\(setting.name): \(found) \(right)")
            }
        }
        for name in given.keys.sorted() {
            let names = Setting.all.flatMap { $0.isSecret ? [$0.name, "\($0.name)_FILE"] : [$0.name] }
            // HALLPASS_DATABASE_URL is a likelier slip than any of one letter.
            let bare = String(name.dropFirst(name.hasPrefix("HALLPASS_") ? "HALLPASS_".count : 0))
            let nearest = names.contains(bare) ? bare : Suggestion.nearest(to: name, among: names)
            let suggestion = nearest.map { "; did you mean \($0)?" } ?? ""
            lines.append("\(name): no such setting\(suggestion)")
        }
        // Said to be the same, they are the same; with port 0 the system chooses two.
        if configuration.probeListen == configuration.listen, !configuration.listen.hasSuffix(":0") {
            configuration.probeListen = nil
        }
        Self.checkListening(configuration, &lines)
        guard lines.isEmpty else { throw Failure(lines: lines) }
        self.configuration = configuration
        self.origins = origins
        secretFiles = files
    }

    public var rows: [Row] {
        Setting.all.map { setting in
            let value = setting.show(configuration)
            return Row(
                name: setting.name, value: setting.isSecret && value != nil ? "(hidden)" : value,
                standard: setting.standard,
                origin: origins[setting.name] ?? .standard, meaning: setting.meaning)
        }
    }

    private static func isOurs(_ name: String) -> Bool {
        name == "DATABASE_URL" || name == "DATABASE_URL_FILE" || name.hasPrefix("HALLPASS_")
    }

    /// Takes a setting out of what is given: the text itself, or for a secret the file that holds it.
    private static func text(
        of setting: Setting, _ given: inout [String: (text: String, origin: Origin)], _ lines: inout [String]
    ) -> (String, Origin)? {
        let direct = given.removeValue(forKey: setting.name)
        guard setting.isSecret, let (path, origin) = given.removeValue(forKey: "\(setting.name)_FILE"), !path.isEmpty
        else {
            return direct
        }
        if direct != nil {
            lines.append("\(setting.name): given twice, as itself and as \(setting.name)_FILE; leave one out")
            return nil
        }
        do {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            return (text.trimmingCharacters(in: .whitespacesAndNewlines), origin)
        } catch {
            lines.append("\(setting.name)_FILE: \(path) cannot be read; name a file that this user can read")
            return nil
        }
    }

    private static func read(_ path: String, _ lines: inout [String]) -> [(String, String)] {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            lines.append("--config: \(path) cannot be read; name a file of NAME=value lines")
            return []
        }
        var pairs: [(String, String)] = []
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.trimmingCharacters(in: .whitespaces)
            if line.isEmpty || line.hasPrefix("#") || line.hasPrefix(";") { continue }
            guard let equals = line.firstIndex(of: "="), isOurs(String(line[..<equals])) else {
                lines.append("\(path):\(number + 1): not a line of the form HALLPASS_NAME=value")
                continue
            }
            var value = line[line.index(after: equals)...]
            if value.count >= 2, let quote = value.first, quote == "\"" || quote == "'", value.last == quote {
                value = value.dropFirst().dropLast()
            }
            pairs.append((String(line[..<equals]), String(value)))
        }
        return pairs
    }

    /// Tokens and personal data travel in the clear without TLS: a public address needs it in front.
    private static func checkListening(_ configuration: Configuration, _ lines: inout [String]) {
        guard !configuration.hasTLSInFront,
            let address = try? SocketAddress(parsing: configuration.listen),  // checked above
            !address.isLoopback
        else { return }
        lines.append(
            "HALLPASS_LISTEN: \(configuration.listen) can be reached from other machines, and Hallpass speaks no TLS; "
                + "put a proxy with TLS in front and set HALLPASS_TLS_IN_FRONT=on, or listen on 127.0.0.1")
    }
}
