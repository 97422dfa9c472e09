import Foundation
import Synchronization

@testable import Hallpass

/// A client of the event stream: reads on a thread of its own until the stream ends or it is closed.
final class EventStreamClient: Sendable {
    /// What stands between two empty lines.
    struct Block: Sendable {
        var id: Int?
        var event: String?
        var data: JSONValue?
        var comment: String?
    }

    /// How the stream came to its end.
    enum End: Sendable {
        /// With the last chunk.
        case whole
        case cutOff
    }

    private struct State {
        var status = 0
        var head = ""
        var blocks: [Block] = []
        var end: End?
        var bytes = 0
    }

    private let descriptor: Int32
    private let state = Mutex(State())

    var status: Int { state.withLock { $0.status } }
    var head: String { state.withLock { $0.head } }
    var blocks: [Block] { state.withLock { $0.blocks } }
    var end: End? { state.withLock { $0.end } }
    var receivedBytes: Int { state.withLock { $0.bytes } }
    /// Blocks with an event.
    var events: [Block] { blocks.filter { $0.event != nil } }
    var ids: [Int] { events.compactMap(\.id) }

    /// Connects, and waits for the first block.
    /// - Parameter reads: false takes nothing until `startReading` is called.
    init(
        _ client: TestClient, lastEventID: String? = nil, receiveBufferBytes: Int32? = nil, reads: Bool = true
    ) async throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        if var bytes = receiveBufferBytes {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(client.port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw TestClient.Failure(description: "connect: \(errno)") }
        var request = "GET /v1/events HTTP/1.1\r\nHost: test\r\nAccept-Encoding: gzip\r\n"
        if let token = client.token { request += "Authorization: Bearer \(token)\r\n" }
        if let lastEventID { request += "Last-Event-ID: \(lastEventID)\r\n" }
        request += "\r\n"
        _ = Array(request.utf8).withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if reads {
            startReading()
            try await wait { $0.end != nil || !$0.blocks.isEmpty }
        }
    }

    deinit { close(descriptor) }

    func startReading() {
        Thread.detachNewThread { [self] in read() }
    }

    /// Goes away.
    func leave() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Waits until there are so many events. - Throws: after half a minute.
    func wait(forEvents count: Int) async throws { try await wait { $0.blocks.count { $0.event != nil } >= count } }

    func waitForEnd() async throws { try await wait { $0.end != nil } }

    private func wait(_ condition: (State) -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(90)
        while !condition(state.withLock { $0 }) {
            guard ContinuousClock.now < deadline else {
                throw TestClient.Failure(
                    description: "the stream did not bring it: \(blocks.suffix(5)), end \(String(describing: end))")
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    // MARK: The wire

    private func read() {
        var wire: [UInt8] = []
        var body: [UInt8] = []
        var hasHead = false
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return finish(.cutOff) }
            wire.append(contentsOf: buffer[..<count])
            state.withLock { $0.bytes += count }
            if !hasHead {
                guard let end = wire.firstRange(of: Array("\r\n\r\n".utf8)) else { continue }
                let head = String(decoding: wire[..<end.lowerBound], as: UTF8.self)
                wire.removeFirst(end.upperBound)
                hasHead = true
                state.withLock { state in
                    state.head = head
                    state.status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
                }
                if status != 200 { return finish(.whole) }
            }
            let isOver = Self.unchunk(&wire, into: &body)
            take(&body)
            if isOver { return finish(.whole) }
        }
    }

    private func finish(_ end: End) { state.withLock { $0.end = end } }

    /// True after the last chunk.
    private static func unchunk(_ wire: inout [UInt8], into body: inout [UInt8]) -> Bool {
        var rest = wire[...]
        defer { wire = Array(rest) }
        while let line = rest.firstRange(of: Array("\r\n".utf8)),
            let size = Int(String(decoding: rest[rest.startIndex..<line.lowerBound], as: UTF8.self), radix: 16)
        {
            if size == 0 { return true }
            guard rest.endIndex >= line.upperBound + size + 2 else { return false }
            body.append(contentsOf: rest[line.upperBound..<line.upperBound + size])
            rest = rest[(line.upperBound + size + 2)...]
        }
        return false
    }

    private func take(_ body: inout [UInt8]) {
        var rest = body[...]
        while let end = rest.firstRange(of: Array("\n\n".utf8)) {
            let block = Self.block(String(decoding: rest[rest.startIndex..<end.lowerBound], as: UTF8.self))
            state.withLock { $0.blocks.append(block) }
            rest = rest[end.upperBound...]
        }
        body = Array(rest)
    }

    private static func block(_ text: String) -> Block {
        var block = Block()
        for line in text.split(separator: "\n") {
            let value = String(line.drop { $0 != ":" }.dropFirst(2))
            if line.hasPrefix(":") {
                block.comment = value
            } else if line.hasPrefix("id:") {
                block.id = Int(value)
            } else if line.hasPrefix("event:") {
                block.event = value
            } else if line.hasPrefix("data:") {
                block.data = try? JSONParser.parse(Array(value.utf8))
            }
        }
        return block
    }
}
