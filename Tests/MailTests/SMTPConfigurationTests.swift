import Testing

@testable import Mail

@Suite("SMTP addresses")
struct SMTPConfigurationTests {
    @Test("a URL says where, who, how, and under which name")
    func parts() throws {
        let plain = try #require(SMTPConfiguration("smtp://mail.example"))
        #expect(plain.url == "smtp://mail.example:587" && plain.requiresTLS && plain.user == nil)
        let secure = try #require(
            SMTPConfiguration("smtps://me%40vendor.example:p%3A%2Fs@mail.example/hallpass.vendor.example"))
        #expect(secure.url == "smtps://mail.example:465/hallpass.vendor.example")
        #expect(secure.user == "me@vendor.example" && secure.password == "p:/s" && secure.method == nil)
        let token = try #require(SMTPConfiguration("smtp://me;AUTH=xoauth2:ya29@mail.example:2525"))
        #expect(token.url == "smtp://mail.example:2525" && token.user == "me" && token.password == "ya29")
        #expect(token.method == "XOAUTH2")
        #expect(SMTPConfiguration("smtp://bücher.example")?.url == "smtp://xn--bcher-kva.example:587")
    }

    @Test(
        "TLS may be missing only on the way to this machine",
        arguments: [
            ("smtp://127.0.0.1:25", false), ("smtp://127.9.9.9", false), ("smtp://[::1]:25", false),
            ("smtp://localhost", false),
            ("smtp://LOCALHOST:25", false), ("smtps://localhost", true), ("smtp://127.evil.example", true),
            ("smtp://127.0.0.1.evil.example", true), ("smtp://localhost.evil.example", true), ("smtp://[::2]", true),
            ("smtp://10.0.0.1", true), ("smtp://128.0.0.1", true),
        ])
    func loopback(url: String, requiresTLS: Bool) {
        #expect(SMTPConfiguration(url)?.requiresTLS == requiresTLS)
    }

    @Test(
        "what is no such URL is refused",
        arguments: [
            "", "mail.example", "http://mail.example", "smtp://", "smtp:///x", "smtp://h:0", "smtp://h:99999",
            "smtp://h:x",
            "smtp://u;AUTH=GUESS:p@h", "smtp://h?x=1", "smtp://h#x", "smtp://h/a/b", "smtp://h/a%20b",
        ])
    func refused(url: String) {
        #expect(SMTPConfiguration(url) == nil)
    }
}
