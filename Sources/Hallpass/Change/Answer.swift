import HTTPServer
import HTTPTypes

/// What an action answers, before the wire: the version becomes an ETag, the body JSON.
struct Answer: Sendable {
    enum Body: Sendable {
        case none
        case json([UInt8])
        /// Another media type, whole or streamed.
        case other(contentType: String, ResponseBody)
    }

    var status: Int
    var body: Body = .none
    /// The resource's version, for `ETag`, `If-None-Match` and 304.
    var version: Int?
    var location: String?
    var headerFields: HTTPFields = .init()
    /// What the idempotency record keeps instead of the body, where the body holds a secret.
    var storedBody: [UInt8]?

    static func json(
        _ status: Int = 200, version: Int? = nil, reserving capacity: Int = 2048, _ write: (inout JSONWriter) -> Void
    ) -> Answer {
        var writer = JSONWriter(reserving: capacity)
        write(&writer)
        return Answer(status: status, body: .json(writer.bytes), version: version)
    }

    static let noContent = Answer(status: 204)
}
