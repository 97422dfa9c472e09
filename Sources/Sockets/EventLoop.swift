import CLinux
import Foundation
import Synchronization

// One thread, one epoll. Everything of a loop happens on its thread: readiness of descriptors, timers, and the jobs of the
// tasks that prefer the loop as their executor. A job that is enqueued on the thread goes into a local queue without a
// lock; one from elsewhere goes through a mutex and an eventfd that is written only when the loop may be asleep.
// A turn: wait (not longer than the next timer), dispatch what is ready, fire timers, run jobs until none is left.
// epoll carries a registration number beside the descriptor, because a closed descriptor's number comes back: an event
// whose number is no longer known is stale and dropped.
// The thread is scheduled as SCHED_BATCH (sched(7)): when it wakes on a busy core it lets the thread that runs there finish,
// so that under load it finds many answers and requests at a time instead of being switched to for each. On two busy
// cores that made reads by way of PostgreSQL 1.3 times as many, and their p99 a seventh; an idle core starts it at once.

/// An event loop on a thread of its own, which is a `TaskExecutor`: a task that prefers it never leaves the thread.
public final class EventLoop: TaskExecutor, @unchecked Sendable {
    // @unchecked: `inbox` is behind a mutex and `isStopped` atomic; every other stored property is touched by the loop's
    // thread alone (checked by `precondition(isCurrent)` where callers could err).
    private struct Inbox {
        var jobs: [UnownedJob] = []
        var bodies: [@Sendable () -> Void] = []
        var isSignalled = false
        var isStopping = false
    }

    /// The loop's name, which its thread carries too.
    public let name: String
    private let poller: Int32
    private let waker: Int32
    private let inbox = Mutex(Inbox())
    private let worstTurnNanoseconds = Atomic<Int64>(0)
    private let ended = DispatchSemaphore(value: 0)

