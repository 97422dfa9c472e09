internal import Foundation

/// PostgreSQL's server programs of one major version.
struct ClusterPrograms {
    /// The folder that holds `initdb` and `postgres`.
    let folder: String
    /// `15`.
    let major: String

    var initdb: String { folder + "/initdb" }
    var postgres: String { folder + "/postgres" }

    /// All that are installed, newest first: Debian's folders, then PATH, then what pg_config says.
    static func installed() -> [ClusterPrograms] {
        let debian = "/usr/lib/postgresql"
        let versions = try? FileManager.default.contentsOfDirectory(atPath: debian)  // no such folder, no such programs
        var folders = (versions ?? [])
            .compactMap { Int($0) }.sorted(by: >).map { "\(debian)/\($0)/bin" }
        let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        folders += path
        for folder in path where isProgram(folder + "/pg_config") {
            if let outcome = Command([folder + "/pg_config", "--bindir"]).run(), outcome.status == 0 {
                folders.append(outcome.lastLine)
            }
            break
        }
        var found: [ClusterPrograms] = []
        for folder in folders where !found.contains(where: { $0.folder == folder }) {
            if let programs = ClusterPrograms(folder: folder) { found.append(programs) }
        }
        return found
    }

    private init?(folder: String) {
        guard Self.isProgram(folder + "/initdb"), Self.isProgram(folder + "/postgres"),
            let outcome = Command([folder + "/postgres", "--version"]).run(), outcome.status == 0
        else { return nil }
        // "postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"
        let words = outcome.lastLine.split(separator: " ")
        guard words.count >= 3 else { return nil }
        let major = words[2].prefix { $0.isNumber }
        guard !major.isEmpty else { return nil }
        self.folder = folder
        self.major = String(major)
    }

    private static func isProgram(_ path: String) -> Bool {
        access(path, X_OK) == 0
    }
}
