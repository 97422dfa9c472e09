import HTTPCore

/// Heads that must not get in, each with the refusal that is meant for it.
enum RefusedHeads {
    struct Fixture {
        var text: String
        var failure: ParseFailure

        init(_ text: String, _ failure: ParseFailure) {
            self.text = text
            self.failure = failure
        }
    }

    static let all = lines + targets + requestLines + fields + hosts + framing

    /// Line ends (RFC 9112 §2.2): a line feed alone, a carriage return alone, both the wrong way round.
    private static let lines: [Fixture] = [
        .init("GET / HTTP/1.1\nHost: a\n\n", .malformed("a line feed without its carriage return")),
        .init("GET / HTTP/1.1\r\nHost: a\n\r\n", .malformed("a line feed without its carriage return")),
        .init("GET / HTTP/1.1\r\nHost: a\r\n\n", .malformed("a line feed without its carriage return")),
        .init("GET / HTTP/1.1\nHost: a\r\n\r\n", .malformed("a line feed without its carriage return")),
        .init("GET / HTTP/1.1\r\nHost: a\r\nX: 1\nY: 2\r\n\r\n", .malformed("a line feed without its carriage return")),
        .init("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", .malformed("a field value holds a control character")),
        .init("GET / HTTP/1.1\r\nHost: a\r\nX: 1\rY: 2\r\n\r\n", .malformed("a field value holds a control character")),
        .init("GET / HTTP/1.1\r\nHost: a\r\nX\r: 1\r\n\r\n", .malformed("a field name is no token")),
        .init("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", .malformed("the request line is not method, target and version")),
        .init("GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", .malformed(forbidden)),
        .init("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformed(noLine)),
        .init("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformed("a line feed without its carriage return")),
    ]

    private static let noLine = "the request line is not method, target and version"

    /// RFC 9112 §3: method SP target SP version, and nothing more or less.
    private static let requestLines: [Fixture] = [
        .init("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .malformed("the request target must begin with a slash")),
        .init("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .malformed(forbidden)),
        .init("GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", .malformed(noLine)),
        .init(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformed("the method is no token")),
        .init("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .malformed(noLine)),
        .init("GET /\r\nHost: a\r\n\r\n", .malformed(noLine)), .init("GET\r\nHost: a\r\n\r\n", .malformed(noLine)),
        .init("GET HTTP/1.1\r\nHost: a\r\n\r\n", .malformed(noLine)),
        .init("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", .malformed("the method is no token")),
        .init("GÉT / HTTP/1.1\r\nHost: a\r\n\r\n", .malformed("the method is no token")),
        .init("GET / http/1.1\r\nHost: a\r\n\r\n", .malformed("the version is malformed")),
        .init("GET / HTTP/1,1\r\nHost: a\r\n\r\n", .malformed("the version is malformed")),
        .init("GET / HTTP/11.1\r\nHost: a\r\n\r\n", .malformed(noLine)),
        .init("GET / HTTP/1.10\r\nHost: a\r\n\r\n", .malformed(noLine)),
        .init("GET / HTTP/1.\r\nHost: a\r\n\r\n", .malformed(noLine)),
        .init("GET / HTTP/x.1\r\nHost: a\r\n\r\n", .malformed("the version is malformed")),
        .init("GET / HTTP/1.2\r\nHost: a\r\n\r\n", .unsupportedVersion),
        .init("GET / HTTP/0.9\r\nHost: a\r\n\r\n", .unsupportedVersion),
        .init("GET / HTTP/3.0\r\nHost: a\r\n\r\n", .unsupportedVersion),
        .init("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .unsupportedVersion),
        .init("\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}\r\n\r\n", .malformed(noLine)),
    ]

    private static let forbidden = "the request target holds a character that must be percent-encoded"
    private static let dots = "the path holds a dot segment"
    private static let broken = "the request target holds a broken percent-encoding"

    /// RFC 9112 §3.2 and RFC 3986.
    private static let targets: [Fixture] = [
        ("GET", "//../a", dots), ("GET", "/a/../b", dots), ("GET", "/..", dots), ("GET", "/.", dots),
        ("GET", "/a/./b", dots), ("GET", "/%2e%2e/b", dots), ("GET", "/%2E./b", dots), ("GET", "/.%2e", dots),
        ("GET", "/%2e", dots), ("GET", "/a/..%2fb", dots), ("GET", "/a/x%2f..%2fb", dots), ("GET", "/a%2F%2e", dots),
        ("GET", "/a/..%5cb", dots),
        ("GET", "/%", broken), ("GET", "/%4", broken), ("GET", "/%zz", broken), ("GET", "/a?b=%", broken),
        ("GET", "/a?b=%g0", broken), ("GET", "/a?%u0041", broken), ("GET", "/a#b", forbidden),
        ("GET", "/a?b#c", forbidden), ("GET", "/a\\b", forbidden), ("GET", "/\"", forbidden),
        ("GET", "/<a>", forbidden),
        ("GET", "/a|b", forbidden), ("GET", "/{a}", forbidden), ("GET", "/a^b", forbidden), ("GET", "/a`b", forbidden),
        ("GET", "/é", forbidden), ("GET", "/a?q=é", forbidden), ("GET", "/\u{7F}", forbidden),
        ("GET", "/a\u{0}b", forbidden), ("GET", "*", "only OPTIONS may have the target *"),
        ("OPTIONS", "*a", "the request target must begin with a slash"),
        ("GET", "a", "the request target must begin with a slash"),
        ("GET", "?a", "the request target must begin with a slash"),
        ("GET", "example.com:80", "the request target must begin with a slash"),
        ("CONNECT", "example.com:80", "CONNECT is not served here"), ("CONNECT", "/", "CONNECT is not served here"),
        ("GET", "ftp://a/", "the request target must begin with a slash"),
        ("GET", "http:/a", "the request target must begin with a slash"),
        ("GET", "http://", "the request target must begin with a slash"),
        ("GET", "http:///a", "the target's authority is malformed"),
        ("GET", "http://u@a/", "the target's authority is malformed"),
        ("GET", "http://a:b/", "the target's authority is malformed"),
        ("GET", "http://a/../b", dots), ("GET", "http://a#b", "the target's authority is malformed"),
    ].map { .init("\($0) \($1) HTTP/1.1\r\nHost: a\r\n\r\n", .malformed($2)) }

    /// RFC 9112 §5: no white space before the colon, no folding, no empty name, no control character.
    private static let fields: [Fixture] = [
        ("X : 1", "a field name is no token"), ("X\t: 1", "a field name is no token"),
        (": 1", "a field line without a name"), ("X", "a field line without a name"),
        (" X: 1", "a folded field line"), ("X: 1\r\n 2", "a folded field line"), ("X: 1\r\n\t2", "a folded field line"),
        ("X: 1\r\n ", "a folded field line"), ("X(: 1", "a field name is no token"),
        ("\u{0}X: 1", "a field name is no token"), ("Xé: 1", "a field name is no token"),
        ("X Y: 1", "a field name is no token"), ("\"X\": 1", "a field name is no token"),
        ("X: \u{0}", "a field value holds a control character"),
        ("X: \u{1}", "a field value holds a control character"),
        ("X: a\u{B}", "a field value holds a control character"),
        ("X: \u{7F}", "a field value holds a control character"),
        ("X: a\u{8}b", "a field value holds a control character"),
    ].map { .init("GET / HTTP/1.1\r\nHost: a\r\n\($0)\r\n\r\n", .malformed($1)) }

    /// RFC 9112 §3.2: exactly one well-formed `Host`.
    private static let hosts: [Fixture] =
        [
            .init("GET / HTTP/1.1\r\n\r\n", .malformed("Host is missing")),
            .init("GET http://a/ HTTP/1.1\r\n\r\n", .malformed("Host is missing")),
            .init("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .malformed("more than one Host")),
            .init("GET / HTTP/1.1\r\nHost: a\r\nHOST: b\r\n\r\n", .malformed("more than one Host")),
            .init("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", .malformed("more than one Host")),
            .init("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .malformed("a folded field line")),
        ]
        + [
            "", "a b", "a,b", "u@a", "a/b", "a:b", "a:80:80", "a:65536", "a:000080", ":80", "http://a", "[::1", "::1",
            "[::1]x",
            "[]", "[:]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1::2::3]", "[12345::]", "[::1.2.3]",
            "[::1.2.3.256]",
            "[::01.2.3.4]", "[1:2:3:4:5:6:7::8:9]", "[v1.a]", "[fe80::1%25eth0]", "a%zz", "é", "a?b", "a#b", "a\\b",
            "[::g]",
        ].map { .init("GET / HTTP/1.1\r\nHost: \($0)\r\n\r\n", .malformed("Host is malformed")) }

    private static let notANumber = "Content-Length is not a number of bytes"

    /// RFC 9112 §6: lengths and codings that two readers could take for two things.
    private static let framing: [Fixture] =
        lengths + codings
        + both(
            "Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 0",
            "Transfer-Encoding: gzip\r\nContent-Length: 5", "Transfer-Encoding: chunked\r\nContent-Length:"
        ) + [
            post("Content-Length: 5\r\nContent-Length: 5", .malformed("more than one Content-Length")),
            post("Content-Length: 5\r\nContent-Length: 6", .malformed("more than one Content-Length")),
            post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .unknownTransferCoding),
            post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", .unknownTransferCoding),
            post("Transfer-Encoding: \u{B}chunked", .malformed("a field value holds a control character")),
            post("Transfer-Encoding : chunked", .malformed("a field name is no token")),
            post("Transfer-Encoding:\r\n chunked", .malformed("a folded field line")),
            post("Expect: tea\r\nContent-Length: 1", .unknownExpectation),
            post("Expect: 100-continue, tea", .unknownExpectation), post("Expect:", .unknownExpectation),
            post("Expect: 100-continue\r\nExpect: 100-continue", .unknownExpectation),
            .init(
                "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .malformed("Transfer-Encoding in HTTP/1.0")),
        ]

    private static let lengths: [Fixture] = [
        "", "5, 5", "5,5", "+5", "-5", "0x5", "5 5", "5.0", "5;", "١", "1e3", "9223372036854775808",
        "18446744073709551621", "1000000000000000000", "0000000000000000005",
    ].map { post("Content-Length: \($0)", .malformed(notANumber)) }

    private static let codings: [Fixture] = [
        "", "gzip", "identity", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked;q=1",
        "chunked, identity",
        "xchunked", "chunked ,", ",chunked", "\"chunked\"", "chunked\u{A0}", "chunked gzip",
    ].map { post("Transfer-Encoding: \($0)", .unknownTransferCoding) }

    private static func both(_ fields: String...) -> [Fixture] {
        fields.map { post($0, .malformed("both Content-Length and Transfer-Encoding")) }
    }

    private static func post(_ fields: String, _ failure: ParseFailure) -> Fixture {
        .init("POST / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n", failure)
    }
}
