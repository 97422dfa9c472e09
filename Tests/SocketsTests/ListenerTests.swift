import Foundation
import Sockets
import Testing

@Suite("Listeners")
struct ListenerTests {
    private static func path() -> String { "/tmp/listener-\(UUID().uuidString.prefix(8)).socket" }

    private static func close(_ listener: Listener) {
        for descriptor in listener.descriptors { Glibc.close(descriptor) }
    }

    private static func connects(to address: SocketAddress) -> Bool {
        let client = socket(address.family, Int32(SOCK_STREAM.rawValue), 0)
        defer { Glibc.close(client) }
        return address.withSockaddr { connect(client, $0, $1) } == 0
    }

    @Test("a socket file that nobody listens on is taken over, a live one is an error")
    func unix() throws {
        let path = Self.path()
        defer { unlink(path) }
        let address = try SocketAddress(parsing: "unix:\(path)")
        let first = try Listener(address, count: 2)
        #expect(first.descriptors.count == 1 && first.address == address)
        #expect(throws: SocketError.addressInUse("unix:\(path)")) { try Listener(address, count: 1) }
        #expect(Self.connects(to: address))
        Self.close(first)
        // Its process has gone; the file is still there.
        #expect(access(path, F_OK) == 0 && !Self.connects(to: address))
        let second = try Listener(address, count: 1)
        #expect(Self.connects(to: address))
        Self.close(second)
    }

    @Test("a file that is no socket is never taken over")
    func plainFile() throws {
        let path = Self.path()
        defer { unlink(path) }
        try "precious".write(toFile: path, atomically: true, encoding: .utf8)
        #expect(throws: SocketError.self) { try Listener(.init(.unix(path: path)), count: 1) }
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    }

    @Test("loops share a port of ours, and nobody else's", arguments: ["127.0.0.1:0", "[::1]:0"])
    func ports(text: String) throws {
        let listener = try Listener(SocketAddress(parsing: text), count: 3)
        defer { Self.close(listener) }
        #expect(listener.descriptors.count == 3 && (listener.address.port ?? 0) > 0)
        #expect(throws: SocketError.addressInUse(listener.address.description)) {
            try Listener(listener.address, count: 1)
        }
    }

    @Test("a socket handed over is used as it is, and not handed on to children")
    func inherited() throws {
        let original = try Listener(SocketAddress(parsing: "127.0.0.1:0"), count: 1)
        defer { Self.close(original) }
        _ = fcntl(original.descriptors[0], F_SETFD, 0)
        let inherited = try Listener(inherited: original.descriptors[0])
        #expect(inherited.address == original.address && inherited.descriptors == original.descriptors)
        #expect(fcntl(original.descriptors[0], F_GETFD) == FD_CLOEXEC)
        #expect(Self.connects(to: inherited.address))
        #expect(throws: SocketError.self) { try Listener(inherited: -1) }
        let file = open("/dev/null", O_RDONLY)
        defer { Glibc.close(file) }
        #expect(throws: SocketError.self) { try Listener(inherited: file) }
    }

    @Test("an accepted connection sends at once and keeps little unsent")
    func tuning() throws {
        let listener = try Listener(SocketAddress(parsing: "127.0.0.1:0"), count: 1)
        defer { Self.close(listener) }
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { Glibc.close(client) }
        #expect(listener.address.withSockaddr { connect(client, $0, $1) } == 0)
        let accepted = try #require(try Listener.accept(on: listener.descriptors[0]))
        defer { Glibc.close(accepted.descriptor) }
        #expect(accepted.peer.host == "127.0.0.1" && (accepted.peer.port ?? 0) > 0)
        var value: Int32 = 0
        var length = socklen_t(4)
        getsockopt(accepted.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &value, &length)
        #expect(value == 1)
        getsockopt(accepted.descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, &value, &length)
        #expect(value == 128 * 1024)
    }

    @Test("addresses are read and written as people write them")
    func addresses() throws {
        for text in ["127.0.0.1:8080", "[::1]:0", "unix:/run/x.socket", "0.0.0.0:1"] {
            #expect(try SocketAddress(parsing: text).description == text)
        }
        #expect(try SocketAddress(parsing: "localhost:80").description == "127.0.0.1:80")
        #expect(try SocketAddress(parsing: ":80").description == "0.0.0.0:80")
        for text in ["", "80", "a:80", "127.0.0.1", "127.0.0.1:65536", "::1:80", "[::1]", "unix:", "127.0.0.1:-1"] {
            #expect(throws: SocketError.self, "\(text)") { try SocketAddress(parsing: text) }
        }
        let long = "unix:/" + String(repeating: "x", count: 107)
        #expect(throws: SocketError.self) { try SocketAddress(parsing: long) }
        #expect(try SocketAddress(parsing: String(long.dropLast())).family == AF_UNIX)
    }
}
