/// An object that is told when a descriptor is ready. Called on the loop's thread.
public protocol DescriptorHandler: AnyObject {
    /// `events` is empty after `Registration.callAgain()`.
    func descriptorIsReady(_ events: DescriptorEvents)
}

/// A descriptor that a loop watches. Every member is for the loop's thread.
public final class Registration {
    let identifier: UInt64
    let descriptor: Int32
    private(set) var interest: DescriptorEvents
    private(set) weak var handler: (any DescriptorHandler)?
    /// Kept, though it keeps this: what it watches it forgets at the end of its thread, which keeps the loop as well.
    private let loop: EventLoop
    var isQueuedAgain = false

    init(
        identifier: UInt64,
        descriptor: Int32,
        interest: DescriptorEvents,
        handler: any DescriptorHandler,
        loop: EventLoop
    ) {
        self.identifier = identifier
        self.descriptor = descriptor
        self.interest = interest
        self.handler = handler
        self.loop = loop
    }

    /// Changes what is waited for. Costs a system call only if it differs.
    public func setInterest(_ events: DescriptorEvents) {
        guard events != interest else { return }
        interest = events
        loop.interestDidChange(self)
    }

    /// Calls the handler once more in the next turn, after all others had theirs: for work that was cut short to be
    /// fair, or for bytes that wait where epoll does not see them.
    public func callAgain() {
        guard !isQueuedAgain else { return }
        isQueuedAgain = true
        loop.queueAgain(self)
    }

    /// Stops watching. Idempotent.
    ///
    /// - Parameter descriptorIsClosed: true if somebody else has closed it already. Its number may then belong to
    ///   another file of this process, which must not be taken off the loop; the kernel has forgotten the closed one.
    public func cancel(descriptorIsClosed: Bool = false) {
        loop.deregister(self, descriptorIsClosed: descriptorIsClosed)
    }
}
