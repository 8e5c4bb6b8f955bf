internal import Dispatch

/// Work that waits for the network or for a person, kept off the threads that tasks and packets share.
enum BlockingWork {
    private static let queue = DispatchQueue(label: "packet-tunnel.blocking", attributes: .concurrent)

    static func run(_ work: @escaping @Sendable () -> Void) {
        queue.async(execute: work)
    }

    /// The result of `work`.
    static func value<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            run { continuation.resume(with: Result { try work() }) }
        }
    }
}
