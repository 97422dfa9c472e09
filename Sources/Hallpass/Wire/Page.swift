import Foundation
import HTTPServer
import HTTPTypes

/// A list as the client sees it: `{"data":[…],"next_cursor":…}` and `Link: <…>; rel="next"` (RFC 8288).
struct Page: Sendable {
    /// Rows to a page.
    let limit: Int
    /// Where the page begins, nil for the first.
    let after: Cursor?
    private let path: String
    private let filters: [(name: String, value: String)]

    private var identity: String { Self.identity(path, filters) }

    /// Reads `limit` and `cursor`; the other parameters are the caller's, and bind the cursor.
    init(_ reader: inout QueryReader, of call: Call) throws(Problem) {
        limit = reader.limit()
        path = call.request.path
        let filters = call.request.queryItems.filter { $0.name != "limit" && $0.name != "cursor" }
            .sorted { ($0.name, $0.value) < ($1.name, $1.value) }
        self.filters = filters
        guard let text = reader.opaque("cursor") else {
            after = nil
            return
        }
        after = try Cursor(text, for: Self.identity(path, filters))
    }

    private static func identity(_ path: String, _ filters: [(name: String, value: String)]) -> String {
        path + "?" + filters.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    }

    /// - Parameters:
    ///   - rows: up to `limit + 1` rows, as the statement was asked for: one more than is shown says that there is more.
    func answer<Row>(
        _ rows: some Collection<Row>, cursor: (Row) -> Cursor, write: (Row, inout JSONWriter) -> Void
    ) -> Answer {
        let shown = rows.prefix(limit)
        let last = rows.count > limit ? shown.lazy.map { $0 }.suffix(1).first : nil
        return answer(shown, next: last.map(cursor), write: write)
    }

    /// - Parameters:
    ///   - shown: the rows of this page.
    ///   - next: the place of the last one, when there are more.
    ///   - capacity: about how many bytes it will have.
    func answer<Row>(
        _ shown: some Collection<Row>, next: Cursor?, reserving capacity: Int = 2048,
        write: (Row, inout JSONWriter) -> Void
    ) -> Answer {
        let next = next?.encoded(for: identity)
        var answer = Answer.json(reserving: capacity) { writer in
            writer.object { writer in
                writer.member("data", array: { writer in for row in shown { write(row, &writer) } })
                writer.member("next_cursor", next)
            }
        }
        if let next {
            let items = filters + [("limit", String(limit)), ("cursor", next)]
            let query = items.map { "\(Self.escaped($0.name))=\(Self.escaped($0.value))" }.joined(separator: "&")
            answer.headerFields[.link] = "<\(path)?\(query)>; rel=\"next\""
        }
        return answer
    }

    private static func escaped(_ text: String) -> String {
        if text.utf8.allSatisfy(isPlain) { return text }
        var escaped = ""
        for byte in text.utf8 {
            if isPlain(byte) {
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                escaped += byte < 16 ? "%0" : "%"
                escaped += String(byte, radix: 16, uppercase: true)
            }
        }
        return escaped
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"), UInt8(ascii: ","):
            true
        default: false
        }
    }
}

extension HTTPField.Name {
    static let link = HTTPField.Name("Link")!
    static let idempotencyKey = HTTPField.Name("Idempotency-Key")!
    static let idempotencyReplayed = HTTPField.Name("Idempotency-Replayed")!
    static let requestID = HTTPField.Name("X-Request-Id")!
}
