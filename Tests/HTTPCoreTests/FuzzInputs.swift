/// Makes inputs that are almost right: pieces of requests put together, then a few bytes changed.
struct FuzzInputs {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func below(_ bound: Int) -> Int { generator.below(bound) }

    mutating func cuts(_ count: Int) -> [Int] {
        guard count > 1 else { return [] }
        let first = 1 + generator.below(count - 1)
        guard generator.below(2) == 0, first + 1 < count else { return [first] }
        return [first, first + 1 + generator.below(count - first - 1)]
    }

    private mutating func pick(_ list: [[UInt8]]) -> [UInt8] { list[generator.below(list.count)] }

    /// A head, often with something behind it.
    mutating func head() -> [UInt8] {
        var bytes: [UInt8]
        if generator.below(4) == 0 {
            bytes = pick(Self.refusedHeads)
        } else {
            bytes = pick(Self.methods)
            bytes += pick(Self.targets)
            bytes += pick(Self.versions)
            for _ in 0..<generator.below(4) { bytes += pick(Self.fields) }
            bytes += pick(Self.ends)
        }
        if generator.below(3) != 0 { mutate(&bytes) }
        return bytes
    }

    /// A chunked body, often with something behind it.
    mutating func chunks() -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<generator.below(4) { bytes += pick(Self.chunkPieces) }
        bytes += pick(Self.chunkEnds)
        if generator.below(3) != 0 { mutate(&bytes) }
        return bytes
    }

    /// One to three changes: a byte replaced, put in, taken out; a piece doubled or cut off.
    private mutating func mutate(_ bytes: inout [UInt8]) {
        for _ in 0...generator.below(3) {
            guard bytes.count > 2 else { return }
            let place = generator.below(bytes.count)
            switch generator.below(8) {
            case 0, 1: bytes[place] = special()
            case 2, 3: bytes.insert(special(), at: place)
            case 4: bytes.remove(at: place)
            case 5: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
            case 6:
                bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 1 + generator.below(12))], at: place)
            default: bytes.removeSubrange(place..<min(bytes.count, place + 1 + generator.below(6)))
            }
        }
    }

    /// Bytes that mean something to somebody.
    private mutating func special() -> UInt8 {
        let specials = Self.specials
        return specials[generator.below(specials.count)]
    }

    private static let specials =
        Array("\r\n\r\n\t :;,=\"%/.?#*\\0aF-+\u{0}\u{7F}\u{B}".utf8) + [0x80, 0xC3, 0xA9, 0xFF]
    private static let refusedHeads = RefusedHeads.all.map { Array($0.text.utf8) }
    private static let methods = bytes(["GET ", "POST ", "HEAD ", "OPTIONS ", "CONNECT ", "PATCH ", "\r\nPUT ", "get "])
    private static let targets = bytes([
        "/", "/v1/a", "/a%2Fb?c=d", "/%2e%2E/x", "/a/..%2f", "*", "http://a/b", "http://a", "//", "/a?%", "/a?b=+&c",
        "/%c3%a9",
    ])
    private static let versions = bytes([
        " HTTP/1.1\r\n", " HTTP/1.1\r\n", " HTTP/1.1\r\n", " HTTP/1.0\r\n", " HTTP/2.0\r\n",
    ])
    private static let fields = bytes([
        "Host: a\r\n", "Host: a\r\n", "Host: [::1]:80\r\n", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n",
        "Connection: close, x\r\n", "Expect: 100-continue\r\n", "X: y\r\n", "Content-Length: 5, 5\r\n", "A:\r\n",
        "X: é\r\n",
        "connection: keep-alive\r\n",
    ])
    private static let ends = bytes([
        "\r\n", "\r\n", "\r\nabcde", "\r\n1\r\nx\r\n0\r\n\r\n", "\n", "\r\nGET / HTTP/1.1\r\n", "",
    ])
    private static let chunkPieces = bytes([
        "1\r\nx\r\n", "3;a=b\r\nabc\r\n", "a\r\n0123456789\r\n", "2;c=\"d;\\\"\"\r\n\r\n\r\n", "00003 ;x\r\nxyz\r\n",
        "1 \r\nx\r\n",
        "ffffffffffffffff\r\n", "4\nabcd\n",
    ])
    private static let chunkEnds = bytes([
        "0\r\n\r\n", "0\r\n\r\n", "0;x\r\nA: b\r\n\r\n", "0\r\nA:b\r\nC : d\r\n\r\n", "000\r\n\r\nGET / ", "1", "",
    ])

    private static func bytes(_ texts: [String]) -> [[UInt8]] { texts.map { Array($0.utf8) } }
}
