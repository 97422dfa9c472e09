import HTTPCore
import HTTPTypes
import Testing

@Suite("Heads of requests, whole and in pieces")
struct HeadParserTests {
    @Test("what is not to get in is refused for its own reason, however it is split")
    func refused() {
        for fixture in RefusedHeads.all {
            let outcome = Feeding.headHoweverSplit(Array(fixture.text.utf8))
            #expect(outcome == .refused(fixture.failure), "\(fixture.text.debugDescription)")
        }
    }

    @Test("a refusal says its status")
    func statuses() {
        let expected: [(ParseFailure, Int)] = [
            (.malformed(""), 400), (.targetTooLong, 414), (.fieldsTooLarge, 431), (.unknownTransferCoding, 501),
            (.unsupportedVersion, 505), (.unknownExpectation, 417),
        ]
        for (failure, status) in expected { #expect(failure.status == status) }
    }

    private func head(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> HeadSummary {
        try head(Array(text.utf8), sourceLocation: sourceLocation)
    }

    private func head(_ bytes: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) throws -> HeadSummary {
        let outcome = Feeding.headHoweverSplit(bytes)
        guard case .head(let head) = outcome else {
            Issue.record("\(String(describing: outcome))", sourceLocation: sourceLocation)
            throw CancellationError()
        }
        return head
    }

    @Test("method, target, fields and length are what was sent, and the next request's bytes are left")
    func whole() throws {
        let text =
            "\r\nPATCH /v1/things/a%2Fb%20c?x=1&y=%C3%A9 HTTP/1.1\r\nHost: Example.com:8080\r\nX-One:  a b \t\r\n"
            + "x-one:c\r\nEmpty:\r\nContent-Length: 3\r\n\r\n"
        let head = try head(text + "abcGET / HTTP/1.1\r\n")
        #expect(head.bytes == text.utf8.count)
        #expect(head.method == "PATCH" && head.minorVersion == 1 && head.keepsAlive && !head.expectsContinue)
        #expect(head.target.segments == ["v1", "things", "a/b c"])
        #expect(head.target.rawPath == "/v1/things/a%2Fb%20c" && head.target.query == "x=1&y=%C3%A9")
        #expect(head.authority == "Example.com:8080" && head.framing == .length(3))
        #expect(head.fields[values: .init("X-One")!] == ["a b", "c"])
        #expect(head.fields[values: .init("Empty")!] == [""])
    }

    @Test("paths are cut at their slashes before they are decoded")
    func paths() throws {
        let cases: [(String, [String])] = [
            ("/", [""]), ("//", ["", ""]), ("/a/", ["a", ""]), ("//a", ["", "a"]), ("/a;b=c", ["a;b=c"]),
            ("/a%2fb/c", ["a/b", "c"]), ("/%E2%82%AC", ["€"]), ("/...", ["..."]), ("/.a/b.", [".a", "b."]),
            ("/%25%32%65", ["%2e"]), ("/a%20b+c", ["a b+c"]), ("/*", ["*"]), ("/a%5Cb", ["a\\b"]),
            ("/a%00%0d%0ab", ["a\0\r\nb"]), ("/%7f", ["\u{7F}"]), ("/%ff", ["\u{FFFD}"]),
            ("/-._~!$&'()", ["-._~!$&'()"]),
        ]
        for (path, segments) in cases {
            let target = try head("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n").target
            #expect(target.segments == segments && target.rawPath == path && target.query == nil, "\(path)")
        }
    }

    @Test("queries are decoded as forms, in their order")
    func queries() throws {
        let target = try head("GET /a?b=1+2&c=%2B&&d&=e&b=%e2%82%ac=?/ HTTP/1.1\r\nHost: a\r\n\r\n").target
        let items = RequestTarget.queryItems(target.query ?? "")
        #expect(items.map(\.name) == ["b", "c", "d", "", "b"])
        #expect(items.map(\.value) == ["1 2", "+", "", "e", "€=?/"])
        #expect(try head("GET /a? HTTP/1.1\r\nHost: a\r\n\r\n").target.query == "")
    }

    @Test("an absolute target's authority stands in for whatever Host says")
    func absoluteForm() throws {
        let head = try head("GET HTTP://b.example:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(head.target.segments == ["x"] && head.target.query == "y" && head.target.authority == "b.example:80")
        #expect(head.authority == "b.example:80" && head.fields[values: .init("Host")!] == ["b.example:80"])
        let bare = try self.head("GET https://[::1]?y HTTP/1.1\r\nHost: [::1]\r\n\r\n").target
        #expect(bare.segments == [""] && bare.rawPath == "/" && bare.text == "/?y" && bare.authority == "[::1]")
    }

    @Test("OPTIONS may ask about the server as a whole, as * or by authority alone")
    func asterisk() throws {
        #expect(try head("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").target.isAsterisk)
        #expect(try head("OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n").target.isAsterisk)
        #expect(try !head("OPTIONS http://a/ HTTP/1.1\r\nHost: a\r\n\r\n").target.isAsterisk)
        #expect(try !head("OPTIONS /* HTTP/1.1\r\nHost: a\r\n\r\n").target.isAsterisk)
    }

    @Test("a Host is a name, an address or a bracketed address, and perhaps a port")
    func hosts() throws {
        for host in [
            "a", "A.b-c_d~e", "127.0.0.1", "a:", "a:0", "a:65535", "[::]", "[::1]:80", "[1:2:3:4:5:6:7:8]", "[1::8]",
            "[1:2:3:4:5:6:7::]", "[::2:3:4:5:6:7:8]", "[::ffff:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", "[2001:DB8::0]",
            "xn--bcher-kva.example",
        ] {
            #expect(try head("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n").authority == host)
        }
        #expect(try head("GET / HTTP/1.0\r\n\r\n").authority == nil)
    }

    @Test("a connection is kept by default in HTTP/1.1, on wish in HTTP/1.0, and never against a wish")
    func persistence() throws {
        let cases: [(Int, String, Bool)] = [
            (1, "", true), (1, "Connection: close\r\n", false), (1, "Connection: x, CLOSE\r\n", false),
            (1, "Connection: x\r\nConnection:close \r\n", false), (1, "Connection: closed, keep-alive\r\n", true),
            (0, "", false), (0, "Connection: Keep-Alive\r\n", true), (0, "Connection: keep-alive, close\r\n", false),
            (0, "Connection: ,keep-alive,,\r\n", true),
        ]
        for (minor, field, keeps) in cases {
            #expect(try head("GET / HTTP/1.\(minor)\r\nHost: a\r\n\(field)\r\n").keepsAlive == keeps, "\(field)")
        }
    }

    @Test("a body has a length or chunks, and 100-continue is HTTP/1.1's")
    func framing() throws {
        let cases: [(String, BodyFraming)] = [
            ("", .none), ("Content-Length: 0\r\n", .none), ("Content-Length: 007\r\n", .length(7)),
            ("content-length:\t12 \r\n", .length(12)),
            ("Content-Length: 999999999999999999\r\n", .length(999_999_999_999_999_999)),
            ("Transfer-Encoding: chunked\r\n", .chunked), ("TRANSFER-ENCODING: Chunked\t\r\n", .chunked),
        ]
        for (field, framing) in cases {
            #expect(try head("POST / HTTP/1.1\r\nHost: a\r\n\(field)\r\n").framing == framing, "\(field)")
        }
        let expecting = "Host: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n"
        #expect(try head("POST / HTTP/1.1\r\n" + expecting).expectsContinue)
        #expect(try !head("POST / HTTP/1.0\r\n" + expecting).expectsContinue)
    }

    @Test("field values may hold any byte over 0x7F, and keep it")
    func opaqueValues() throws {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX: caf".utf8) + [0xE9, 0xFF] + Array("\r\n\r\n".utf8)
        let field = try #require(try head(bytes).fields.first { $0.name == .init("X")! })
        #expect(field.withUnsafeBytesOfValue { Array($0) } == Array("caf".utf8) + [0xE9, 0xFF])
        #expect(try head("GET / HTTP/1.1\r\nHost: a\r\nX: é\t1\r\n\r\n").fields[.init("X")!] == "é\t1")
    }

    @Test("names keep their letters and are found in any")
    func names() throws {
        let fields = try head("GET / HTTP/1.1\r\nhost: a\r\nAUTHORIZATION: x\r\nX-Y_z.1: y\r\n\r\n").fields
        #expect(fields.map(\.name.rawName) == ["host", "AUTHORIZATION", "X-Y_z.1"])
        #expect(fields[.authorization] == "x" && fields[.init("x-Y_Z.1")!] == "y")
    }

    @Test("a head that is not whole is waited for")
    func waiting() {
        let text = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"
        for count in 0..<text.utf8.count {
            #expect(Feeding.headHoweverSplit(Array(text.utf8.prefix(count))) == .needMore, "\(count) bytes")
        }
    }

    @Test("every limit of a head lets its own size pass and one more not")
    func limits() throws {
        var limits = ParserLimits()
        limits.requestLineBytes = 40
        limits.fieldBytes = 60
        limits.fieldCount = 3
        func status(_ text: String) -> Int? {
            switch Feeding.headHoweverSplit(Array(text.utf8), limits: limits) {
            case .head: 200
            case .refused(let failure): failure.status
            default: nil
            }
        }
        func line(_ bytes: Int) -> String { "GET /" + String(repeating: "x", count: bytes - 16) + " HTTP/1.1\r\n" }
        func fields(_ bytes: Int) -> String {
            "Host: a\r\nX: " + String(repeating: "x", count: bytes - 14) + "\r\n\r\n"
        }
        #expect(line(40).utf8.count == 40 && fields(60).utf8.count == 62)
        #expect(status(line(40) + fields(60)) == 200)
        #expect(status("\r\n" + line(40) + fields(60)) == 200)
        #expect(status(line(41) + fields(20)) == 414)
        #expect(status(line(20) + fields(61)) == 431)
        #expect(status(line(20) + "Host: a\r\nA:\r\nB:\r\n\r\n") == 200)
        #expect(status(line(20) + "Host: a\r\nA:\r\nB:\r\nC:\r\n\r\n") == 431)
        // Without an end in sight a limit is told as soon as it is passed.
        #expect(status("GET /" + String(repeating: "x", count: 36)) == 414)
        #expect(status(line(20) + String(repeating: "x", count: 63)) == 431)
    }
}
