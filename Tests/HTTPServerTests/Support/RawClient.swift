import Foundation
import Sockets

/// Bytes to a server and whatever it answers, on a blocking socket.
final class RawClient: @unchecked Sendable {
    // @unchecked: one thread uses it at a time.
    private let descriptor: Int32
    private var unread: [UInt8] = []
    /// Why the last read gave nothing: 0 at the end, `ECONNRESET` after a reset.
    private(set) var lastErrno: Int32 = 0

    /// - Parameter receiveBufferBytes: a small one makes a slow reader of the client.
    init(_ address: SocketAddress, receiveBufferBytes: Int32? = nil) throws {
        descriptor = socket(address.family, Int32(SOCK_STREAM.rawValue), 0)
        if var bytes = receiveBufferBytes { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, 4) }
        guard address.withSockaddr({ connect(descriptor, $0, $1) }) == 0 else {
            throw SocketError.system(call: "connect", errno: errno)
        }
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// False when the server has closed.
    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    /// As much as goes without waiting longer than `seconds` for the server to take it. - Returns: how many bytes went.
    func sendWhatGoes(_ bytes: [UInt8], seconds: Int) -> Int {
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { break }
            sent += count
        }
        return sent
    }

    func finishSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    /// Gone without a word: the server gets a reset.
    func reset() {
        var reset = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, socklen_t(MemoryLayout<linger>.size))
        var address = sockaddr(sa_family: sa_family_t(AF_UNSPEC), sa_data: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
        connect(descriptor, &address, socklen_t(MemoryLayout<sockaddr>.size))
    }

    /// Everything until the server closes.
    func readToEnd() -> String {
        while readMore() {}
        defer { unread = [] }
        return String(decoding: unread, as: UTF8.self)
    }

    /// Until `text` has come, or the end.
    func read(until text: String) -> String {
        while !String(decoding: unread, as: UTF8.self).contains(text), readMore() {}
        defer { unread = [] }
        return String(decoding: unread, as: UTF8.self)
    }

    /// How many bytes come until the server closes, with a pause after each read.
    func countToEnd(pausing microseconds: UInt32) -> Int {
        var count = unread.count
        unread = []
        while readMore() {
            count += unread.count
            unread = []
            usleep(microseconds)
        }
        return count
    }

    /// Whether something of an answer has come that was not taken.
    var hasUnread: Bool { !unread.isEmpty }

    /// Whether the server has closed the connection and nothing is unread.
    var isAtEnd: Bool { unread.isEmpty && !readMore() }

    /// The next answer, taken by its framing. Nil when there is none, or less than one.
    /// - Parameter isToHead: the request was a `HEAD`.
    func readReply(isToHead: Bool = false) -> Reply? {
        guard let head = take(until: "\r\n\r\n") else { return nil }
        guard var reply = Reply(head: head) else { return nil }
        if isToHead || reply.status < 200 || reply.status == 204 || reply.status == 304 { return reply }
        if reply["Transfer-Encoding"] == "chunked" {
            while let chunk = readChunk() {
                if chunk.isEmpty { return reply }
                reply.body += chunk
                reply.chunks += 1
            }
            return nil
        }
        if let length = reply["Content-Length"].flatMap(Int.init) {
            guard let body = take(length) else { return nil }
            reply.body = body
        } else {
            while readMore() {}
            reply.body = unread
            unread = []
        }
        return reply
    }

    /// The head of a chunked answer and its first chunk.
    func readBeginning() -> Reply? {
        guard let head = take(until: "\r\n\r\n"), var reply = Reply(head: head) else { return nil }
        reply.body = readChunk() ?? []
        return reply
    }

    /// The other chunks of it, nil when they do not come to an end.
    func readRest() -> [UInt8]? {
        var body: [UInt8] = []
        while let chunk = readChunk() {
            if chunk.isEmpty { return body }
            body += chunk
        }
        return nil
    }

    private func readChunk() -> [UInt8]? {
        guard let line = take(until: "\r\n"), let size = Int(line, radix: 16) else { return nil }
        guard let chunk = take(size), take(2) == [13, 10] else { return nil }
        return chunk
    }

    private func take(until mark: String) -> String? {
        let mark = Array(mark.utf8)
        while true {
            if let range = unread.firstRange(of: mark) {
                defer { unread.removeSubrange(..<range.upperBound) }
                return String(decoding: unread[..<range.lowerBound], as: UTF8.self)
            }
            if !readMore() { return nil }
        }
    }

    private func take(_ count: Int) -> [UInt8]? {
        while unread.count < count { if !readMore() { return nil } }
        defer { unread.removeSubrange(..<count) }
        return Array(unread[..<count])
    }

    private func readMore() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        lastErrno = count < 0 ? errno : 0
        if count > 0 { unread += buffer[..<count] }
        return count > 0
    }
}

/// One answer.
struct Reply {
    var status: Int
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []
    /// Chunks with something in them.
    var chunks = 0

    init?(head: String) {
        let lines = head.components(separatedBy: "\r\n")
        let parts = lines[0].split(separator: " ", maxSplits: 2)
        guard parts.count == 3, parts[0] == "HTTP/1.1", let status = Int(parts[1]) else { return nil }
        self.status = status
        for line in lines.dropFirst() {
            let pair = line.components(separatedBy: ": ")
            guard pair.count >= 2 else { return nil }
            fields.append((pair[0], pair.dropFirst().joined(separator: ": ")))
        }
    }

    /// The field's value when there is exactly one.
    subscript(name: String) -> String? {
        let values = fields.filter { $0.name.lowercased() == name.lowercased() }
        return values.count == 1 ? values[0].value : nil
    }

    var text: String { String(decoding: body, as: UTF8.self) }
}
