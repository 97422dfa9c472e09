import Foundation
import Sockets
import Testing

@Suite("Event loops")
struct EventLoopTests {
    @Test("a task that prefers a loop stays on its thread, across suspensions and child tasks")
    func staysOnTheLoop() async {
        let loop = EventLoop(name: "test")
        let places = await Task(executorPreference: loop) {
            var places = [loop.isCurrent]
            await Task.yield()
            places.append(loop.isCurrent)
            try? await loop.sleep(for: .milliseconds(1))
            places.append(loop.isCurrent)
            async let child = loop.isCurrent
            places.append(await child)
            return places
        }.value
        #expect(places == [true, true, true, true])
        await loop.stop()
    }

    @Test("timers fire in the order of their deadlines, cancelled ones not at all")
    func timers() async {
        let loop = EventLoop(name: "test")
        let order = await Task(executorPreference: loop) { () -> [Int] in
            nonisolated(unsafe) var order: [Int] = []
            await withCheckedContinuation { continuation in
                _ = loop.schedule(after: .milliseconds(20)) {
                    order.append(3)
                    continuation.resume()
                }
                _ = loop.schedule(after: .milliseconds(5)) { order.append(1) }
                _ = loop.schedule(after: .milliseconds(10)) { order.append(2) }
                let cancelled = loop.schedule(after: .milliseconds(7)) { order.append(99) }
                cancelled.cancel()
            }
            return order
        }.value
        #expect(order == [1, 2, 3])
        await loop.stop()
    }

    @Test("a cancelled sleep ends at once with CancellationError")
    func cancelledSleep() async {
        let loop = EventLoop(name: "test")
        let task = Task(executorPreference: loop) { try await loop.sleep(for: .seconds(3600)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await loop.stop()
    }

    @Test("a descriptor's readiness reaches its handler, and no longer once it is cancelled")
    func readiness() async throws {
        let loop = EventLoop(name: "test")
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let (reader, writer) = (ends[0], ends[1])
        let heard = try await Task(executorPreference: loop) { () -> Readiness in
            let stream = AsyncStream<Readiness> { continuation in
                do {
                    let registration = try loop.register(reader, interest: .read) { continuation.yield($0) }
                    nonisolated(unsafe) let held = registration
                    continuation.onTermination = { _ in loop.execute { held.cancel() } }
                } catch {
                    continuation.finish()
                }
            }
            var byte: UInt8 = 1
            _ = write(writer, &byte, 1)
            for await readiness in stream { return readiness }
            throw SocketError.badAddress("no readiness came")
        }.value
        #expect(heard.contains(.read))
        await loop.stop()
        close(reader)
        close(writer)
    }

    @Test("an address that another socket listens on is refused, a free one is shared by the loops")
    func listeners() throws {
        let first = try Listener(SocketAddress(parsing: "127.0.0.1:0"), count: 2)
        #expect(first.descriptors.count == 2)
        #expect(first.address.port != 0)
        #expect(throws: SocketError.addressInUse(first.address.description)) { try Listener(first.address, count: 1) }
        for descriptor in first.descriptors { close(descriptor) }
        let again = try Listener(first.address, count: 1)
        for descriptor in again.descriptors { close(descriptor) }
    }

    @Test(
        "addresses are read and written alike",
        arguments: ["127.0.0.1:8080", "[::1]:0", "unix:/tmp/hallpass.sock", "0.0.0.0:80"])
    func addresses(text: String) throws {
        #expect(try SocketAddress(parsing: text).description == text)
    }

    @Test(
        "what is no address is refused",
        arguments: ["", "8080", "127.0.0.1", "host:80", "[::1", "unix:", "1.2.3.4:99999"])
    func badAddresses(text: String) {
        #expect(throws: SocketError.self) { try SocketAddress(parsing: text) }
    }
}