    private var localJobs: [UnownedJob] = []
    private var registrations: [UInt32: Registration] = [:]
    private var nextNumber: UInt32 = 1
    private var timers = TimerHeap()
    private var turnStart = ContinuousClock.now
    private let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: 256)

    /// Starts the thread. Aborts when the system has no descriptors left for an epoll at all.
    public init(name: String) {
        self.name = name
        events.initialize(repeating: epoll_event())
        poller = linux_epoll()
        waker = linux_eventfd()
        precondition(poller >= 0 && waker >= 0, "no descriptors left for an event loop: raise `ulimit -n`")
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u64 = 0
        epoll_ctl(poller, EPOLL_CTL_ADD, waker, &event)
        let thread = Thread { [self] in run() }
        thread.name = name
        thread.stackSize = 1 << 20
        thread.start()
    }

    deinit {
        events.deallocate()
        close(poller)
        close(waker)
    }

    // MARK: Whose thread

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    /// The loop whose thread this is.
    public static var current: EventLoop? {
        pthread_getspecific(key).map { Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Whether the caller is on this loop's thread.
    public var isCurrent: Bool { pthread_getspecific(Self.key) == Unmanaged.passUnretained(self).toOpaque() }

    // MARK: Jobs

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            localJobs.append(job)
        } else {
            signal { $0.jobs.append(job) }
        }
    }

    /// Runs `body` on the loop's thread, later in this turn or in the next. Callable from any thread.
    public func execute(_ body: @escaping @Sendable () -> Void) { signal { $0.bodies.append(body) } }

    private func signal(_ change: (inout Inbox) -> Void) {
        let mustWake = inbox.withLock { inbox in
            change(&inbox)
            defer { inbox.isSignalled = true }
            return !inbox.isSignalled
        }
        // On the loop itself nothing has to be woken: a turn ends with the inbox empty.
        guard mustWake, !isCurrent else { return }
        var one: UInt64 = 1
        _ = write(waker, &one, 8)
    }

    // MARK: Descriptors

    /// Watches a descriptor; the handler runs on the loop while it is ready (level-triggered). On the loop's thread only.
    /// The descriptor stays the caller's: cancel the registration before closing it.
    public func register(
        _ descriptor: Int32, interest: Interest, _ handler: @escaping (Readiness) -> Void
    ) throws(SocketError) -> Registration {
        precondition(isCurrent, "descriptors are registered on the loop's own thread")
        repeat { nextNumber = nextNumber &+ 1 } while nextNumber == 0 || registrations[nextNumber] != nil
        let registration = Registration(
            loop: self, poller: poller, descriptor: descriptor, number: nextNumber, handler: handler)
        guard registration.control(EPOLL_CTL_ADD, interest) else { throw .system(call: "epoll_ctl", errno: errno) }
        registrations[registration.number] = registration
        return registration
    }

    func forget(_ number: UInt32) { registrations[number] = nil }

    // MARK: Time

    /// The instant at which this turn began to dispatch: cheap, and right to within a turn.
    public var now: ContinuousClock.Instant { turnStart }

    /// The longest turn since the last call: how late the loop may have been. Any thread.
    public func takeLag() -> Duration {
        .nanoseconds(worstTurnNanoseconds.exchange(0, ordering: .relaxed))
    }

    /// Runs `body` on the loop after `delay`. On the loop's thread only.
    public func schedule(after delay: Duration, _ body: @escaping () -> Void) -> LoopTimer {
        precondition(isCurrent, "timers are set on the loop's own thread")
        let timer = LoopTimer(deadline: ContinuousClock.now + delay, body: body)
        timers.insert(timer)
        return timer
    }

    /// Waits on the loop's timers. - Throws: `CancellationError` as soon as the task is cancelled.
    public func sleep(for delay: Duration) async throws(CancellationError) {
        let sleeper = Sleeper()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                self.execute {
                    guard sleeper.start(continuation) else { return continuation.resume() }
                    sleeper.timer = self.schedule(after: delay) { sleeper.finish() }
                }
            }
        } onCancel: {
            self.execute { sleeper.finish() }
        }
        if Task.isCancelled { throw CancellationError() }
    }

    // MARK: The thread

    /// Ends the thread once what is enqueued has run. Waits for it; callable from any other thread.
    public func stop() async {
        signal { $0.isStopping = true }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                self.ended.wait()
                self.ended.signal()
                continuation.resume()
            }
        }
    }

    private func run() {
        pthread_setspecific(Self.key, Unmanaged.passUnretained(self).toOpaque())
        linux_name_thread(String(name.prefix(15)))
        // Where a sandbox forbids it the loop runs as any thread does.
        _ = linux_schedule_as_batch()
        var isStopping = false
        while !(isStopping && localJobs.isEmpty) {
            let count = epoll_wait(poller, events.baseAddress, Int32(events.count), waitMilliseconds())
            turnStart = ContinuousClock.now
            for index in 0..<max(0, Int(count)) { dispatch(events[index]) }
            for timer in timers.takeDue(until: turnStart) { timer.fire() }
            isStopping = drain() || isStopping
            let turn = (ContinuousClock.now - turnStart).components
            let nanoseconds = turn.seconds * 1_000_000_000 + turn.attoseconds / 1_000_000_000
            if nanoseconds > worstTurnNanoseconds.load(ordering: .relaxed) {
                worstTurnNanoseconds.store(nanoseconds, ordering: .relaxed)
            }
        }
        ended.signal()
    }

    private func waitMilliseconds() -> Int32 {
        if !localJobs.isEmpty { return 0 }
        guard let deadline = timers.nextDeadline else { return -1 }
        let wait = (deadline - ContinuousClock.now).components
        if wait.seconds < 0 || (wait.seconds == 0 && wait.attoseconds <= 0) { return 0 }
        return Int32(clamping: wait.seconds * 1000 + wait.attoseconds / 1_000_000_000_000_000 + 1)
    }

    private func dispatch(_ event: epoll_event) {
        let packed = event.data.u64
        if packed == 0 {
            var count: UInt64 = 0
            _ = read(waker, &count, 8)
            return
        }
        guard let registration = registrations[UInt32(truncatingIfNeeded: packed >> 32)] else { return }
        registration.handler(Readiness(epoll: event.events))
    }

    /// Takes what came from other threads, then runs jobs until none is left. True when the loop is to stop.
    private func drain() -> Bool {
        var isStopping = false
        repeat {
            let (jobs, bodies) = inbox.withLock { inbox in
                defer {
                    inbox.jobs = []
                    inbox.bodies = []
                    inbox.isSignalled = false
                }
                isStopping = isStopping || inbox.isStopping
                return (inbox.jobs, inbox.bodies)
            }
            for body in bodies { body() }
            localJobs.append(contentsOf: jobs)
            runLocalJobs()
        } while inbox.withLock { !$0.jobs.isEmpty || !$0.bodies.isEmpty }
        return isStopping
    }

    private func runLocalJobs() {
        // Jobs that enqueue others are bounded to a number a turn, so that sockets and timers get their share.
        var budget = 10_000
        var batch: [UnownedJob] = []
        while !localJobs.isEmpty, budget > 0 {
            swap(&batch, &localJobs)
            for job in batch { job.runSynchronously(on: asUnownedTaskExecutor()) }
            budget -= batch.count
            batch.removeAll(keepingCapacity: true)
        }
    }
}

/// State of one `sleep`, touched on the loop's thread alone.
private final class Sleeper: @unchecked Sendable {
    // @unchecked: every access is inside a body that `EventLoop.execute` or a timer runs on the loop's thread.
    var timer: LoopTimer?
    private var continuation: CheckedContinuation<Void, Never>?
    private var isFinished = false

    /// False when the sleep was cancelled before it began.
    func start(_ continuation: CheckedContinuation<Void, Never>) -> Bool {
        if isFinished { return false }
        self.continuation = continuation
        return true
    }

    func finish() {
        isFinished = true
        timer?.cancel()
        continuation?.resume()
        continuation = nil
    }
}
