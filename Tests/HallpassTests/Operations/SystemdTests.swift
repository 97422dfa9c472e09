import Foundation
import Sockets
import Testing

@testable import Hallpass

@Suite("What systemd hands over and is told")
struct SystemdTests {
    @Test("sockets are taken only when they are meant for this process, and told apart by their names")
    func sockets() {
        let two = ["LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "hallpass.socket:probes"]
        let cases: [([String: String], Bool, [Int32], [Int32])] = [
            ([:], true, [], []), (["LISTEN_FDS": "2"], true, [], []), (two, true, [1003], [1004]),
            (two, false, [1003, 1004], []), (["LISTEN_PID": "7", "LISTEN_FDS": "2"], true, [1003, 1004], []),
            (["LISTEN_PID": "8", "LISTEN_FDS": "2"], true, [], []),
            (["LISTEN_PID": "7", "LISTEN_FDS": "0"], true, [], []),
            (["LISTEN_PID": "7", "LISTEN_FDS": "x"], true, [], []),
            (["LISTEN_PID": "7", "LISTEN_FDS": "-1"], true, [], []),
        ]
        for (environment, hasProbeListener, main, probes) in cases {
            let sockets = SystemdSockets.take(
                environment, process: 7, hasProbeListener: hasProbeListener, first: 1003)
            #expect(sockets == SystemdSockets(main: main, probes: probes), "\(environment)")
        }
    }

    @Test("the journal reads a descriptor only when its stream is that very file")
    func journal() throws {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        var facts = stat()
        try #require(fstat(descriptor, &facts) == 0)
        let stream = "\(facts.st_dev):\(facts.st_ino)"
        #expect(SystemdJournal.reads(descriptor, ["JOURNAL_STREAM": stream]))
        for environment in [[:], ["JOURNAL_STREAM": ""], ["JOURNAL_STREAM": "1" + stream]] {
            #expect(!SystemdJournal.reads(descriptor, environment))
        }
        #expect(!SystemdJournal.reads(-1, ["JOURNAL_STREAM": stream]))
    }

    @Test("signs of life are given twice as often as they are asked for, by the process that is asked")
    func watchdog() {
        #expect(
            Watchdog.interval(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "7"], process: 7) == .milliseconds(1500))
        #expect(Watchdog.interval(["WATCHDOG_USEC": "3000000"], process: 7) == .milliseconds(1500))
        for environment in [
            [:], ["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "8"], ["WATCHDOG_USEC": "0"], ["WATCHDOG_USEC": "x"],
        ] { #expect(Watchdog.interval(environment, process: 7) == nil, "\(environment)") }
    }

    @Test("states arrive at the notify socket, by path and in the abstract namespace")
    func notify() throws {
        let name = "hallpass-\(UUID().uuidString.prefix(8))"
        for text in ["/tmp/\(name)", "@\(name)"] {
            let receiver = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            defer {
                close(receiver)
                unlink(text)
            }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            var path = Array(text.utf8)
            if path[0] == UInt8(ascii: "@") { path[0] = 0 }
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
            let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(receiver, $0, length) }
            }
            #expect(bound == 0)
            SystemdNotice.send("READY=1", ["NOTIFY_SOCKET": text])
            var buffer = [UInt8](repeating: 0, count: 64)
            let count = recv(receiver, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            #expect(count > 0 && String(decoding: buffer[..<max(0, count)], as: UTF8.self) == "READY=1", "\(text)")
        }
        // Nobody to tell, or nobody there: nothing happens.
        SystemdNotice.send("READY=1", [:])
        SystemdNotice.send("READY=1", ["NOTIFY_SOCKET": "/tmp/\(name)"])
        SystemdNotice.send("READY=1", ["NOTIFY_SOCKET": String(repeating: "x", count: 200)])
    }
}
