public import HTTPTypes

/// Writes the head of a response (RFC 9112 §4).
public enum HeadSerializer {
    /// Appends the status line and the fields, without the empty line that ends the head. Fields that are the server's own
    /// affair (framing, `Connection`, `Date`, `X-Request-Id`) are left out: two of them could contradict each other.
    public static func append(_ status: HTTPResponse.Status, _ fields: HTTPFields, to buffer: inout [UInt8]) {
        if status == .ok {
            append("HTTP/1.1 200 OK\r\n" as StaticString, to: &buffer)
        } else {
            append("HTTP/1.1 " as StaticString, to: &buffer)
            append(status.code, to: &buffer)
            buffer.append(0x20)
            append(text: status.reasonPhrase.isEmpty ? reason(status.code) : status.reasonPhrase, to: &buffer)
            buffer.append(0x0D)
            buffer.append(0x0A)
        }
        for field in fields where !isServers(field.name.canonicalName) {
            append(field.name.rawName, field.value, to: &buffer)
        }
    }

    /// Appends text that is known as it stands.
    public static func append(_ text: StaticString, to buffer: inout [UInt8]) {
        buffer.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private static func isServers(_ name: String) -> Bool {
        switch name.utf8.count {
        case 4: name == "date"
        case 10: name == "connection"
        case 12: name == "x-request-id"
        case 14: name == "content-length"
        case 17: name == "transfer-encoding"
        default: false
        }
    }

    /// Appends one field line. Line breaks in a value become spaces: no value can make another field.
    public static func append(_ name: String, _ value: String, to buffer: inout [UInt8]) {
        append(text: name, to: &buffer)
        buffer.append(UInt8(ascii: ":"))
        buffer.append(0x20)
        append(text: value, to: &buffer)
        buffer.append(0x0D)
        buffer.append(0x0A)
    }

    /// Appends what may hold no line break, NUL included: each becomes a space.
    private static func append(text: String, to buffer: inout [UInt8]) {
        let start = buffer.count
        var text = text
        let isClean = text.withUTF8 { bytes in
            buffer.append(contentsOf: bytes)
            // Nothing below a space is the usual case, and cheap to see.
            var least: UInt8 = 0xFF
            for byte in bytes { least = min(least, byte) }
            return least >= 0x20
        }
        if isClean { return }
        for index in start..<buffer.count where [0x0D, 0x0A, 0].contains(buffer[index]) { buffer[index] = 0x20 }
    }

    /// Appends a number that is not negative, in decimal.
    public static func append(_ number: Int, to buffer: inout [UInt8]) {
        if number >= 10 { append(number / 10, to: &buffer) }
        buffer.append(UInt8(ascii: "0") + UInt8(number % 10))
    }

    /// The standard reason phrase (RFC 9110 §15), for a status that was given as a number.
    static func reason(_ code: Int) -> String {
        switch code {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }
}
