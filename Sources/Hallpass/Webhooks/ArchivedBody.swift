import HTTPServer

/// Bytes from the archive, as they were sent.
enum ArchivedBody {
    /// The body without its content coding.
    static func plain(_ bytes: [UInt8], encoding: String?) throws -> [UInt8] {
        guard encoding == "gzip" else { return bytes }
        return try Gzip.inflate(bytes, limit: 10 << 20)
    }
}
