import Foundation
import Integrations
import TestSupport
import Testing

@testable import Hallpass

@Suite("Mails rendered by forms")
struct TemplateFormsTests {
    /// Texts that a careless hand would get wrong.
    private static let texts = [
        "Demo District", "<b>&\"'</b>", "Ünïcödé 学区 🏫", "", "{{vendor}} {{{district}}}", "a\nb\r\nc", "%0 $1 \\(0) 1<2",
        "\u{1}1<\u{2}", "e\u{301}\u{200D}", " \t ",
    ]

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.vendorName = "Acme & Sons"
        configuration.mailSignature = "Amy\nand <Bob>"
        return configuration
    }

    private static func forms(_ folder: String? = nil) throws -> TemplateForms {
        TemplateForms(try TemplateLibrary(folder: folder), brand: MailValues.brand(configuration))
    }

    private static func folder(_ files: [String: String]) throws -> String {
        let folder = TestCluster.newFolder()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (name, text) in files { try text.write(toFile: "\(folder)/\(name)", atomically: true, encoding: .utf8) }
        return folder
    }

    /// The values of every mail of the samples' stories, with other texts in them, and with what may be absent absent.
    private static func mails() throws -> [(template: String, values: TemplateValues)] {
        let now = try #require(Instant.parse("2026-11-23T18:00:00.000Z"))
        let samples = MailSamples(try MailComposer(configuration), configuration, now: now)
        var mails: [(String, TemplateValues)] = []
        for (number, text) in texts.enumerated() {
            for (notice, sample) in try samples.notices() {
                let isBare = number.isMultiple(of: 2)
                var value = sample
                value.district.name = text
                if isBare {
                    (value.district.cleverID, value.district.state, value.district.accountManager) = (nil, nil, nil)
                }
                let requests = notice.requestIDs.compactMap { value.request($0) }.map {
                    var request = $0
                    request.requester = Requester(name: text, email: "o'neil@x.example", title: isBare ? nil : text)
                    if isBare { request.launch.date = nil }
                    return request
                }
                var other = notice
                other.message = isBare ? nil : text
                let values = MailValues(
                    setupLink: SetupLink("https://x.example/{district}?a=1&kind={kind}"), notice: other, value: value,
                    requests: requests, now: now)
                mails.append((notice.template.rawValue, values.all))
            }
            let section = DigestReport.Section(
                heading: text, short: text, count: number * 3, rows: (0..<number).map { ("\($0) \(text)", text) })
            mails.append(
                ("digest", ["day": .text(text), "headline": .text(text), "sections": .list([section.values])]))
            mails.append(("test", ["to_account_manager": .flag]))
        }
        return mails
    }

    @Test("every mail is, to the octet, what mustache makes of it, the first time and from then on")
    func same() throws {
        let forms = try Self.forms()
        let library = try TemplateLibrary(folder: nil)
        let mails = try Self.mails()
        #expect(Set(mails.map(\.template)) == Set(TemplateLibrary.mails))
        #expect(TemplateLibrary.mails.allSatisfy { library.hasForms($0) })
        for _ in 1...2 {
            for (template, values) in mails {
                let (filled, plain) = (forms.render(template, values), forms.plain(template, values))
                #expect(Self.octets(filled) == Self.octets(plain), "\(template)")
            }
        }
    }

    private static func octets(_ parts: TemplateForms.Parts) -> [[UInt8]] {
        [parts.subject, parts.text, parts.html].map { Array($0.utf8) }
    }

    @Test(
        "the vendor's own are rendered by forms where they only put texts in",
        arguments: [
            "{{kinds}} {{{district}}} {{&vendor}}{{! a (note) }}",
            "{{#message}}\n{{>message.text}}\n{{/message}}\n{{^message}}none{{/message}}{{subject}}",
            "{{#requests}}{{number}}. {{title}}{{^last()}}, {{/last()}}{{#first()}}!{{/first()}}{{index()}}{{/requests}}",
            "{{#district}}{{.}}{{/district}}{{district.name}}",
        ])
    func own(template: String) throws {
        try check(template, hasForms: true)
    }

    @Test(
        "the vendor's own that look into texts are rendered by mustache",
        arguments: [
            "{{uppercased(district)}} {{capitalized(kinds)}}", "{{#empty(district)}}empty{{/empty(district)}}",
            "{{#requests}}{{#even(number)}}even{{/even(number)}}{{plusone(number)}}{{/requests}}",
            "{{#sorted(message_lines)}}{{.}}{{/sorted(message_lines)}}{{=<% %>=}}<% district %>",
            "  {{>message.text}}", "{{<about.text}}{{$x}}{{district}}{{/x}}{{/about.text}}",
        ])
    func ownBeyond(template: String) throws {
        try check(template, hasForms: false)
    }

    private func check(_ template: String, hasForms: Bool) throws {
        let folder = try Self.folder([
            "new_request.text.mustache": template, "foot.html.mustache": "<i>{{vendor}}</i>\n",
        ])
        let forms = try Self.forms(folder)
        #expect(try TemplateLibrary(folder: folder).hasForms("new_request") == hasForms)
        for _ in 1...2 {
            for (template, values) in try Self.mails() {
                let (filled, plain) = (forms.render(template, values), forms.plain(template, values))
                #expect(Self.octets(filled) == Self.octets(plain), "\(template)")
            }
        }
    }

    @Test("a mail of very many lines is rendered all the same")
    func long() throws {
        let forms = try Self.forms()
        let values: TemplateValues = ["message": .flag, "message_lines": .lines((1...300).map { "line \($0) <" })]
        let parts = forms.render("declined", values)
        #expect(parts == forms.plain("declined", values))
        #expect(parts.html.contains("line 300 &lt;"))
    }

    @Test("a sign of HTML's is escaped even with an accent on it")
    func accent() throws {
        let values: TemplateValues = ["district": .text("a<\u{301}b\"\u{301}c"), "kinds": .text("SSO")]
        #expect(try Self.forms().render("new_request", values).html.contains("a&lt;\u{301}b&quot;\u{301}c"))
    }

    @Test(
        "the setup link is filled in",
        arguments: [
            ("https://x/{district}/{kind}", "abc", "https://x/abc/sso"), ("https://x/{district}", nil, nil),
            ("https://x/?{kind}&{other}", nil, "https://x/?sso&{other}"), ("{kind}{district}{kind}", "a", "ssoasso"),
            ("https://x/{", "a", "https://x/{"),
        ] as [(String, String?, String?)])
    func setupLink(pattern: String, cleverID: String?, url: String?) {
        #expect(SetupLink(pattern).url(cleverID: cleverID, .sso) == url)
    }
}
