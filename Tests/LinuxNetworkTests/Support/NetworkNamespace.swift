import Foundation
import Glibc

/// A network namespace of its own, held by one thread. What runs on this executor sees and changes that namespace only.
/// The namespace vanishes with the object.
final class NetworkNamespace: TaskExecutor, Sendable {
    private let worker: Worker

    /// - Throws: `POSIXError` where the process may not make one.
    init() throws {
        worker = Worker()
        let code = worker.start()
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EPERM) }
    }

    deinit { worker.stop() }

    /// The thread whose namespace this is, as `ip link set … netns` takes it.
    var threadIdentifier: pid_t { worker.threadIdentifier }

    /// Runs `body`, and what it awaits, in the namespace.
    func run<Result: Sendable>(_ body: @escaping @Sendable @concurrent () async throws -> Result) async throws -> Result
    {
        try await withTaskExecutorPreference(self) { @concurrent in
            // Nothing of the host may be touched, whatever becomes of executors.
            precondition(currentThreadIdentifier() == threadIdentifier)
            return try await body()
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        worker.add(UnownedJob(job), executor: asUnownedTaskExecutor())
    }

    /// True if this process may make namespaces and tun devices.
    static let isAvailable: Bool = access("/dev/net/tun", R_OK | W_OK) == 0 && (try? NetworkNamespace()) != nil

    static let requirement =
        "needs /dev/net/tun and CAP_NET_ADMIN: run as root, or inside `unshare --user --map-root-user --net --mount`"
}

/// The thread, and the jobs that wait for it.
private final class Worker: @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: [(UnownedJob, UnownedTaskExecutor)] = []
    private var isStopped = false
    private var startCode: Int32?
    private(set) var threadIdentifier: pid_t = 0

    /// Returns the `errno` of making the namespace, or 0.
    func start() -> Int32 {
        Thread { [self] in serve() }.start()
        condition.lock()
        defer { condition.unlock() }
        while true {
            if let startCode { return startCode }
            condition.wait()
        }
    }

    func stop() {
        condition.lock()
        isStopped = true
        condition.signal()
        condition.unlock()
    }

    func add(_ job: UnownedJob, executor: UnownedTaskExecutor) {
        condition.lock()
        jobs.append((job, executor))
        condition.signal()
        condition.unlock()
    }

    private func serve() {
        let code = leaveNetworkNamespace() == 0 ? 0 : errno
        condition.lock()
        threadIdentifier = currentThreadIdentifier()
        startCode = code
        condition.signal()
        while code == 0 {
            while jobs.isEmpty && !isStopped { condition.wait() }
            guard !jobs.isEmpty else { break }
            let next = jobs.removeFirst()
            condition.unlock()
            next.0.runSynchronously(on: next.1)
            condition.lock()
        }
        condition.unlock()
    }
}

/// `gettid(2)`: glibc's function is hidden from Swift, the kernel's file system is not.
func currentThreadIdentifier() -> pid_t {
    let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")
    return path?.split(separator: "/").last.flatMap { pid_t($0) } ?? 0
}

/// `unshare(CLONE_NEWNET)` for the calling thread. glibc's function is hidden from Swift.
private func leaveNetworkNamespace() -> Int32 {
    typealias Unshare = @convention(c) (Int32) -> Int32
    let newNetworkNamespace: Int32 = 0x4000_0000
    guard let symbol = dlsym(nil, "unshare") else { return -1 }
    return unsafeBitCast(symbol, to: Unshare.self)(newNetworkNamespace)
}
