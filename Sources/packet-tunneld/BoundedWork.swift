internal import Dispatch
internal import Synchronization

/// Work that may wait, on a few threads of its own. What is more waits for its turn, in order. From any thread.
final class BoundedWork: Sendable {
    private let queue: DispatchQueue
    private let width: Int
    private let state = Mutex<(running: Int, waiting: [@Sendable () -> Void])>((0, []))

    init(label: String, width: Int) {
        queue = DispatchQueue(label: label, attributes: .concurrent)
        self.width = width
    }

    /// Runs `body` soon, and elsewhere.
    func run(_ body: @escaping @Sendable () -> Void) {
        let starts = state.withLock { state in
            guard state.running < width else {
                state.waiting.append(body)
                return false
            }
            state.running += 1
            return true
        }
        if starts { start(body) }
    }

    private func start(_ body: @escaping @Sendable () -> Void) {
        queue.async { [self] in
            body()
            let next: (@Sendable () -> Void)? = state.withLock { state in
                guard !state.waiting.isEmpty else {
                    state.running -= 1
                    return nil
                }
                return state.waiting.removeFirst()
            }
            if let next { start(next) }
        }
    }
}
