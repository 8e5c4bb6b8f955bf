import EventLoops

/// A handler that does as it is told. Belongs to the loop's thread.
final class Handler: DescriptorHandler, @unchecked Sendable {
    var action: (DescriptorEvents) -> Void
    var registration: Registration?

    init(_ action: @escaping (DescriptorEvents) -> Void = { _ in }) { self.action = action }

    func descriptorIsReady(_ events: DescriptorEvents) { action(events) }

    /// Watches `descriptor`; false if the loop refuses it.
    func start(_ descriptor: Int32, _ interest: DescriptorEvents, on loop: EventLoop) -> Bool {
        registration = try? loop.register(descriptor, interest: interest, handler: self)
        return registration != nil
    }
}
