/// A value that belongs to one loop, in a box that any thread may hold.
///
/// What belongs to a loop is used on its thread alone, so it needs neither locks nor `Sendable`. Others hold the box, and can
/// do nothing with it but post work. A debug build ends when the value is taken out on another thread.
public struct LoopBound<Value>: @unchecked Sendable {  // the value leaves it on the loop's thread alone
    /// The loop that owns the value.
    public let loop: any PacketLoop
    private let content: Value

    /// Boxes a value that the caller gives up. From any thread.
    public init(_ value: sending Value, on loop: any PacketLoop) {
        self.loop = loop
        content = value
    }

    /// Boxes a value that is in use on the loop. On its thread.
    public init(current value: Value, on loop: any PacketLoop) {
        assert(loop.isCurrent, "what belongs to a loop is boxed on its thread")
        self.loop = loop
        content = value
    }

    /// The value. On the loop's thread.
    public var value: Value {
        assert(loop.isCurrent, "what belongs to a loop is used on its thread")
        return content
    }

    /// Runs `work` with the value on the loop's thread, in the order of the calls. From any thread.
    public func execute(_ work: @escaping @Sendable (Value) -> Void) {
        loop.execute { work(value) }
    }
}

/// An object that belongs to one loop, and is not kept alive by this box, which any thread may hold.
public struct WeakLoopBound<Object: AnyObject>: @unchecked Sendable {  // as above, and weak loads are atomic
    private let loop: any PacketLoop
    private weak var object: Object?

    /// Boxes an object that is in use on the loop. On its thread.
    public init(_ object: Object, on loop: any PacketLoop) {
        assert(loop.isCurrent, "what belongs to a loop is boxed on its thread")
        self.loop = loop
        self.object = object
    }

    /// Runs `work` with the object on the loop's thread, unless it is gone by then. From any thread.
    public func execute(_ work: @escaping @Sendable (Object) -> Void) {
        loop.execute { [loop] in
            assert(loop.isCurrent, "what belongs to a loop is used on its thread")
            if let object { work(object) }
        }
    }
}

extension PacketLoop {
    /// Runs `work` later in this or the next turn. On the loop's thread: what `work` captures never leaves it, and need not be
    /// `Sendable`.
    public func executeHere(_ work: @escaping () -> Void) {
        assert(isCurrent, "what belongs to a loop is posted on its thread")
        nonisolated(unsafe) let work = work  // made and run on the same thread
        execute { unsafe work() }
    }

    /// Runs `work` once, `nanoseconds` from now. Like `executeHere`.
    @discardableResult
    public func scheduleHere(after nanoseconds: UInt64, _ work: @escaping () -> Void) -> any ScheduledWork {
        assert(isCurrent, "what belongs to a loop is scheduled on its thread")
        nonisolated(unsafe) let work = work  // made and run on the same thread
        return schedule(after: nanoseconds) { unsafe work() }
    }
}
