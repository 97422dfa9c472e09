import Foundation
import Synchronization

/// Renders whole mails: by forms, which are made as shapes come up, and by mustache itself where a form cannot be.
final class TemplateForms: Sendable {
    struct Parts: Sendable, Equatable {
        /// In one line.
        var subject: String
        var text: String
        var html: String
    }

    private struct MailForm: Sendable {
        var subject: TextForm
        var text: TextForm
        var html: TextForm
    }

    /// Forms that are kept; most services need a dozen.
    private static let formLimit = 200
    /// Texts of one mail. Beyond it shapes hardly come again: a mail of many lines, or a long digest.
    private static let textLimit = 100

    private let library: TemplateLibrary
    private let brand: TemplateValues
    private let forms = Mutex<[[UInt8]: MailForm?]>([:])

    /// - Parameter brand: what every mail has, always the same.
    init(_ library: TemplateLibrary, brand: TemplateValues) {
        self.library = library
        self.brand = brand
    }

    func render(_ template: String, _ values: TemplateValues) -> Parts {
        guard library.hasForms(template) else { return plain(template, values) }
        // The subject, which is known last, has the first place.
        var texts = [""]
        var shape = Array(template.utf8)
        shape.append(0)
        values.describe(shape: &shape, texts: &texts)
        guard texts.count <= Self.textLimit else { return plain(template, values) }
        guard let form = forms.withLock({ $0[shape] }) ?? newForm(template, values, shape, texts: texts.count) else {
            return plain(template, values)
        }
        texts[0] = Self.line(form.subject.filled(texts))
        return Parts(subject: texts[0], text: form.text.filled(texts), html: form.html.filled(texts))
    }

    /// As mustache renders it.
    func plain(_ template: String, _ values: TemplateValues) -> Parts {
        var values = values.dictionary().merging(brand.dictionary()) { own, _ in own }
        let subject = Self.line(library.render(template, .subject, values))
        values["subject"] = subject
        values["preview"] = subject
        return Parts(
            subject: subject, text: library.render(template, .text, values),
            html: library.render(template, .html, values))
    }

    private func newForm(_ template: String, _ values: TemplateValues, _ shape: [UInt8], texts: Int) -> MailForm? {
        var last = 0
        let marked = values.dictionary { _ in
            last += 1
            return TextForm.mark(last)
        }
        var values = marked.merging(brand.dictionary()) { own, _ in own }
        let subject = TextForm(library.render(template, .subject, values), texts: texts)
        values["subject"] = TextForm.mark(0)
        values["preview"] = TextForm.mark(0)
        let text = TextForm(library.render(template, .text, values), texts: texts)
        let html = TextForm(library.render(template, .html, values), texts: texts)
        var form: MailForm?
        if let subject, let text, let html { form = MailForm(subject: subject, text: text, html: html) }
        forms.withLock { forms in
            if forms.count >= Self.formLimit { forms.removeAll() }
            forms[shape] = .some(form)
        }
        return form
    }

    /// Text in one line, without white space around it.
    private static func line(_ text: String) -> String {
        if isLine(text) { return text }
        return text.split(whereSeparator: \.isNewline).joined(separator: " ").trimmingCharacters(in: .whitespaces)
    }

    /// Whether it surely is one already: no control, nothing that begins as a line break beyond ASCII does, and ASCII at
    /// both ends.
    private static func isLine(_ text: String) -> Bool {
        guard let first = text.utf8.first, let last = text.utf8.last else { return true }
        let ends: ClosedRange<UInt8> = 0x21...0x7E
        return ends.contains(first) && ends.contains(last)
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0xC2 && $0 != 0xE2 }
    }
}
