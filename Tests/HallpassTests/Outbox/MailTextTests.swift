import Foundation
import Integrations
import Testing

@testable import Hallpass

@Suite("What the e-mails say")
struct MailTextTests {
    private static func samples(_ change: (inout Configuration) -> Void = { _ in }) throws -> [MailSamples.Sample] {
        var configuration = Configuration()
        configuration.vendorName = "Acme & Sons"
        change(&configuration)
        let samples = MailSamples(
            try MailComposer(configuration), configuration, now: Instant.parse("2026-11-23T18:00:00.000Z") ?? Date())
        return try TemplateLibrary.mails.flatMap { try samples.samples(of: $0) }
    }

    private static func sample(_ name: String) throws -> ComposedMail {
        try #require(try samples().first { $0.name == name }).mail
    }

    @Test("there is a sample of each mail of the domain, and of the digest and the test")
    func complete() throws {
        let templates = Set(try Self.samples().map(\.mail.template))
        #expect(templates == Set(MailTemplate.allCases.map(\.rawValue) + ["digest", "test"]))
        #expect(Set(TemplateLibrary.mails) == templates)
    }

    @Test("approved: what was approved, a link each, when, what then, whom to answer")
    func approved() throws {
        let mail = try Self.sample("approved")
        #expect(mail.subject == "Approved: SSO and rostering for Demo District")
        for part in [mail.text, mail.html.replacing("&amp;", with: "&")] {
            #expect(part.contains("district=4fd43cc56d11340000000005&integration=sso"))
            #expect(part.contains("district=4fd43cc56d11340000000005&integration=rostering"))
            #expect(part.contains("Tuesday, December 1, 2026"))
            #expect(part.contains("amy@vendor.example"))
            #expect(part.contains("the same sharing rules"))
            #expect(part.contains("we recommend sharing by section"))
            #expect(part.contains("Teachers cannot import rosters before that one"))
        }
        #expect(mail.text.contains("    Welcome! Call me if anything is unclear.\n    \n    Amy\n"))
        let alone = try Self.sample("approved-sso")
        #expect(alone.text.contains("There is no launch date to wait for"))
        #expect(!alone.text.contains("integration=rostering"))
    }

    @Test("configured: for rostering, that teachers can now import rosters")
    func configured() throws {
        let mail = try Self.sample("configured")
        #expect(mail.subject == "Teachers can now import rosters: Demo District")
        #expect(mail.text.contains("teachers can now import rosters"))
    }

    @Test("the text part is complete by itself, tidy, and not HTML")
    func text() throws {
        for sample in try Self.samples() {
            let text = sample.mail.text
            #expect(!text.contains("\n\n\n"), "\(sample.name)")
            #expect(!text.contains("{{") && !text.contains("&amp;") && !text.contains("<"), "\(sample.name)")
            #expect(text.contains("Acme & Sons"), "\(sample.name)")
            #expect(sample.mail.subject.count <= 78 && !sample.mail.subject.isEmpty, "\(sample.name)")
        }
    }

    @Test("the HTML part loads nothing, knows the dark, and fits a phone")
    func html() throws {
        for sample in try Self.samples() {
            let html = sample.mail.html
            for remote in ["<img", "<link", "<script", "src=", "url(", "@import", "http-equiv"] {
                #expect(!html.contains(remote), "\(sample.name) has \(remote)")
            }
            #expect(
                html.contains("prefers-color-scheme: dark") && html.contains("width=device-width"), "\(sample.name)")
            #expect(html.contains("Acme &amp; Sons") && !html.contains("Acme & Sons"), "\(sample.name)")
            #expect(!html.contains("{{"), "\(sample.name)")
        }
    }

    @Test("what people type stays text: no tag, no field, no line of ours")
    func typed() async throws {
        try await TestApplication.run { test in
            let client = test.client()
            let evil = #"<b>X</b>\r\nBcc: x@evil.example\r\n{{vendor}}"#
            let made = try await client.post(
                "/v1/requests",
                """
                {"kind":"sso","district":{"name":"<i>D</i> & {{vendor}}","state":"CA"},
                 "requester":{"name":"Lee \\"<Park>\\", Jr.","email":"lee@demo.k12.ca.us"}}
                """)
            let id = made["id"]?.string ?? ""
            let declined = try await client.post("/v1/requests/\(id)/decline", #"{"reason":"\#(evil)"}"#)
            #expect(declined.status == 200)
            try await test.deliverMail()
            let mail = try #require(test.mailbox.delivered.first { $0.recipient == "lee@demo.k12.ca.us" }).text
            let head = mail.prefix(upTo: try #require(mail.firstRange(of: "\r\n\r\n")).lowerBound)
            #expect(!head.contains("\r\nBcc:"))
            #expect(head.contains(#"To: "Lee \"<Park>\", Jr." <lee@demo.k12.ca.us>"#))
            let body = mail.replacing("=\r\n", with: "").replacing("=3D", with: "=")
            #expect(body.contains("&lt;b&gt;X&lt;/b&gt;<br>"))
            #expect(body.contains("    <b>X</b>\r\n    Bcc: x@evil.example\r\n    {{vendor}}\r\n"))
            #expect(body.contains("&lt;i&gt;D&lt;/i&gt; &amp; {{vendor}}"))
        }
    }

    @Test("the brand comes from the settings, and can be read whatever its colour")
    func brand() throws {
        let mail = try #require(
            try Self.samples {
                $0.brandColor = "#ffe000"
                $0.logoText = "ACME"
                $0.mailSignature = "Amy\nAcme, Springfield"
            }.first
        ).mail
        #expect(mail.html.contains("background:#ffe000") && mail.html.contains("color:#111111"))
        #expect(!mail.html.contains(#"style="color:#ffe000"#))
        #expect(mail.html.contains("ACME</td>") && mail.html.contains("Amy<br>Acme, Springfield"))
        #expect(mail.text.hasSuffix("Amy\nAcme, Springfield\n"))
    }

    @Test(
        "a day is named right",
        arguments: [
            ("2026-11-23", "Monday, November 23, 2026"), ("2024-02-29", "Thursday, February 29, 2024"),
            ("2027-01-01", "Friday, January 1, 2027"), ("2000-03-01", "Wednesday, March 1, 2000"),
        ])
    func days(date: String, words: String) throws {
        #expect(MailValues.words(try #require(CalendarDate(date))) == words)
    }
}
