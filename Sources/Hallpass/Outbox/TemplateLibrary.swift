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
        + WithdrawnTemplate.all + DigestTemplate.all + SharedPieces.all

    private let library: MustacheLibrary

    /// - Throws: `StartError` with file and line for a template that is not proper mustache.
    init(folder: String?) throws(StartError) {
        var templates: [String: MustacheTemplate] = [:]
        for source in Self.builtIn {
            templates[source.key] = try Self.parse(source.text, source.part, named: "built-in \(source.key)")
        }
        if let folder {
            for (source, path) in try Self.files(in: folder) {
                templates[source.key] = try Self.parse(source.text, source.part, named: path)
            }
        }
        library = MustacheLibrary(templates: templates)
    }

    func render(_ name: String, _ part: TemplateSource.Part, _ values: [String: Any]) -> String {
        library.render(values, withTemplate: "\(name).\(part.rawValue)") ?? ""
    }

    /// Text is not HTML: nothing is escaped in it.
    private static func parse(
        _ text: String, _ part: TemplateSource.Part, named name: String
    ) throws(StartError) -> MustacheTemplate {
        do {
            return try MustacheTemplate(string: part == .html ? text : "{{% CONTENT_TYPE:TEXT}}" + text)
        } catch let error as MustacheTemplate.ParserError {
            throw StartError(
                "\(name):\(error.context.lineNumber): not proper mustache: \(error.error); correct or remove it")
        } catch {
            throw StartError("\(name): not proper mustache: \(error); correct or remove it")
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
        for name in names where name.hasSuffix(".mustache") {
            let path = "\(folder)/\(name)"
            let key = String(name.dropLast(".mustache".count))
            guard let known = builtIn.first(where: { $0.key == key }) else {
                let nearest =
                    Suggestion.nearest(to: key, among: builtIn.map(\.key)).map { "; did you mean \($0).mustache?" }
                    ?? ""
                throw StartError("\(path): no mail has such a part\(nearest)")
            }
            guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8)
            else {
                throw StartError("\(path) cannot be read as UTF-8")
            }
            files.append((TemplateSource(name: known.name, part: known.part, text: text), path))
        }
        return files
    }
}
