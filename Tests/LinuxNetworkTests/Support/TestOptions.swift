import EventLoops
import Glibc
import IPPacket
import Logging
import PacketTunnel
import Testing

@testable import LinuxNetwork

/// A log handler that forgets: the tests look at states, not at words.
func quietLogger() -> Logger {
    Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

/// Options that run commands in the namespace of the calling thread: a library may start them on any thread.
func testOptions(_ directory: TemporaryDirectory) -> NetworkSetupOptions {
    var options = NetworkSetupOptions(logger: quietLogger())
    options.stateDirectory = directory.path
    options.commandPrefix = ["nsenter", "--net=/proc/\(getpid())/task/\(currentThreadIdentifier())/ns/net", "--"]
    return options
}

func address(_ text: String) -> IPAddress { IPAddress(text) ?? IPAddress(bits: 0) }

func prefix(_ text: String) -> IPPrefix { IPPrefix(text) ?? IPPrefix(IPAddress(bits: 0), length: 128) }

extension EventLoop {
    /// Runs `body` on the loop's thread.
    func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            execute { continuation.resume(returning: body()) }
        }
    }
}

extension TunDevice {
    /// Closes every lane on its loop.
    func close() async {
        for lane in lanes { await lane.loop.run { lane.close() } }
    }
}

/// Waits until `condition` holds; an issue after thirty seconds, which is long for a loaded machine too.
func eventually(_ condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) async {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(30)
    while !condition() {
        guard clock.now < deadline else {
            Issue.record("it never came true", sourceLocation: sourceLocation)
            return
        }
        try? await clock.sleep(for: .milliseconds(2))
    }
}

/// The error that `body` throws; an issue if it throws none.
func failure(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Void
) async -> NetworkSetupError? {
    do {
        try await body()
        Issue.record("no error was thrown", sourceLocation: sourceLocation)
        return nil
    } catch {
        return error as? NetworkSetupError
    }
}
