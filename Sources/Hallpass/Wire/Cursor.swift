import Crypto
import Foundation

/// Where a list goes on: the sort key and id of the last row shown, bound to the filters and the sort that it came from.
/// Opaque to clients: base64url of a JSON array, its first item a digest of the list's identity.
struct Cursor: Sendable, Hashable {
    /// The sort key as text, nil where the row had none (a launch date).
    var key: String?
    var id: UUID

    static let unreadable = Problem(
        status: 400, code: .invalidCursor,
        detail:
            "The cursor is not one of this list's. Leave it out to begin at the first page with these filters and this sort."
    )

    /// - Parameter list: what identifies the list: path, filters and sort, without `limit` and `cursor`.
    func encoded(for list: String) -> String {
        var writer = JSONWriter()
        writer.array { writer in
            writer.string(Self.digest(list))
            writer.string(key)
            writer.string(Identifier.format(id))
        }
        return Self.base64URL(writer.bytes)
    }

    init(key: String?, id: UUID) {
        self.key = key
        self.id = id
    }

    init(_ text: String, for list: String) throws(Problem) {
        let padded =
            text.replacing("-", with: "+").replacing("_", with: "/")
            + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
        guard text.utf8.count <= 2000, let data = Data(base64Encoded: padded),
            let tree = try? JSONParser.parse(data),  // unreadable is unreadable
            case .array(let items) = tree, items.count == 3, items[0].string == Self.digest(list),
            items[1] == .null || items[1].string != nil, let id = items[2].string.flatMap({ Identifier.parse($0) })
        else { throw Self.unreadable }
        self.init(key: items[1].string, id: id)
    }

    /// RFC 4648 §5, without the padding.
    private static func base64URL(_ bytes: [UInt8]) -> String {
        var text = [UInt8](Data(bytes).base64EncodedData())
        while text.last == UInt8(ascii: "=") { text.removeLast() }
        for index in text.indices {
            switch text[index] {
            case UInt8(ascii: "+"): text[index] = UInt8(ascii: "-")
            case UInt8(ascii: "/"): text[index] = UInt8(ascii: "_")
            default: break
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func digest(_ list: String) -> String {
        let digits = Array("0123456789abcdef".utf8)
        let digest = SHA256.hash(data: Array(list.utf8)).prefix(8)
        return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xF)]] }, as: UTF8.self)
    }
}
