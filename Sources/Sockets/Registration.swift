import CLinux
import Foundation

/// What a descriptor is watched for.
public struct Interest: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let read = Interest(rawValue: 1)
    public static let write = Interest(rawValue: 2)
}

/// What a descriptor is ready for.
public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let read = Readiness(rawValue: 1)
    public static let write = Readiness(rawValue: 2)
    /// The peer will send no more (it may still read).
    public static let halfClosed = Readiness(rawValue: 4)
    /// Both directions are gone.
    public static let hangup = Readiness(rawValue: 8)
    public static let error = Readiness(rawValue: 16)

    init(epoll events: UInt32) {
        var value: Readiness = []
        if events & EPOLLIN.rawValue != 0 { value.insert(.read) }
        if events & EPOLLOUT.rawValue != 0 { value.insert(.write) }
        if events & EPOLLRDHUP.rawValue != 0 { value.insert(.halfClosed) }
        if events & EPOLLHUP.rawValue != 0 { value.insert(.hangup) }
        if events & EPOLLERR.rawValue != 0 { value.insert(.error) }
        self = value
    }
}

/// A descriptor's place in a loop. Used on the loop's thread only.
public final class Registration {
    private unowned let loop: EventLoop
    private let poller: Int32
    private let descriptor: Int32
    let number: UInt64
    private(set) var handler: (Readiness) -> Void
    private var interest: Interest?

    init(
        loop: EventLoop, poller: Int32, descriptor: Int32, number: UInt64, handler: @escaping (Readiness) -> Void
    ) {
        self.loop = loop
        self.poller = poller
        self.descriptor = descriptor
        self.number = number
        self.handler = handler
    }

    /// Changes what is watched for; nothing is asked of the kernel when it is the same. An empty interest still hears of
    /// hangups and errors.
    public func update(_ interest: Interest) {
        guard self.interest != nil, self.interest != interest else { return }
        _ = control(EPOLL_CTL_MOD, interest)
    }

    /// Ends the watching; the handler is not called again. May be called twice.
    public func cancel() {
        guard interest != nil else { return }
        interest = nil
        var event = epoll_event()
        epoll_ctl(poller, EPOLL_CTL_DEL, descriptor, &event)
        handler = { _ in }
        loop.forget(number)
    }

    func control(_ operation: Int32, _ interest: Interest) -> Bool {
        var event = epoll_event()
        if interest.contains(.read) { event.events |= EPOLLIN.rawValue | EPOLLRDHUP.rawValue }
        if interest.contains(.write) { event.events |= EPOLLOUT.rawValue }
        event.data.u64 = number
        guard epoll_ctl(poller, operation, descriptor, &event) == 0 else { return false }
        self.interest = interest
        return true
    }
}

/// A loop's registrations, found by number without hashing: the lower half is a place, the upper a count.
struct RegistrationTable {
    /// The number of none.
    static let none: UInt64 = 0

    private var places: [Registration?] = []
    private var free: [Int] = []
    private var count: UInt64 = 1

    /// The number that the next registration is to have.
    var nextNumber: UInt64 { count << 32 | UInt64(free.last ?? places.count) }

    /// - Parameter registration: with `nextNumber`.
    mutating func insert(_ registration: Registration) {
        if let place = free.popLast() {
            places[place] = registration
        } else {
            places.append(registration)
        }
        // 2^32 registrations later a number may come back, but no event waits for as long.
        count = count == UInt64(UInt32.max) ? 1 : count + 1
    }

    mutating func remove(_ number: UInt64) {
        guard self[number] != nil else { return }
        places[Self.place(number)] = nil
        free.append(Self.place(number))
    }

    /// Nil for a number that has ended, and for `none`.
    subscript(number: UInt64) -> Registration? {
        let place = Self.place(number)
        guard place < places.count, let registration = places[place], registration.number == number else { return nil }
        return registration
    }

    private static func place(_ number: UInt64) -> Int { Int(truncatingIfNeeded: number & 0xFFFF_FFFF) }
}
