import Foundation
import TestSupport
import Testing

@testable import Hallpass

@Suite("The vendor's own templates")
struct TemplateLibraryTests {
    private static func folder(_ files: [String: String]) throws -> String {
        let folder = TestCluster.newFolder()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (name, text) in files { try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8) }
        return folder
    }

    private static func complaint(_ files: [String: String]) throws -> String? {
        let folder = try folder(files)
        do {
            _ = try TemplateLibrary(folder: folder)
            return nil
        } catch {
            return "\(error)".replacing(folder, with: "F")
        }
    }

    @Test("one part is overridden, and the others stay")
    func override() throws {
        let folder = try Self.folder(["declined.subject.mustache": "No: {{kinds}}\n", "foot.text.mustache": "Bye\n"])
        let (own, builtIn) = (try TemplateLibrary(folder: folder), try TemplateLibrary(folder: nil))
        let values: [String: Any] = ["kinds": "SSO & rostering", "district": "D"]
        #expect(own.render("declined", .subject, values) == "No: SSO & rostering\n")
        #expect(own.render("declined", .text, values).hasSuffix("Bye\n"))
        #expect(own.render("declined", .html, values) == builtIn.render("declined", .html, values))
        #expect(own.render("approved", .subject, values) == builtIn.render("approved", .subject, values))
    }

    @Test(
        "a broken one is refused with file and line",
        arguments: [
            ("declined.html.mustache", "a\nb\n{{#message}}x{{/mesage}}\n", "F/declined.html.mustache:3:"),
            ("declined.text.mustache", "a\n{{#message}}x{{/mesage}}\n", "F/declined.text.mustache:2:"),
            ("declined.subject.mustache", "{{kinds", "F/declined.subject.mustache:1:"),
            (
                "approved.text.mustache", "a\n\n{{distrct}}",
                "F/approved.text.mustache:3: no mail has a value named distrct; did you mean district?"
            ),
            (
                "approved.html.mustache", "{{>head.html}}\n{{>food.html}}",
                "F/approved.html.mustache:2: there is no piece named food.html; did you mean foot.html?"
            ),
            (
                "foot.text.mustache", "x\n{{>foot.text}}",
                "F/foot.text.mustache:2: {{>foot.text}} takes this template into itself"
            ),
            (
                "aproved.text.mustache", "x",
                "F/aproved.text.mustache: no mail has such a part; did you mean approved.text.mustache?"
            ),
            ("approved.html", "x", "F/approved.html: no mail has such a part; did you mean approved.html.mustache?"),
            (
                "digest.txt.mustache", "x",
                "F/digest.txt.mustache: no mail has such a part; did you mean digest.text.mustache?"
            ),
        ])
    func broken(name: String, text: String, start: String) throws {
        let complaint = try #require(try Self.complaint([name: text]))
        #expect(complaint.hasPrefix(start), "\(complaint)")
    }

    @Test("what is no template may lie beside them")
    func beside() throws {
        #expect(try Self.complaint(["README.md": "x", ".gitignore": "x"]) == nil)
    }

    @Test("a folder that is not there is refused by the setting's name")
    func noFolder() {
        #expect(throws: StartError.self) { try TemplateLibrary(folder: "/nowhere/templates") }
    }

    @Test(
        "every value that the built-in templates name is one that a mail has, and sections, transforms and comments are read"
    )
    func names() throws {
        _ = try TemplateLibrary(folder: nil)
        let text =
            "{{! note }}{{#requests}}{{^last()}}{{kind}}{{/last()}}{{&title}}{{{ title }}}{{/requests}}{{#count(rows)}}{{/count(rows)}}"
        #expect(try Self.complaint(["digest.text.mustache": text]) == nil)
    }
}
