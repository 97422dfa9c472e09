import Foundation
import Logging

/// Where log lines go: one line an event on stderr, text on a terminal, JSON elsewhere.
enum LogSetup {
    static func logger(_ configuration: Configuration) -> Logger {
        let isText = configuration.logFormat.map { $0 == "text" } ?? (isatty(STDERR_FILENO) == 1)
        var logger = Logger(label: "hallpass") { _ in LineLog(isText: isText) }
        logger.logLevel = Logger.Level(rawValue: configuration.logLevel) ?? .info
        return logger
    }
}

/// Writes each event as one line, whole, with one call.
struct LineLog: LogHandler {
    /// Members whose values are numbers in JSON, for those who add them up.
    private static let numbers: Set<String> = ["status", "bytes", "ms", "seconds", "count", "lines", "code"]

    let isText: Bool
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let members = self.metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        var line: [UInt8]
        if isText {
            let fields = members.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }.joined()
            line = Array(
                "\(Instant.format(Date())) \(event.level.rawValue.uppercased()) \(event.message)\(fields)".utf8)
        } else {
            var writer = JSONWriter()
            writer.object { writer in
                writer.member("at", Instant.format(Date()))
                writer.member("level", event.level.rawValue)
                writer.member("message", "\(event.message)")
                for member in members {
                    writer.name(dynamic: member.key)
                    let text = "\(member.value)"
                    if Self.numbers.contains(member.key), Double(text) != nil, text.utf8.allSatisfy(Self.isDecimal) {
                        writer.raw(text)
                    } else {
                        writer.string(text)
                    }
                }
            }
            line = writer.bytes
        }
        line = line.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 } + [0x0A]
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private static func isDecimal(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || byte == 0x2E || byte == 0x2D
    }

    private static func quoted(_ text: String) -> String {
        text.contains(" ") || text.isEmpty ? "\"\(text.replacing("\"", with: "'"))\"" : text
    }
}
