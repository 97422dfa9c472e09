import Sockets
import Testing

@Suite("Ranges of addresses")
struct AddressRangeTests {
    @Test("a range holds the addresses that share its prefix, whichever way they are written")
    func contains() throws {
        let cases: [(String, String, Bool)] = [
            ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.1.2.3", "10.1.2.3", true),
            ("10.1.2.3", "10.1.2.4", false), ("0.0.0.0/0", "1.2.3.4", true), ("0.0.0.0/0", "::1", false),
            ("192.168.1.128/25", "192.168.1.127", false), ("192.168.1.128/25", "192.168.1.200", true),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true), ("::1", "0:0:0:0:0:0:0:1", true), ("::1", "::2", false),
            ("2001:db8::/33", "2001:DB8:7fff::", true), ("2001:db8::/33", "2001:db8:8000::", false),
            ("::/0", "10.0.0.1", true),
            ("unix", "unix", true), ("unix", "127.0.0.1", false), ("127.0.0.1", "unix", false),
            ("0.0.0.0/0", "", false),
            ("10.0.0.0/8", "10.0.0.1:80", false), ("10.0.0.0/8", "010.0.0.1", false),
        ]
        for (range, host, isInside) in cases {
            #expect(try AddressRange(parsing: range).contains(host) == isInside, "\(host) in \(range)")
        }
    }

    @Test("what is no range is refused")
    func refused() {
        for text in [
            "", "a", "10.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "::/129", "10.0.0.1/8",
            "::1/127 ",
            "2001:db8::1/32", "localhost", "10.0.0.0/+8", "unix:/a",
        ] {
            #expect(throws: SocketError.self, "\(text)") { try AddressRange(parsing: text) }
        }
    }
}
