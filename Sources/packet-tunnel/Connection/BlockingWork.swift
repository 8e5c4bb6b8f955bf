internal import Dispatch
internal import EventLoops

/// Work that waits for the network or for a person, each on a thread of its own: the pools that tasks and queues share have
/// as many threads as the machine has processors, and one attempt that gets no answer must not keep the next one waiting.
enum BlockingWork {
    /// Where there can be no more threads.
    private static let queue = DispatchQueue(label: "packet-tunnel.blocking", attributes: .concurrent)
    private static let all = DispatchGroup()

    static func run(_ work: @escaping @Sendable () -> Void) {
        all.enter()
        let body: @Sendable () -> Void = {
            work()
            all.leave()
        }
        if !DetachedThread.run(body) { queue.async(execute: body) }
    }

    /// Waits until nothing of it goes on, for some time.
    static func waitForAll(_ time: Duration) {
        let (seconds, attoseconds) = time.components
        _ = all.wait(timeout: .now() + .nanoseconds(Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)))
    }

    /// The result of `work`.
    static func value<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            run { continuation.resume(with: Result { try work() }) }
        }
    }
}
