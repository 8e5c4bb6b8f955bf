internal import Glibc
internal import Subprocess

/// Runs a command to its end.
struct CommandRunner: Sendable {
    /// Words before each command.
    let prefix: [String]

    /// Runs `command` with `input` as its standard input.
    ///
    /// - Parameter limit: how long it may take before it is killed; nil for as long as it likes.
    /// - Throws: `commandMissing`, or `commandFailed` with what the command said.
    func run(_ command: [String], input: String = "", within limit: Duration? = nil) async throws(NetworkSetupError) {
        _ = try await output(of: command, input: input, within: limit)
    }

    /// What `command` says on its standard output, of which 64 KiB are read.
    ///
    /// - Throws: as `run`.
    func output(
        of command: [String],
        input: String = "",
        within limit: Duration? = .seconds(5)
    ) async throws(NetworkSetupError) -> String {
        let words = prefix + command
        guard Self.isInstalled(words[0]) else { throw Self.missing(words[0]) }
        guard prefix.isEmpty || Self.isInstalled(command[0]) else { throw Self.missing(command[0]) }
        let text = words.joined(separator: " ")
        try Self.checkDescriptors(for: text)
        let work = Task { try await Self.execute(words, input: input) }
        let timer = Task {
            guard let limit else { return }
            try await Task.sleep(for: limit)
            work.cancel()
        }
        defer { timer.cancel() }
        do {
            let (output, problem) = try await work.value
            guard let problem else { return output }
            throw Self.failure(of: text, saying: work.isCancelled ? "it did not end in time" : problem)
        } catch let error as NetworkSetupError {
            throw error
        } catch {
            throw NetworkSetupError(.commandFailed, "cannot run `\(text)`", advice: "\(error)")
        }
    }

    /// - Returns: what it wrote, and what it said if it failed. Cancelling kills it.
    private static func execute(_ words: [String], input: String) async throws -> (output: String, problem: String?) {
        let result = try await Subprocess.run(
            .name(words[0]),
            arguments: Arguments(Array(words.dropFirst())),
            environment: .inherit.updating(["LC_ALL": "C", "PATH": searchPath]),
            input: .string(input),
            output: .string(limit: 65_536),
            error: .string(limit: 16_384)
        )
        return (result.standardOutput, result.terminationStatus.isSuccess ? nil : result.standardError)
    }

    /// Descriptors that a command takes for its time: three pipes, the process, and what watches them.
    static let descriptorCount = 24

    /// Without descriptors the library waits for the end of a command that it cannot watch, and nothing ends that wait.
    private static func checkDescriptors(for command: String) throws(NetworkSetupError) {
        var opened: [Int32] = []
        defer { for descriptor in opened { close(descriptor) } }
        while opened.count < descriptorCount {
            let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw .system("run `\(command)`", code: errno) }
            opened.append(descriptor)
        }
    }

    /// Whether there is such a command.
    static func isInstalled(_ name: String) -> Bool { locate(name) != nil }

    private static func failure(of command: String, saying text: String) -> NetworkSetupError {
        let text = text.split(whereSeparator: \.isNewline).prefix(4).joined(separator: "; ")
        if text.contains("Operation not permitted") || text.contains("a password is required") {
            return .notPermitted("run `\(command)`")
        }
        return NetworkSetupError(
            .commandFailed,
            "`\(command)` failed",
            advice: text.isEmpty ? "it gave no reason" : text
        )
    }

    private static func missing(_ name: String) -> NetworkSetupError {
        let package = ["nft": "nftables", "ip": "iproute2", "sysctl": "procps", "conntrack": "conntrack"][name] ?? name
        return NetworkSetupError(
            .commandMissing,
            "the command \(name) is not installed",
            advice: "install it, for example with `apt-get install \(package)`"
        )
    }

    /// Administrators' commands are not on every user's path.
    private static var searchPath: String {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        return path + ":/usr/local/sbin:/usr/sbin:/sbin"
    }

    /// The path of a command.
    static func locate(_ name: String) -> String? {
        if name.contains("/") { return name }
        return searchPath.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }
}
