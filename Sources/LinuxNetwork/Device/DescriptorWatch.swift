internal import EventLoops
internal import Glibc

/// Says when a descriptor is readable, and when it has ended, on the thread of a loop.
///
/// Uses the loop's epoll instance where the descriptor allows it, and a thread of its own where it does not.
final class DescriptorWatch: DescriptorHandler {
    private var registration: Registration?
    private var poller: DescriptorPoller?
    private let readable: () -> Void
    private let ended: () -> Void

    /// Starts watching. On the loop's thread.
    init(_ descriptor: Int32, loop: EventLoop, readable: @escaping () -> Void, ended: @escaping () -> Void) {
        self.readable = readable
        self.ended = ended
        do {
            registration = try loop.register(descriptor, interest: .readable, handler: self)
        } catch {
            // epoll_ctl(2): EPERM for files that cannot be watched. Whatever else it is, the thread is the way out.
            poller = DescriptorPoller(descriptor, loop: loop) { [weak self] events in
                self?.descriptorIsReady(events)
            }
        }
    }

    func descriptorIsReady(_ events: DescriptorEvents) {
        // What the other side wrote before it closed still counts.
        if events.contains(.readable) {
            readable()
        } else if !events.isDisjoint(with: .ended) {
            ended()
        }
    }

    /// Stops watching. On the loop's thread, before the descriptor is closed. Idempotent.
    func cancel() {
        registration?.cancel()
        registration = nil
        poller?.stop()
        poller = nil
    }
}
