internal import CEventLoops
public import Glibc

/// What a descriptor is ready for, or is waited for.
public struct DescriptorEvents: OptionSet, Sendable {
    /// The bits of `epoll_ctl(2)`.
    public let rawValue: UInt32

    /// Events from their bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// A read would not block.
    public static let readable = DescriptorEvents(rawValue: EPOLLIN.rawValue)
    /// A write would not block.
    public static let writable = DescriptorEvents(rawValue: EPOLLOUT.rawValue)
    /// The other side has closed, or the descriptor is in error. Reported whether asked for or not.
    public static let ended = DescriptorEvents(rawValue: EPOLLERR.rawValue | EPOLLHUP.rawValue)
}

/// A failed system call: its name, and the error it gave.
public struct SystemCallError: Error, CustomStringConvertible, Sendable {
    /// The call's name.
    public let call: String
    /// `errno` as it was right after the call.
    public let code: Int32

    /// Takes `errno` now: nothing else may have run since the call.
    public init(_ call: String, code: Int32 = errno) {
        self.call = call
        self.code = code
    }

    /// For example `epoll_ctl: Bad file descriptor`.
    public var description: String { "\(call): \(String(cString: strerror(code)))" }
}

/// The epoll instance of one loop, and the event descriptor that ends its wait. Level-triggered.
struct Epoll: ~Copyable {
    private let descriptor: Int32
    private let wakeDescriptor: Int32
    private let events: UnsafeMutablePointer<epoll_event>
    private static let capacity = 128

    /// Never given to a registration; marks the event descriptor.
    static let wakeIdentifier: UInt64 = 0

    init() throws {
        let descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw SystemCallError("epoll_create1") }
        let wakeDescriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        guard wakeDescriptor >= 0 else {
            let error = SystemCallError("eventfd")
            Glibc.close(descriptor)
            throw error
        }
        var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(u64: Self.wakeIdentifier))
        guard epoll_ctl(descriptor, EPOLL_CTL_ADD, wakeDescriptor, &event) == 0 else {
            let error = SystemCallError("epoll")
            Glibc.close(descriptor)
            Glibc.close(wakeDescriptor)
            throw error
        }
        self.descriptor = descriptor
        self.wakeDescriptor = wakeDescriptor
        events = .allocate(capacity: Self.capacity)
    }

    deinit {
        Glibc.close(wakeDescriptor)
        Glibc.close(descriptor)
        events.deallocate()
    }

    func add(_ target: Int32, _ interest: DescriptorEvents, identifier: UInt64) throws {
        try control(EPOLL_CTL_ADD, target, interest, identifier: identifier)
    }

    func modify(_ target: Int32, _ interest: DescriptorEvents, identifier: UInt64) throws {
        try control(EPOLL_CTL_MOD, target, interest, identifier: identifier)
    }

    func remove(_ target: Int32) {
        _ = epoll_ctl(descriptor, EPOLL_CTL_DEL, target, nil)
    }

    private func control(
        _ operation: Int32,
        _ target: Int32,
        _ interest: DescriptorEvents,
        identifier: UInt64
    ) throws {
        var event = epoll_event(events: interest.rawValue, data: epoll_data_t(u64: identifier))
        guard epoll_ctl(descriptor, operation, target, &event) == 0 else { throw SystemCallError("epoll_ctl") }
    }

    /// Ends the current wait, or the next one. From any thread.
    func wake() {
        var one: UInt64 = 1
        _ = Glibc.write(wakeDescriptor, &one, 8)
    }

    /// Waits at most `milliseconds` (-1: without end) and reports each ready descriptor but the loop's own.
    func wait(milliseconds: Int32, _ report: (UInt64, DescriptorEvents) -> Void) {
        let count = epoll_wait(descriptor, events, Int32(Self.capacity), milliseconds)
        guard count > 0 else { return }
        for index in 0..<Int(count) {
            let identifier = events[index].data.u64
            if identifier == Self.wakeIdentifier {
                var drained: UInt64 = 0
                _ = Glibc.read(wakeDescriptor, &drained, 8)
            } else {
                report(identifier, DescriptorEvents(rawValue: events[index].events))
            }
        }
    }
}
