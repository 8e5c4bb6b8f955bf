/// The thread that owns a lane of the device, the transports of some clients, and all state of theirs.
///
/// The core never waits and owns no thread: the embedder gives it a loop. `EventLoop` is the one for Linux;
/// `ManualLoop` of the test kit is driven by hand.
public protocol PacketLoop: AnyObject, Sendable {
    /// True when the caller runs on this loop's thread.
    var isCurrent: Bool { get }

    /// Nanoseconds of a monotonic clock, read at most once per turn of the loop. Only on the loop's thread.
    var now: UInt64 { get }

    /// Lets threads that wait for this processor go first. Only on the loop's thread.
    func yieldProcessor()

    /// Runs `work` on the loop's thread, in the order of the calls. From any thread.
    func execute(_ work: @escaping @Sendable () -> Void)

    /// Runs `work` once on the loop's thread, `nanoseconds` from now. From any thread; never fires after `cancel`
    /// was called on the loop's thread.
    @discardableResult
    func schedule(after nanoseconds: UInt64, _ work: @escaping @Sendable () -> Void) -> any ScheduledWork
}

/// Work that waits for its time on a loop. `cancel` is idempotent and may be called from any thread.
public protocol ScheduledWork: AnyObject, Sendable {
    /// Drops the work.
    func cancel()
}
