import Foundation

@testable import Hallpass

/// A plain HTTP/1.1 client for the tests: one connection a request, blocking on a thread of its own.
struct TestClient: Sendable {
    let port: Int
    /// `hp_…`; nil sends no Authorization.
    var token: String?
    /// Answers are held to the OpenAPI document; off where what answers is not the API's listener.
    var isDocumented = true

    struct Answer: Sendable {
        var status: Int
        /// Names in lower case; several fields of one name are joined by commas.
        var headerFields: [String: String]
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }

        /// The body as JSON; `.null` when it is not.
        var json: JSONValue { (try? JSONParser.parse(body)) ?? .null }

        subscript(path: String...) -> JSONValue? {
            path.reduce(json) { value, name in
                if let index = Int(name), case .array(let items)? = value {
                    return items.indices.contains(index) ? items[index] : nil
                }
                return value?[name]
            }
        }

        var code: String? { json["code"]?.string }
    }

    func get(_ target: String, _ headerFields: [String: String] = [:]) async throws -> Answer {
        try await send("GET", target, headerFields)
    }

    func post(_ target: String, _ json: String? = nil, _ headerFields: [String: String] = [:]) async throws -> Answer {
        try await send("POST", target, headerFields, json.map { Array($0.utf8) })
    }

    func patch(_ target: String, _ json: String, _ headerFields: [String: String] = [:]) async throws -> Answer {
        try await send("PATCH", target, headerFields, Array(json.utf8))
    }

    func put(_ target: String, _ json: String, _ headerFields: [String: String] = [:]) async throws -> Answer {
        try await send("PUT", target, headerFields, Array(json.utf8))
    }

    func delete(_ target: String, _ headerFields: [String: String] = [:]) async throws -> Answer {
        try await send("DELETE", target, headerFields)
    }

    func send(
        _ method: String, _ target: String, _ headerFields: [String: String] = [:], _ body: [UInt8]? = nil
    ) async throws -> Answer {
        var fields = ["Host": "127.0.0.1:\(port)", "Connection": "close"]
        if let token { fields["Authorization"] = "Bearer \(token)" }
        if let body {
            fields["Content-Length"] = String(body.count)
            fields["Content-Type"] = "application/json"
        }
        fields.merge(headerFields) { _, given in given }
        let head =
            "\(method) \(target) HTTP/1.1\r\n"
            + fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }.joined() + "\r\n"
        let message = Array(head.utf8) + (body ?? [])
        let port = port
        let reply = try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try Self.exchange(message, port: port) }) }
        }
        let answer = try Self.parse(reply, isHead: method == "HEAD")
        if isDocumented { AnswerCheck.record(method, target, answer) }
        return answer
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private static func exchange(_ message: [UInt8], port: Int) throws -> [UInt8] {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: "socket: \(errno)") }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Failure(description: "connect: \(errno)") }
        var sent = 0
        while sent < message.count {
            let count = message[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count < 0 { break }
            sent += count
        }
        var reply: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 { return reply }
            if count < 0 {
                if reply.isEmpty { throw Failure(description: "recv: \(errno)") }
                return reply
            }
            reply.append(contentsOf: buffer[..<count])
        }
    }

    private static func parse(_ reply: [UInt8], isHead: Bool) throws -> Answer {
        guard let end = reply.firstRange(of: Array("\r\n\r\n".utf8)) else {
            throw Failure(description: "no answer: \(String(decoding: reply.prefix(200), as: UTF8.self))")
        }
        let lines = String(decoding: reply[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
        let status = Int(lines[0].split(separator: " ").dropFirst().first ?? "") ?? 0
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            fields[line[..<colon].lowercased(), default: ""] +=
                fields[line[..<colon].lowercased()] == nil ? value : ", \(value)"
        }
        if (100..<200).contains(status) { return try parse(Array(reply[end.upperBound...]), isHead: isHead) }
        var body = Array(reply[end.upperBound...])
        if fields["transfer-encoding"]?.lowercased() == "chunked", !isHead { body = try unchunked(body) }
        if let length = fields["content-length"].flatMap({ Int($0) }), !isHead, status != 304, length != body.count {
            throw Failure(description: "Content-Length \(length), but \(body.count) bytes came")
        }
        return Answer(status: status, headerFields: fields, body: body)
    }

    private static func unchunked(_ bytes: [UInt8]) throws -> [UInt8] {
        var body: [UInt8] = []
        var rest = bytes[...]
        while let line = rest.firstRange(of: Array("\r\n".utf8)) {
            guard let size = Int(String(decoding: rest[..<line.lowerBound], as: UTF8.self), radix: 16) else { break }
            if size == 0 { return body }
            body.append(contentsOf: rest[line.upperBound..<line.upperBound + size])
            rest = rest[(line.upperBound + size + 2)...]
        }
        throw Failure(description: "the chunked body ends too early")
    }
}
