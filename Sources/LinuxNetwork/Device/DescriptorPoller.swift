internal import CLinuxNetwork
internal import EventLoops
internal import Glibc
internal import PacketTunnel
internal import Synchronization

/// Watches one descriptor with `poll(2)` on a thread of its own, for files that epoll refuses.
///
/// One report is under way at a time: the thread waits until the loop has served it, as level-triggered epoll would.
final class DescriptorPoller: Sendable {
    private let descriptor: Int32
    private let loop: EventLoop
    private let report: LoopBound<(DescriptorEvents) -> Void>
    private let wakeDescriptor: Int32
    private let isStopped = Atomic<Bool>(false)
    private let isArmed = Atomic<Bool>(true)
    private let thread = Mutex<pthread_t?>(nil)

    /// Starts the thread. On the loop's thread, where `report` is called, and never after `stop`.
    init(_ descriptor: Int32, loop: EventLoop, report: @escaping (DescriptorEvents) -> Void) {
        self.descriptor = descriptor
        self.loop = loop
        self.report = LoopBound(current: report, on: loop)
        wakeDescriptor = eventfd(0, Int32(EFD_CLOEXEC))
        var identifier = pthread_t()
        let this = Unmanaged.passRetained(self)
        let code = pthread_create(
            &identifier,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<DescriptorPoller>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            },
            this.toOpaque()
        )
        if code == 0 {
            thread.withLock { $0 = identifier }
        } else {
            this.release()
        }
    }

    deinit { Glibc.close(wakeDescriptor) }

    /// Ends the thread and waits for it, which takes as long as a wake-up. On the loop's thread. Idempotent.
    func stop() {
        isStopped.store(true, ordering: .releasing)
        wake()
        guard let thread = thread.withLock({ $0.take() }) else { return }
        pthread_join(thread, nil)
    }

    private func wake() {
        var one: UInt64 = 1
        _ = Glibc.write(wakeDescriptor, &one, 8)
    }

    private func run() {
        while !isStopped.load(ordering: .acquiring) {
            let watchesDescriptor = isArmed.load(ordering: .acquiring)
            var waits = [
                pollfd(fd: wakeDescriptor, events: Int16(POLLIN), revents: 0),
                // A negative descriptor is skipped by poll(2).
                pollfd(fd: watchesDescriptor ? descriptor : -1, events: Int16(POLLIN), revents: 0),
            ]
            guard linuxnetwork_poll(&waits, 2) > 0 else { continue }
            if waits[0].revents != 0 {
                var drained: UInt64 = 0
                _ = Glibc.read(wakeDescriptor, &drained, 8)
            }
            guard waits[1].revents != 0 else { continue }
            isArmed.store(false, ordering: .releasing)
            // The bits of poll(2) and epoll(7) are the same.
            let events = DescriptorEvents(rawValue: UInt32(UInt16(bitPattern: waits[1].revents)))
            loop.execute { self.serve(events) }
        }
    }

    private func serve(_ events: DescriptorEvents) {
        guard !isStopped.load(ordering: .acquiring) else { return }
        report.value(events)
        isArmed.store(true, ordering: .releasing)
        wake()
    }
}
