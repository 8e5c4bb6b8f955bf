internal import Dispatch

/// Work that waits for the network or for a person, kept off the threads that tasks and packets share.
enum BlockingWork {
    private static let queue = DispatchQueue(label: "packet-tunnel.blocking", attributes: .concurrent)
    private static let all = DispatchGroup()

    static func run(_ work: @escaping @Sendable () -> Void) {
        queue.async(group: all, execute: work)
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
