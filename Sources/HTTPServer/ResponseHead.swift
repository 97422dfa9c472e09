import HTTPCore
import HTTPTypes

/// Writes a response's head with the fields that are the server's: `Date`, `X-Request-Id`, framing.
struct ResponseHead {
    enum Framing {
        case none
        case length(Int)
        case chunked
    }

    private let owner: ServerLoop

    init(_ owner: ServerLoop) { self.owner = owner }

    func bytes(_ response: Response, requestID: String?, framing: Framing, connection: String? = nil) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        HeadSerializer.append(response.status, response.headerFields, to: &bytes)
        for field in owner.state.hooks.commonFields where response.headerFields[field.name] == nil {
            HeadSerializer.append(field.name.rawName, field.value, to: &bytes)
        }
        if let requestID { HeadSerializer.append("X-Request-Id", requestID, to: &bytes) }
        if let connection { HeadSerializer.append("Connection", connection, to: &bytes) }
        bytes.append(contentsOf: owner.date())
        switch framing {
        case .none: break
        case .length(let count):
            bytes.append(contentsOf: "Content-Length: ".utf8)
            HeadSerializer.append(count, to: &bytes)
            bytes.append(contentsOf: "\r\n".utf8)
        case .chunked: bytes.append(contentsOf: "Transfer-Encoding: chunked\r\n".utf8)
        }
        bytes.append(contentsOf: "\r\n".utf8)
        return bytes
    }
}

/// Which coding a response gets (RFC 9110 §12.5.3).
enum Compression {
    /// Whether a body of this type is worth it.
    static func isWorthwhile(_ contentType: String?) -> Bool {
        guard let contentType else { return false }
        let type = contentType.prefix { $0 != ";" }
        if type == "text/event-stream" { return false }
        return type.hasPrefix("text/") || type.hasSuffix("json") || type.hasSuffix("xml") || type == "message/rfc822"
    }

    /// Whether `Accept-Encoding` takes gzip, and not less than identity.
    static func acceptsGzip(_ field: String?) -> Bool {
        guard let field else { return false }
        var gzip: Double?
        var star: Double?
        var identity: Double?
        for part in field.split(separator: ",") {
            let pieces = part.split(separator: ";")
            guard let first = pieces.first else { continue }
            let name = String(first).trimmed.lowercased()
            var quality = 1.0
            for piece in pieces.dropFirst() {
                let text = String(piece).trimmed.lowercased()
                if text.hasPrefix("q=") { quality = Double(text.dropFirst(2)) ?? 0 }
            }
            switch name {
            case "gzip", "x-gzip": gzip = quality
            case "*": star = quality
            case "identity": identity = quality
            default: break
            }
        }
        let wish = gzip ?? star ?? 0
        return wish > 0 && wish >= (identity ?? 0)
    }

    /// `"3"` becomes `"3-gzip"`: the compressed form is another representation.
    static func entityTag(_ tag: String) -> String {
        tag.hasSuffix("\"") ? tag.dropLast() + "-gzip\"" : tag
    }
}

extension String {
    fileprivate var trimmed: Substring {
        var text = Substring(self)
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}
