import Foundation
import Integrations
import Mustache

/// One part of a template, as it is written.
struct TemplateSource: Sendable {
    enum Part: String, Sendable, CaseIterable {
        case subject, text, html
    }

    var name: String
    var part: Part
    var text: String

    /// `approved.text`, as templates name one another.
    var key: String { "\(name).\(part.rawValue)" }
}

/// The templates of all mails, parsed once: the built-in ones, each part overridden by a file of the vendor's folder,
/// `NAME.PART.mustache`, where there is one.
struct TemplateLibrary: Sendable {
    static let builtIn: [TemplateSource] =
        ApprovedTemplate.all + ConfiguredTemplate.all + DeclinedTemplate.all + InfoRequestedTemplate.all
        + RescheduledTemplate.all + NewRequestTemplate.all + InfoProvidedTemplate.all + SetupCompletedTemplate.all
        + WithdrawnTemplate.all + DigestTemplate.all + TestTemplate.all + SharedPieces.all

    /// Names of whole mails, in their order.
    static let mails: [String] = builtIn.filter { $0.part == .subject }.map(\.name)

    private let library: MustacheLibrary
    /// Templates with more in them than a form can hold.
    private let formless: Set<String>

    /// - Throws: `StartError` with file and line for a template that cannot be.
    init(folder: String?) throws(StartError) {
        var sources: [String: (source: TemplateSource, path: String)] = [:]
        for source in Self.builtIn { sources[source.key] = (source, "built-in \(source.key)") }
        if let folder {
            for (source, path) in try Self.files(in: folder) { sources[source.key] = (source, path) }
        }
        var templates: [String: MustacheTemplate] = [:]
        for (key, (source, path)) in sources.sorted(by: { $0.key < $1.key }) {
            templates[key] = try Self.parse(source.text, source.part, named: path)
        }
        let check = TemplateCheck(sources)
        try check.run()
        formless = Set(Self.mails.filter { !check.hasForms($0) })
        library = MustacheLibrary(templates: templates)
    }

    func render(_ name: String, _ part: TemplateSource.Part, _ values: [String: Any]) -> String {
        library.render(values, withTemplate: "\(name).\(part.rawValue)") ?? ""
    }

    /// Whether a mail can be rendered by a form (`TextForm`).
    func hasForms(_ name: String) -> Bool { !formless.contains(name) }

    /// Text is not HTML: nothing is escaped in it.
    private static func parse(
        _ text: String, _ part: TemplateSource.Part, named name: String
    ) throws(StartError) -> MustacheTemplate {
        do {
            return try MustacheTemplate(string: part == .html ? text : "{{% CONTENT_TYPE:TEXT}}\n" + text)
        } catch let error as MustacheTemplate.ParserError {
            let line = error.context.lineNumber - (part == .html ? 0 : 1)
            throw StartError(
                "\(name):\(line): not proper mustache: \(words(for: error.error)); correct or remove it"
            )
        } catch {
            throw StartError("\(name): not proper mustache: \(error); correct or remove it")
        }
    }

    private static func words(for error: any Error) -> String {
        switch error {
        case MustacheTemplate.Error.sectionCloseNameIncorrect: "a section is closed by another name than opened it"
        case MustacheTemplate.Error.unfinishedName: "a tag is not closed"
        case MustacheTemplate.Error.expectedSectionEnd: "a section is not closed"
        default: "\(error)"
        }
    }

    private static func files(in folder: String) throws(StartError) -> [(TemplateSource, String)] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        } catch {
            throw StartError("HALLPASS_TEMPLATES: \(folder) cannot be read; name a folder of *.mustache files")
        }
        var files: [(TemplateSource, String)] = []
        for name in names where !name.hasPrefix(".") {
            let path = "\(folder)/\(name)"
            guard name.hasSuffix(".mustache") else {
                // A README may lie there; a template whose name is only nearly right must not be passed over in silence.
                if let meant = nearest(to: name) ?? nearest(to: (name as NSString).deletingPathExtension) {
                    throw StartError("\(path): no mail has such a part; did you mean \(meant).mustache?")
                }
                continue
            }
            let key = String(name.dropLast(".mustache".count))
            guard let known = builtIn.first(where: { $0.key == key }) else {
                let meant = nearest(to: key).map { "; did you mean \($0).mustache?" } ?? ""
                throw StartError("\(path): no mail has such a part\(meant)")
            }
            guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8)
            else { throw StartError("\(path) cannot be read as UTF-8") }
            files.append((TemplateSource(name: known.name, part: known.part, text: text), path))
        }
        return files
    }

    private static func nearest(to name: String) -> String? { Suggestion.nearest(to: name, among: builtIn.map(\.key)) }
}
