import Foundation

/// Python's standard library as an independent judge and partner: scripts of `Tests/TestSupport/Python`.
public enum Python {
    public struct Failure: Error, CustomStringConvertible {
        public var description: String
    }

    static func path(of script: String) -> String {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Python/\(script)").path
    }

    /// Runs a script to its end, on a thread of its own. - Returns: what it wrote to stdout.
    public static func run(_ script: String, _ arguments: [String] = [], input: [UInt8]) async throws -> [UInt8] {
        try await TestCluster.onThread {
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments = ["python3", path(of: script)] + arguments
            let (stdin, stdout) = (Pipe(), Pipe())
            process.standardInput = stdin
            process.standardOutput = stdout
            try process.run()
            Thread.detachNewThread {
                try? stdin.fileHandleForWriting.write(contentsOf: Data(input))
                try? stdin.fileHandleForWriting.close()
            }
            let output = stdout.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            guard process.terminationStatus == 0 else {
                throw Failure(description: "\(script) exited with \(process.terminationStatus)")
            }
            return [UInt8](output)
        }
    }
}
