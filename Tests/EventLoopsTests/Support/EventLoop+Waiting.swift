import EventLoops

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
