import HTTPServer
import HTTPTypes

/// Routes that answer in every way there is.
enum TestRoutes {
    static func all(_ router: inout Router) {
        plain(&router)
        bodies(&router)
        streams(&router)
    }

    static func text(_ text: String) -> Response {
        Response(status: .ok, headerFields: [.contentType: "text/plain"], body: .bytes(Array(text.utf8)))
    }

    private static func plain(_ router: inout Router) {
        router.on(.get, "/hello", immediately: { _ in text("hello") })
        router.on(.get, "/v1/things/{id}") { text($0.parameters["id"] ?? "") }
        router.on(.get, "/v1/things/special") { _ in text("literal") }
        router.on(.get, "/peer") { text("\($0.clientAddress) \($0.scheme)") }
        router.on(
            .get, "/head",
            immediately: { request in
                text("\(request.path)|\(request.query ?? "-")|\(request.head.authority ?? "-")|\(request.id)")
            })
        router.on(.get, "/large") { _ in
            Response(
                status: .ok, headerFields: [.contentType: "application/json", .eTag: "\"3\""],
                body: .bytes(Array(repeating: UInt8(ascii: "7"), count: 5000)))
        }
        router.on(.get, "/status/{code}") { request in
            Response(
                status: .init(code: Int(request.parameters["code"] ?? "") ?? 500),
                headerFields: [.contentType: "text/plain", .eTag: "\"3\""], body: .bytes(Array("body".utf8)))
        }
        router.on(.get, "/contradicts") { _ in
            Response(
                status: .ok,
                headerFields: [
                    .contentLength: "99", .transferEncoding: "chunked", .connection: "keep-alive", .date: "never",
                    .init("X-Request-Id")!: "mine", .init("X-Split")!: "a\r\nInjected: b",
                ], body: .bytes(Array("body".utf8)))
        }
        router.on(.get, "/fails") { _ in throw CancellationError() }
    }

    private static func bodies(_ router: inout Router) {
        router.on(.post, "/echo") { text(String(decoding: try await $0.body.collect(), as: UTF8.self)) }
        router.on(.post, "/size", options: .init(bodyLimit: 1000, inflatedLimit: 4000)) {
            text("\(try await $0.body.collect().count)")
        }
        router.on(.put, "/upload", options: .init(bodyLimit: nil, inflatedLimit: 64 << 20)) { request in
            var count = 0
            for try await piece in request.body.chunks { count += piece.count }
            return text("\(count)")
        }
        router.on(.post, "/ignores", options: .init(bodyLimit: nil)) { _ in text("ignored") }
    }

    private static func streams(_ router: inout Router) {
        router.on(.get, "/stream") { _ in
            Response(
                status: .ok, headerFields: [.contentType: "text/plain"],
                body: .stream { writer in
                    for number in 0..<3 {
                        try await writer.write(Array("piece \(number)\n".utf8))
                        try await writer.flush()
                    }
                })
        }
        router.on(.get, "/breaks-off") { _ in
            Response(
                status: .ok, headerFields: [.contentType: "application/octet-stream"],
                body: .stream { writer in
                    try await writer.write(Array("half".utf8))
                    try await writer.flush()
                    throw CancellationError()
                })
        }
    }
}
