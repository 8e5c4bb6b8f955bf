internal import CEventLoops
internal import Glibc
public import PacketTunnel
internal import Synchronization

/// One thread, one epoll instance, timers, and closures posted by other threads.
///
/// Whatever is registered here is owned by the loop: its handlers run on this thread alone, so they need no locks.
/// One turn is: wait, serve each ready descriptor once, serve those that asked to be called again, run posted work,
/// fire due timers. No step can starve another.
public final class EventLoop: PacketLoop, @unchecked Sendable {  // what its thread owns is marked below
    /// Nanoseconds. A tenth of what Linux gives by default: a loop that has a packet to pass on should not wait for a
    /// program that computes, and has little to do each time.
    private static let timeSlice: UInt64 = 300_000

    private let epoll: Epoll
    private let posted = Mutex<[@Sendable () -> Void]>([])
    private let timerOrder = Atomic<UInt64>(0)
    private let thread = Atomic<UInt>(0)
    private var joinable: pthread_t?

    // Owned by the loop's thread.
    private var registrations: [UInt64: Registration] = [:]
    private var lastIdentifier = Epoll.wakeIdentifier
    private var again: [Registration] = []
    private var timers = TimerQueue()
    private var isStopping = false
    private var turnTime: UInt64 = 0
    private var lastYield: UInt64 = 0

    /// Makes the loop and starts its thread.
    ///
    /// - Parameter name: the thread's name in `ps` and `top`; 15 bytes of it count.
    /// - Throws: `SystemCallError` when the process is out of descriptors or threads.
    public init(name: String) throws {
        epoll = try Epoll()
        turnTime = SystemClock.monotonic
        try startThread(name: name)
    }

    private func startThread(name: String) throws {
        final class Start {
            let loop: EventLoop
            let name: String
            init(loop: EventLoop, name: String) {
                self.loop = loop
                self.name = name
            }
        }
        var identifier = pthread_t()
        let start = Unmanaged.passRetained(Start(loop: self, name: name))
        let code = pthread_create(
            &identifier,
            nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                eventloop_set_thread_name(start.name)
                eventloop_set_time_slice(EventLoop.timeSlice)
                start.loop.run()
                return nil
            },
            start.toOpaque()
        )
        guard code == 0 else {
            start.release()
            throw SystemCallError("pthread_create", code: code)
        }
        joinable = identifier
    }

    /// Ends the thread after the work posted before, and waits for it. Not from the loop's own thread. Idempotent.
    public func stop() {
        precondition(!isCurrent, "a loop cannot wait for itself")
        guard let joinable else { return }
        self.joinable = nil
        execute { self.isStopping = true }
        pthread_join(joinable, nil)
    }

    // MARK: PacketLoop

    /// True on the loop's thread.
    public var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    /// `CLOCK_MONOTONIC` in nanoseconds, as it was when this turn's wait ended.
    public var now: UInt64 { turnTime }

    /// Nanoseconds since `now`: what this turn, or the handler that it has just called, has taken so far.
    public var timeInTurn: UInt64 { SystemClock.monotonic - turnTime }

    /// `sched_yield(2)`, at most once per time slice, as the rest of it is lost. A kernel that looks at its threads 250
    /// times a second otherwise leaves the processor to a busy loop for 4 ms, whatever slice that has asked for.
    public func yieldProcessor() {
        let time = SystemClock.monotonic
        guard time &- lastYield >= Self.timeSlice else { return }
        sched_yield()
        lastYield = time
    }

    /// Runs `work` on the loop's thread, in the order of the calls.
    public func execute(_ work: @escaping @Sendable () -> Void) {
        let wasEmpty = posted.withLock { queue in
            defer { queue.append(work) }
            return queue.isEmpty
        }
        if wasEmpty { epoll.wake() }
    }

    /// Runs `work` once, `nanoseconds` from now. Resolution: a millisecond.
    @discardableResult
    public func schedule(after nanoseconds: UInt64, _ work: @escaping @Sendable () -> Void) -> any ScheduledWork {
        let order = timerOrder.wrappingAdd(1, ordering: .relaxed).newValue
        let timer = Timer(deadline: SystemClock.monotonic &+ nanoseconds, order: order, work: work)
        if isCurrent {
            timers.insert(timer)
        } else {
            execute { self.timers.insert(timer) }
        }
        return timer
    }

    // MARK: Descriptors, on the loop's thread

    /// Watches `descriptor`, which stays the caller's. The handler is held weakly, and called until
    /// `Registration.cancel()`.
    public func register(
        _ descriptor: Int32,
        interest: DescriptorEvents,
        handler: any DescriptorHandler
    ) throws -> Registration {
        preconditionCurrent()
        lastIdentifier += 1
        try epoll.add(descriptor, interest, identifier: lastIdentifier)
        let registration = Registration(
            identifier: lastIdentifier,
            descriptor: descriptor,
            interest: interest,
            handler: handler,
            loop: self
        )
        registrations[lastIdentifier] = registration
        return registration
    }

    func interestDidChange(_ registration: Registration) {
        preconditionCurrent()
        guard registrations[registration.identifier] != nil else { return }
        try? epoll.modify(
            registration.descriptor,
            registration.interest,
            identifier: registration.identifier
        )
    }

    func queueAgain(_ registration: Registration) {
        again.append(registration)
    }

    func deregister(_ registration: Registration, descriptorIsClosed: Bool) {
        preconditionCurrent()
        guard registrations.removeValue(forKey: registration.identifier) != nil, !descriptorIsClosed else { return }
        epoll.remove(registration.descriptor)
    }

    /// Stops the program when called from another thread: the state behind it has no lock.
    public func preconditionCurrent() {
        precondition(isCurrent, "this belongs to the event loop's thread")
    }

    /// Memory to read into, shared by all that lives on the loop: its content is void when a handler returns.
    public private(set) lazy var scratch = UnsafeMutableRawBufferPointer.allocate(
        byteCount: 256 << 10,
        alignment: 16
    )

    // MARK: The turn

    private func run() {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
        while !isStopping {
            let calledAgain = again
            again.removeAll(keepingCapacity: true)
            epoll.wait(milliseconds: calledAgain.isEmpty ? waitTime() : 0) { identifier, events in
                turnTime = SystemClock.monotonic
                registrations[identifier]?.handler?.descriptorIsReady(events)
            }
            turnTime = SystemClock.monotonic
            for registration in calledAgain {
                registration.isQueuedAgain = false
                guard registrations[registration.identifier] != nil else { continue }
                registration.handler?.descriptorIsReady([])
            }
            runPosted()
            while let timer = timers.popExpired(now: turnTime) { timer.fire() }
        }
        runPosted()
        registrations.removeAll()
        scratch.deallocate()
    }

    private func runPosted() {
        let work = posted.withLock { queue in
            defer { queue.removeAll() }
            return queue
        }
        for work in work { work() }
    }

    private func waitTime() -> Int32 {
        guard let deadline = timers.nextDeadline else { return -1 }
        let now = SystemClock.monotonic
        guard deadline > now else { return 0 }
        return Int32(min((deadline - now + 999_999) / 1_000_000, 60_000))
    }
}
