import Foundation

/// The package's files, found from where this file lies.
struct House {
    struct File {
        /// Path from the top of the package.
        var name: String
        var url: URL
    }

    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    func swiftFiles(in folder: String) throws -> [File] {
        let start = root.appending(path: folder)
        guard let walker = FileManager.default.enumerator(atPath: start.path) else { return [] }
        return walker.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.sorted()
            .map { File(name: "\(folder)/\($0)", url: start.appending(path: $0)) }
    }

    func lines(of file: File) throws -> [Substring] {
        var lines = try String(contentsOf: file.url, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        return lines
    }

    func imports(of file: File) throws -> Set<String> {
        var modules: Set<String> = []
        for line in try lines(of: file) {
            let words = line.split(separator: " ")
            guard let index = words.firstIndex(of: "import"), index + 1 < words.count,
                words[..<index].allSatisfy({
                    ["public", "internal", "private", "package", "@testable", "@preconcurrency"].contains($0)
                })
            else { continue }
            let kinds: Set<Substring> = ["struct", "class", "enum", "func", "protocol", "typealias", "var", "let"]
            let name = kinds.contains(words[index + 1]) && index + 2 < words.count ? words[index + 2] : words[index + 1]
            modules.insert(String(name.split(separator: ".")[0]))
        }
        return modules
    }
}
