import Foundation
import Testing

// The house rules that a program can hold: the top level, the arrows between targets, the size of files, and the words
// that have no place in a source.

@Suite("House rules")
struct HouseRules {
    private let house = House()

    @Test("the top level shows six names and nothing else")
    func topLevel() throws {
        let visible = try FileManager.default.contentsOfDirectory(atPath: house.root.path)
            .filter { !$0.hasPrefix(".") && $0 != "Package.resolved" }
        let expected = ["Migrations", "Package.swift", "README.md", "Sources", "Tests", "docker-compose.yml"]
        #expect(visible.sorted() == expected)
    }

    @Test("no target imports what its arrows do not allow")
    func arrows() throws {
        let allowed: [String: Set<String>] = [
            "HTTPCore": ["HTTPTypes"],
            "Sockets": ["CLinux", "Foundation", "Glibc", "Synchronization", "Dispatch"],
            "HTTPServer": [
                "HTTPCore", "Sockets", "CZlib", "HTTPTypes", "Logging", "Foundation", "Glibc", "Synchronization",
            ],
            "Postgres": ["Sockets", "CLibpq", "Logging", "Foundation", "Glibc", "Synchronization"],
            "Mail": ["CCurl", "Foundation", "Glibc", "Synchronization"],
            "Integrations": ["Foundation"],
        ]
        for (target, modules) in allowed {
            for file in try house.swiftFiles(in: "Sources/\(target)") {
                for module in try house.imports(of: file) where !modules.contains(module) {
                    Issue.record("\(file.name) imports \(module), which is no arrow of \(target)")
                }
            }
        }
    }

    @Test("only the command line imports the argument parser, only the application the domain")
    func doors() throws {
        for file in try house.swiftFiles(in: "Sources") {
            let imports = try house.imports(of: file)
            if !file.name.hasPrefix("Sources/HallpassCLI/") {
                #expect(!imports.contains("ArgumentParser"), "\(file.name)")
            }
            if !file.name.hasPrefix("Sources/Hallpass") { #expect(!imports.contains("Integrations"), "\(file.name)") }
        }
    }

    @Test("no Swift file is longer than 350 lines")
    func sizes() throws {
        for file in try house.swiftFiles(in: "Sources") + house.swiftFiles(in: "Tests") {
            let lines = try house.lines(of: file)
            #expect(lines.count <= 350, "\(file.name) has \(lines.count) lines")
        }
    }

    @Test("no source traps, swallows errors, or calls itself unfinished")
    func words() throws {
        let banned = [
            "try!", " as! ", "TODO", "FIXME", "XXX", "for now", "simplified", "not implemented", "fatalError(\"",
        ]
        for file in try house.swiftFiles(in: "Sources") {
            for (index, line) in try house.lines(of: file).enumerated() {
                for word in banned where line.contains(word) {
                    Issue.record("\(file.name):\(index + 1) says \(word)")
                }
                if line.contains("try? "), !line.contains("//") {
                    Issue.record("\(file.name):\(index + 1) swallows an error without a reason beside it")
                }
            }
        }
    }

    @Test("no type is named for what it is not: Manager, Helper, Util, Base, Impl, Service")
    func names() throws {
        let suffixes = ["Manager", "Helper", "Helpers", "Util", "Utils", "Base", "Impl", "Service"]
        for file in try house.swiftFiles(in: "Sources") {
            let name = file.url.deletingPathExtension().lastPathComponent
            for suffix in suffixes where name.hasSuffix(suffix) { Issue.record("\(file.name) ends in \(suffix)") }
        }
    }

    @Test("the Migrations are numbered from 0001 without a gap, and say why at their top")
    func migrations() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: house.root.path + "/Migrations").sorted()
        #expect(!names.isEmpty)
        for (index, name) in names.enumerated() {
            #expect(name.hasPrefix(String(format: "%04d_", index + 1)) && name.hasSuffix(".sql"), "\(name)")
            let text = try String(contentsOfFile: house.root.path + "/Migrations/" + name, encoding: .utf8)
            #expect(text.hasPrefix("-- "), "\(name) does not say why at its top")
        }
    }
}
