internal import Glibc
internal import Subprocess

/// Runs a command to its end.
struct CommandRunner: Sendable {
    /// Words before each command.
    let prefix: [String]

    /// Runs `command` with `input` as its standard input.
    ///
    /// - Throws: `commandMissing`, or `commandFailed` with what the command said.
    func run(_ command: [String], input: String = "") async throws(NetworkSetupError) {
        let words = prefix + command
        guard Self.locate(words[0]) != nil else { throw Self.missing(words[0]) }
        guard prefix.isEmpty || Self.locate(command[0]) != nil else { throw Self.missing(command[0]) }
        let text = words.joined(separator: " ")
        do {
            let result = try await Subprocess.run(
                .name(words[0]),
                arguments: Arguments(Array(words.dropFirst())),
                environment: .inherit.updating(["LC_ALL": "C", "PATH": Self.searchPath]),
                input: .string(input),
                output: .discarded,
                error: .string(limit: 16_384)
            )
            guard !result.terminationStatus.isSuccess else { return }
            throw Self.failure(of: text, saying: result.standardError)
        } catch let error as NetworkSetupError {
            throw error
        } catch {
            throw NetworkSetupError(.commandFailed, "cannot run `\(text)`", advice: "\(error)")
        }
    }

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
        let package = ["nft": "nftables", "ip": "iproute2", "sysctl": "procps"][name] ?? name
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

    private static func locate(_ name: String) -> String? {
        if name.contains("/") { return name }
        return searchPath.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }
}
