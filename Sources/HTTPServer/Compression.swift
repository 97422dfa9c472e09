import HTTPCore
import HTTPTypes
import Synchronization

// Which coding an answer gets (RFC 9110 §12.5.3, §8.4). What could be compressed says `Vary: Accept-Encoding` also when it
// is not; the compressed form has a tag of its own, `"3-gzip"` for `"3"`, since it is another representation.

enum Compression {
    case identity, gzip

    /// Marks the response for the coding it gets. A gzipped stream has taken one of `compressedStreams`.
    static func decide(_ response: inout Response, for head: RequestHead, _ owner: ServerLoop) -> Compression {
        switch response.body {
        case .empty: return .identity
        case .bytes(let bytes): if bytes.count < owner.configuration.compressedFromBytes { return .identity }
        case .stream: break
        }
        guard isWorthwhile(response.headerFields.value(of: .contentType)),
            !response.headerFields.contains(.contentEncoding),
            !forbidsTransformation(response)
        else { return .identity }
        vary(&response)
        guard acceptsGzip(head.fields.value(of: .acceptEncoding)) else { return .identity }
        if case .stream = response.body, head.method != .head, !takeStream(owner.state) { return .identity }
        response.headerFields[.contentEncoding] = "gzip"
        if let tag = response.headerFields.value(of: .eTag) { response.headerFields[.eTag] = entityTag(tag) }
        return .gzip
    }

    /// `Cache-Control: no-transform` (RFC 9111 §5.2.2.6): the body is to arrive as the handler made it.
    private static func forbidsTransformation(_ response: Response) -> Bool {
        guard let field = response.headerFields.value(of: .cacheControl) else { return false }
        return field.split(separator: ",").contains { $0.trimmed.lowercased() == "no-transform" }
    }

    private static func takeStream(_ state: ServerState) -> Bool {
        let count = state.compressedStreams.wrappingAdd(1, ordering: .relaxed).newValue
        if count <= state.configuration.compressedStreams { return true }
        state.compressedStreams.wrappingSubtract(1, ordering: .relaxed)
        return false
    }

    /// A 304 carries the tag of the form that the client has, and varies as the 200 would (RFC 9110 §15.4.5).
    static func markNotModified(_ response: inout Response, _ head: RequestHead) {
        guard let tag = response.headerFields.value(of: .eTag) else { return }
        vary(&response)
        let compressed = entityTag(tag)
        if let known = head.fields.value(of: .ifNoneMatch), known.contains(compressed),
            acceptsGzip(head.fields.value(of: .acceptEncoding))
        {
            response.headerFields[.eTag] = compressed
        }
    }

    private static func vary(_ response: inout Response) {
        guard let given = response.headerFields.value(of: .vary) else {
            response.headerFields.append(HTTPField(name: .vary, value: "Accept-Encoding"))
            return
        }
        let names = given.split(separator: ",").map { $0.trimmed.lowercased() }
        if !names.contains("*"), !names.contains("accept-encoding") {
            response.headerFields[.vary] = "\(given), Accept-Encoding"
        }
    }

    static func isEventStream(_ response: Response) -> Bool {
        mediaType(response.headerFields.value(of: .contentType) ?? "") == "text/event-stream"
    }

    private static func mediaType(_ contentType: String) -> String {
        contentType.prefix { $0 != ";" }.trimmed.lowercased()
    }

    /// Whether a body of this type is worth it: text of some kind, but no event stream, whose events are small and must
    /// not wait.
    static func isWorthwhile(_ contentType: String?) -> Bool {
        guard let contentType else { return false }
        if contentType == "application/json" { return true }
        let type = mediaType(contentType)
        if type == "text/event-stream" { return false }
        return type.hasPrefix("text/") || type.hasSuffix("json") || type.hasSuffix("xml") || type == "message/rfc822"
    }

    /// Whether `Accept-Encoding` takes gzip, and not less than identity.
    static func acceptsGzip(_ field: String?) -> Bool {
        guard let field else { return false }
        var gzip: Int?
        var star: Int?
        var identity: Int?
        for part in field.split(separator: ",") {
            let pieces = part.split(separator: ";", omittingEmptySubsequences: false)
            let quality = quality(pieces.dropFirst())
            switch pieces[0].trimmed.lowercased() {
            case "gzip", "x-gzip": gzip = quality
            case "*": star = quality
            case "identity": identity = quality
            default: break
            }
        }
        let wish = gzip ?? star ?? 0
        // Without a word about it identity is taken, but not preferred to a coding that is named.
        return wish > 0 && wish >= (identity ?? star ?? 0)
    }

    /// `q=0.5` in thousandths (RFC 9110 §12.4.2); 1000 without one, 0 for what is no quality.
    private static func quality(_ parameters: ArraySlice<Substring>) -> Int {
        for parameter in parameters {
            let text = parameter.trimmed.lowercased()
            guard text.hasPrefix("q=") else { continue }
            let digits = Array(text.utf8.dropFirst(2))
            guard (1...5).contains(digits.count), digits[0] == 0x30 || digits[0] == 0x31,
                digits.count == 1 || digits[1] == UInt8(ascii: ".")
            else { return 0 }
            var value = Int(digits[0] - 0x30) * 1000
            var unit = 100
            for digit in digits.dropFirst(2) {
                guard (0x30...0x39).contains(digit) else { return 0 }
                value += Int(digit - 0x30) * unit
                unit /= 10
            }
            return value <= 1000 ? value : 0
        }
        return 1000
    }

    /// `"3"` becomes `"3-gzip"`.
    static func entityTag(_ tag: String) -> String {
        tag.hasSuffix("\"") ? tag.dropLast() + "-gzip\"" : tag
    }
}
