import CLinux
import Foundation
import Synchronization

// One thread, one epoll. Everything of a loop happens on its thread: readiness of descriptors, timers, and the jobs of the
// tasks that prefer the loop as their executor. A job that is enqueued on the thread goes into a local queue without a
// lock; one from elsewhere goes through a mutex and an eventfd that is written only when the loop may be asleep.
// A turn: wait (not longer than the next timer), dispatch what is ready, fire timers, run jobs until none is left. All that
// is ready is dispatched before any of it is worked on: so the code of each of the two stays in the caches, and taking turns
// was not faster, neither among 64 connections nor among 1,000.
// epoll carries the number of a registration, a place in a table and a count: the place is used again, the number is not, so
// an event whose registration has ended is known as stale and dropped.
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
        var isStopping = false
    }

    /// The loop's name, which its thread carries too.
    public let name: String
    private let niceness: Int
    private let poller: Int32
    private let waker: Int32
    private let inbox = Mutex(Inbox())
    /// Something has been put into the inbox since the loop looked last.
    private let isSignalled = Atomic<Bool>(false)
    private let worstTurnNanoseconds = Atomic<Int64>(0)
    private let ended = DispatchSemaphore(value: 0)

    @exclusivity(unchecked) private var localJobs: [UnownedJob] = []
    /// The jobs that are being run.
    @exclusivity(unchecked) private var batch: [UnownedJob] = []
    @exclusivity(unchecked) private var registrations = RegistrationTable()
    @exclusivity(unchecked) private var timers = TimerHeap()
    @exclusivity(unchecked) private var turnStart = ContinuousClock.now
    private let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: 256)

    /// Starts the thread. Aborts when the system has no descriptors left for an epoll at all.
    /// - Parameter niceness: how nice the thread is to all others (nice(1), 0–19).
    public init(name: String, niceness: Int = 0) {
        self.name = name
        self.niceness = niceness
        events.initialize(repeating: epoll_event())
        poller = linux_epoll()
        waker = linux_eventfd()
        precondition(poller >= 0 && waker >= 0, "no descriptors left for an event loop: raise `ulimit -n`")
        var event = epoll_event()
        event.events = EPOLLIN.rawValue
        event.data.u64 = RegistrationTable.none
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
        inbox.withLock { change(&$0) }
        // On the loop itself nothing has to be woken: a turn ends with the inbox empty.
        guard !isSignalled.exchange(true, ordering: .acquiringAndReleasing), !isCurrent else { return }
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
        let registration = Registration(
            loop: self, poller: poller, descriptor: descriptor, number: registrations.nextNumber, handler: handler)
        guard registration.control(EPOLL_CTL_ADD, interest) else { throw .system(call: "epoll_ctl", errno: errno) }
        registrations.insert(registration)
        return registration
    }

    func forget(_ number: UInt64) { registrations.remove(number) }

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

    /// Runs `body` on this loop, whatever it awaits. The task comes from elsewhere, and goes on there afterwards.
    public func run<Result, Failure: Error>(
        _ body: () async throws(Failure) -> Result
    ) async throws(Failure) -> Result {
        do throws(Failure) {
            let result = try await withTaskExecutorPreference(self) { () async throws(Failure) -> Result in
                await self.arrive()
                return try await body()
            }
            await Task.yield()
            return result
        } catch {
            await Task.yield()
            throw error
        }
    }

    /// Preferring a loop moves nobody before a task has waited: its next steps come to the loop then.
    private func arrive() async {
        await withUnsafeContinuation { continuation in execute { continuation.resume() } }
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
        if niceness > 0 { _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Int32(niceness)) }
        var isStopping = false
        var turnEnd = ContinuousClock.now
        while !(isStopping && localJobs.isEmpty) {
            let count = epoll_wait(poller, events.baseAddress, Int32(events.count), waitMilliseconds(turnEnd))
            turnStart = ContinuousClock.now
            // Jobs that enqueue others are bounded to a number a turn, so that sockets and timers get their share.
            var budget = 10_000
            for index in 0..<max(0, Int(count)) { dispatch(events[index]) }
            for timer in timers.takeDue(until: turnStart) { timer.fire() }
            isStopping = drain(&budget) || isStopping
            turnEnd = ContinuousClock.now
            noteLag(turnEnd - turnStart)
        }
        ended.signal()
    }

    private func noteLag(_ turn: Duration) {
        // Compared before it is divided: a Duration has 128 bits.
        guard turn > .nanoseconds(worstTurnNanoseconds.load(ordering: .relaxed)) else { return }
        worstTurnNanoseconds.store(Int64(turn.attoseconds / 1_000_000_000), ordering: .relaxed)
    }

    private func waitMilliseconds(_ now: ContinuousClock.Instant) -> Int32 {
        if !localJobs.isEmpty { return 0 }
        guard let deadline = timers.nextDeadline else { return -1 }
        if deadline <= now { return 0 }
        return Int32(min((deadline - now).inSeconds * 1000, 1e9)) + 1
    }

    private func dispatch(_ event: epoll_event) {
        let number = event.data.u64
        if let registration = registrations[number] {
            registration.handler(Readiness(epoll: event.events))
        } else if number == RegistrationTable.none {
            var count: UInt64 = 0
            _ = read(waker, &count, 8)
        }
    }

    /// Takes what came from other threads, then runs jobs until none is left. True when the loop is to stop.
    private func drain(_ budget: inout Int) -> Bool {
        var isStopping = false
        runLocalJobs(&budget)
        while isSignalled.exchange(false, ordering: .acquiringAndReleasing) {
            let (jobs, bodies) = inbox.withLock { inbox in
                defer {
                    inbox.jobs = []
                    inbox.bodies = []
                }
                isStopping = isStopping || inbox.isStopping
                return (inbox.jobs, inbox.bodies)
            }
            for body in bodies { body() }
            localJobs.append(contentsOf: jobs)
            runLocalJobs(&budget)
        }
        return isStopping
    }

    private func runLocalJobs(_ budget: inout Int) {
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
