import Testing

@testable import Mail

@Suite("E-mail addresses")
struct EmailAddressTests {
    private static func letters(_ count: Int) -> String { String(repeating: "a", count: count) }

    @Test(
        "these are good",
        arguments: [
            "a@b", "lee@demo.k12.ca.us", "first.last+tag@example.org", "!#$%&'*+-/=?^_`{|}~@example.org",
            #""john doe"@example.org"#, #""a@b\"c"@example.org"#, "zoë@example.org", "info@bücher.example", "用户@例え.テスト",
            "a@xn--bcher-kva.example", "1@1.example", "a@\(letters(63)).example", "\(letters(64))@example.org",
            "\(letters(64))@\(letters(63)).\(letters(63)).\(letters(61))",
        ])
    func good(address: String) {
        #expect(EmailAddress.offence(in: address) == nil)
    }

    @Test(
        "these are not",
        arguments: [
            "", "@", "a@", "@b", "a", "a@b@c", "a b@c", ".a@b", "a.@b", "a..b@c", "a@.b", "a@b.", "a@b..c", "a@-b",
            "a@b-", "a@b_c",
            "a@b c", "a\r\n@b", "a@b\r\nBcc: c", "<a@b>", "a@b>", "a,b@c", #""a"b"@c"#, #""a\"@c"#, #"""@c"#,
            "\"a\r\"@c", "\"\u{85}\"@c",
            "a\u{200B}b@c", "a\u{202E}b@c", "a\u{A0}b@c", "a@[127.0.0.1]", "a@\(letters(64)).example",
            "\(letters(65))@b",
            "a@\(letters(63)).\(letters(63)).\(letters(63)).\(letters(63))",
            "\(letters(64))@\(letters(63)).\(letters(63)).\(letters(62))",
            "a@" + String(repeating: "ü", count: 62) + ".example", "a@٣-.test",
        ])
    func bad(address: String) {
        #expect(EmailAddress.offence(in: address) != nil)
    }

    @Test("an internationalised domain travels in ASCII, a local part as it is")
    func wireForm() {
        #expect(EmailAddress.wireForm("Lee@BÜCHER.example") == "Lee@xn--bcher-kva.example")
        #expect(EmailAddress.wireForm("zoë@faß.de") == "zoë@xn--fa-hia.de")
        #expect(EmailAddress.wireForm("Lee@Demo.Example") == "Lee@Demo.Example")
        #expect(EmailAddress.wireForm(#""a@b"@bücher.example"#) == #""a@b"@xn--bcher-kva.example"#)
        #expect(EmailAddress.needsSMTPUTF8("zoë@b.example"))
        #expect(!EmailAddress.needsSMTPUTF8("zoe@bücher.example"))
    }
}
