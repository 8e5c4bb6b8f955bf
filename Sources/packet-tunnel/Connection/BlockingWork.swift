internal import Dispatch
internal import Glibc

/// Work that waits for the network or for a person, each on a thread of its own: the pools that tasks and queues share have
/// as many threads as the machine has processors, and one attempt that gets no answer must not keep the next one waiting.
enum BlockingWork {
    /// Where there can be no more threads.
    private static let queue = DispatchQueue(label: "packet-tunnel.blocking", attributes: .concurrent)
    private static let all = DispatchGroup()

    private final class Work {
        let body: @Sendable () -> Void

        init(_ body: @escaping @Sendable () -> Void) {
            self.body = body
        }
    }

    static func run(_ work: @escaping @Sendable () -> Void) {
        all.enter()
        let body: @Sendable () -> Void = {
            work()
            all.leave()
        }
        if !startThread(body) { queue.async(execute: body) }
    }

    private static func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(Work(body))
        let code = pthread_create(
            &thread,
            nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            },
            argument.toOpaque()
        )
        guard code == 0 else {
            argument.release()
            return false
        }
        pthread_detach(thread)
        return true
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
