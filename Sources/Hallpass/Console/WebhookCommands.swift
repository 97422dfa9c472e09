import Foundation
import Sockets

extension Console {
    /// `hallpass webhook sign`: the three header fields, a line each.
    public func signWebhook(file: String, id: String?, timestamp: Int?) throws {
        let fields = try signed(Self.body(of: file), id: id, timestamp: timestamp)
        if isJSON {
            say(json: { writer in
                writer.object { writer in
                    for (name, value) in fields {
                        writer.name(dynamic: name)
                        writer.string(value)
                    }
                }
            })
        } else {
            for (name, value) in fields { say("\(name): \(value)") }
        }
    }

    /// `hallpass webhook send`: signs a body and posts it; prints the answer.
    /// - Throws: when nobody answers, or not with 2xx.
    public func sendWebhook(file: String, url: String?, id: String?, timestamp: Int?) async throws {
        let body = try Self.body(of: file)
        let target = url ?? "\(configuration.baseURL ?? "http://\(configuration.listen)")/webhooks/clever"
        let answer = try await PlainHTTP.post(body, to: target, signed(body, id: id, timestamp: timestamp))
        say(answer.body.trimmingCharacters(in: .newlines))
        guard (200..<300).contains(answer.status) else {
            throw StartError("\(target) answered \(answer.status); the body above says why")
        }
    }

    private func signed(_ body: [UInt8], id: String?, timestamp: Int?) throws -> [(String, String)] {
        let secrets = try secretsOnly()
        let id = id ?? "msg_\(Identifier.format(Identifier.make(at: Date())).replacing("-", with: ""))"
        let timestamp = String(timestamp ?? Int(Date().timeIntervalSince1970))
        return [
            ("webhook-id", id), ("webhook-timestamp", timestamp),
            ("webhook-signature", secrets.secrets[0].sign(id: id, timestamp: timestamp, body: body)),
        ]
    }

    /// The secrets, without making one: a secret made here would be none of the service's.
    private func secretsOnly() throws -> WebhookSecrets {
        let path = configuration.dataFolder + "/webhook-secret"
        if configuration.webhookSecrets.isEmpty, try SecretFile.read(path) == nil {
            throw StartError(
                "there is no secret to sign with: start `hallpass serve` once, or set HALLPASS_WEBHOOK_SECRETS")
        }
        return try Bootstrap.webhookSecrets(configuration)
    }

    private static func body(of file: String) throws -> [UInt8] {
        if file == "-" { return Array(FileHandle.standardInput.readDataToEndOfFile()) }
        guard let data = FileManager.default.contents(atPath: file) else {
            throw StartError("\(file) cannot be read; name a file with the body, or - for standard input")
        }
        return Array(data)
    }

    /// `hallpass healthcheck`: whether the service is ready.
    public func checkHealth(url: String?) async throws {
        let base = url ?? "http://\(configuration.probeListen ?? configuration.listen)"
        let answer = try await PlainHTTP.get("\(base)/readyz")
        guard answer.status == 200 else {
            throw StartError(answer.body.trimmingCharacters(in: .whitespacesAndNewlines))
        }
        if isJSON { say(#"{"status":"ok"}"#) } else { say("ok") }
    }
}

/// One plain HTTP/1.1 exchange with a service nearby.
enum PlainHTTP {
    struct Answer: Sendable {
        var status: Int
        var body: String
    }

    static func get(_ url: String) async throws(StartError) -> Answer { try await send("GET", url, [], []) }

    static func post(
        _ body: [UInt8], to url: String, _ fields: [(String, String)]
    ) async throws(StartError) -> Answer {
        try await send("POST", url, fields + [("Content-Type", "application/json")], body)
    }

    private static func send(
        _ method: String, _ url: String, _ fields: [(String, String)], _ body: [UInt8]
    ) async throws(StartError) -> Answer {
        let (address, host, path) = try target(url)
        let head =
            "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\nContent-Length: \(body.count)\r\n"
            + fields.map { "\($0.0): \($0.1)\r\n" }.joined() + "\r\n"
        let message = Array(head.utf8) + body
        let reply = await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: exchange(message, with: address)) }
        }
        guard let reply, let end = reply.range(of: "\r\n\r\n"),
            let status = Int(reply.split(separator: " ").dropFirst().first ?? "")
        else { throw StartError("nobody answers at \(url); is `hallpass serve` running there?") }
        return Answer(status: status, body: String(reply[end.upperBound...]))
    }

    private static func target(_ url: String) throws(StartError) -> (SocketAddress, host: String, path: String) {
        do {
            if url.hasPrefix("http://unix:") {
                // http://unix:/run/hallpass.sock/readyz: the socket's path ends with its name.
                let rest = url.dropFirst("http://".count)
                let end = rest.range(of: "/readyz") ?? rest.range(of: "/webhooks")
                let path = end.map { String(rest[$0.lowerBound...]) } ?? "/"
                return (
                    try SocketAddress(parsing: String(end.map { rest[..<$0.lowerBound] } ?? rest)), "localhost", path
                )
            }
            guard let parts = URLComponents(string: url), parts.scheme == "http", let host = parts.host, !host.isEmpty
            else {
                throw StartError(
                    "\(url) is not a plain http:// address; send through curl with `hallpass webhook sign` instead")
            }
            let authority = "\(host):\(parts.port ?? 80)"
            let path = parts.percentEncodedPath.isEmpty ? "/" : parts.percentEncodedPath
            return (try SocketAddress(parsing: authority), authority, path)
        } catch let error as StartError {
            throw error
        } catch {
            throw StartError("\(url) cannot be used: \(error)")
        }
    }

    private static func exchange(_ message: [UInt8], with address: SocketAddress) -> String? {
        let descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard address.withSockaddr({ connect(descriptor, $0, $1) }) == 0 else { return nil }
        var sent = 0
        while sent < message.count {
            let count = message[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { break }
            sent += count
        }
        var reply: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { break }
            reply.append(contentsOf: buffer[..<count])
        }
        return reply.isEmpty ? nil : String(decoding: reply, as: UTF8.self)
    }
}
