import EventLoops
import Glibc
import Synchronization

extension EventLoop {
    /// Runs `body` on the loop's thread and waits for it.
    func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            execute { continuation.resume(returning: body()) }
        }
    }

    /// Waits until the work posted before, and one turn after it, are done.
    func settle() async {
        for _ in 0..<2 { await run {} }
    }
}

/// What happened, in order, from any thread.
final class Journal: Sendable {
    private let entries = Mutex<[String]>([])

    func add(_ entry: String) { entries.withLock { $0.append(entry) } }

    var all: [String] { entries.withLock { $0 } }
}

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

/// Two connected sockets, non-blocking.
final class SocketPair: Sendable {
    let near: Int32
    let far: Int32

    init() throws {
        var descriptors: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &descriptors) == 0 else { throw SystemCallError("socketpair") }
        near = descriptors[0]
        far = descriptors[1]
    }

    deinit {
        close(near)
        close(far)
    }

    func sendByte() { _ = send(far, [1], 1, 0) }

    /// Takes one byte from the near end; false if none is there.
    func takeByte() -> Bool {
        var byte: UInt8 = 0
        return recv(near, &byte, 1, 0) == 1
    }
}
