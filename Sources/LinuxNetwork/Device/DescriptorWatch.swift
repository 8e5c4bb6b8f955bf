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

    /// Ends the watches of an owner that is gone without having ended them, and closes their descriptors. From any thread: the
    /// loop may be serving one of them just now.
    ///
    /// The watches end first. epoll(7) forgets a descriptor when the file behind it is closed, which others may have open, too.
    static func abandon(_ watches: [DescriptorWatch], closing descriptors: [Int32], loop: EventLoop) {
        let owner = DescriptorOwner(descriptors)
        guard !watches.isEmpty else { return }
        nonisolated(unsafe) let watches = watches
        loop.execute {
            for watch in watches { watch.cancel() }
            withExtendedLifetime(owner) {}
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

/// Closes descriptors when nobody holds it any more: at the latest with a loop that has stopped before it did so.
private final class DescriptorOwner: Sendable {
    private let descriptors: [Int32]

    init(_ descriptors: [Int32]) { self.descriptors = descriptors }

    deinit { for descriptor in descriptors { Glibc.close(descriptor) } }
}
