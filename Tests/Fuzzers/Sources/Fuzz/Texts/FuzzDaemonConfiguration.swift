import OpenSSHSyntax

@testable import TunnelConfiguration

/// Any text as files of the daemon that include each other: every problem has a place, and what is accepted is written down
/// again and read back to the same configuration.
func fuzzDaemonConfiguration(_ input: Input) -> Int32 {
    var input = input
    let options = (0..<Int(input.byte() % 3)).map { _ in
        String(decoding: input.take(Int(input.byte() % 64)), as: UTF8.self)
    }
    let source = MemoryFiles(input.rest())
    do throws(ConfigurationProblems) {
        let loaded = try DaemonConfiguration.load("/0", options: options, source: source)
        let text = loaded.configuration.text
        do throws(ConfigurationProblems) {
            let again = try DaemonConfiguration.load("/0", source: MemoryFiles(Array(text.utf8)))
            check(again.configuration == loaded.configuration, "read back to the same configuration:\n\(text)")
        } catch {
            check(false, "what was accepted is refused:\n\(error)")
        }
    } catch {
        check(!error.problems.isEmpty, "a refusal has a reason")
        for problem in error.problems { check(!problem.reason.isEmpty, "each with a text: \(problem)") }
    }
    return 0
}

/// `/0` and so on are what a zero byte separates.
private struct MemoryFiles: ConfigurationSource {
    let files: [[UInt8]]

    init(_ bytes: [UInt8]) {
        files = bytes.split(separator: 0, omittingEmptySubsequences: false).map(Array.init)
    }

    func contents(of path: String) throws(ConfigurationReadError) -> [UInt8] {
        guard let number = Int(path.dropFirst()), files.indices.contains(number) else {
            throw ConfigurationReadError(reason: "cannot be opened")
        }
        return files[number]
    }

    func paths(matching pattern: String) -> [String] {
        files.indices.map { "/\($0)" }.filter { Wildcard.matches(pattern, $0) }
    }
}
