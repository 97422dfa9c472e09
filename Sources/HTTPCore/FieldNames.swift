import HTTPTypes

/// Names that requests often carry, made once: a field whose name is written in one of the two usual ways costs no
/// allocation. Others are made as they come.
enum FieldNames {
    private struct Known {
        var text: [UInt8]
        var name: HTTPField.Name
    }

    /// By length, so that a look-up compares with few.
    private static let known: [[Known]] = {
        let names = [
            "Host", "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cache-Control", "Connection",
            "Content-Encoding", "Content-Length", "Content-Type", "Cookie", "Expect", "Forwarded", "Idempotency-Key",
            "If-Match", "If-None-Match", "Last-Event-ID", "Origin", "Pragma", "Referer", "Transfer-Encoding",
            "User-Agent", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "X-Request-Id",
            "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Upgrade-Insecure-Requests", "traceparent",
            "webhook-id", "webhook-signature", "webhook-timestamp",
        ]
        var known = [[Known]](repeating: [], count: 32)
        for text in names {
            for form in Set([text, text.lowercased()]) {
                guard let name = HTTPField.Name(form) else { continue }
                known[form.utf8.count].append(Known(text: Array(form.utf8), name: name))
            }
        }
        return known
    }()

    /// The name that the bytes are, nil when they are no token (RFC 9110 §5.1).
    static func name(_ bytes: UnsafeBufferPointer<UInt8>) -> HTTPField.Name? {
        if bytes.count < known.count {
            for candidate in known[bytes.count] where equal(candidate.text, bytes) { return candidate.name }
        }
        return HTTPField.Name(String(decoding: bytes, as: UTF8.self))
    }

    private static func equal(_ text: [UInt8], _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var index = 0
        while index < text.count {
            if text[index] != bytes[index] { return false }
            index += 1
        }
        return true
    }
}
