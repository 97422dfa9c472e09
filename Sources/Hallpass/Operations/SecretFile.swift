import Foundation
import Glibc

/// A secret of the service in a file of its own, mode 0600: written whole and renamed into place.
enum SecretFile {
    /// The secret in the file; nil when there is no file.
    /// - Throws: when it cannot be read.
    static func read(_ path: String) throws(StartError) -> String? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do {
            let text = try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
            if text.isEmpty { throw StartError("\(path) is empty; remove it, and the next start makes a new one") }
            return text
        } catch let error as StartError {
            throw error
        } catch {
            throw StartError("\(path) cannot be read; give it back to the user that runs hallpass (mode 0600)")
        }
    }

    static func write(_ text: String, to path: String) throws(StartError) {
        do throws(WholeFile.Failure) {
            try WholeFile.write(Array("\(text)\n".utf8), to: path, mode: 0o600)
        } catch {
            throw StartError("\(path) cannot be written: \(error); make its folder writable, with room on the disk")
        }
    }
}

/// Why the service or a command cannot start: one line that says what to do.
public struct StartError: Error, Sendable, CustomStringConvertible {
    public var description: String

    init(_ description: String) { self.description = description }
}
