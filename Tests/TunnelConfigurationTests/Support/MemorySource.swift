import OpenSSHSyntax

@testable import TunnelConfiguration

/// Files in memory. A pattern matches by its `*` alone, anywhere in the path.
struct MemorySource: ConfigurationSource {
    var files: [String: String]

    func contents(of path: String) throws(ConfigurationReadError) -> [UInt8] {
        guard let text = files[path] else { throw ConfigurationReadError(reason: "cannot be opened: not there") }
        return Array(text.utf8)
    }

    func paths(matching pattern: String) -> [String] {
        files.keys.filter { Wildcard.matches(pattern, $0) }.sorted()
    }
}

/// What loading did, so that a test can look at either outcome.
enum Outcome {
    case loaded(LoadedConfiguration)
    case failed([ConfigurationProblem])

    init(_ text: String, files: [String: String] = [:], options: [String] = []) {
        var files = files
        files["/etc/pt/main.conf"] = text
        do throws(ConfigurationProblems) {
            self = .loaded(
                try DaemonConfiguration.load("/etc/pt/main.conf", options: options, source: MemorySource(files: files))
            )
        } catch {
            self = .failed(error.problems)
        }
    }

    /// The configuration; nil if there were problems.
    var configuration: DaemonConfiguration? {
        if case .loaded(let loaded) = self { return loaded.configuration }
        return nil
    }

    /// The lines without effect; none if there were problems.
    var notices: [String] {
        if case .loaded(let loaded) = self { return loaded.notices.map(\.description) }
        return []
    }

    /// The problems as a person sees them.
    var problems: [String] {
        if case .failed(let problems) = self { return problems.map(\.description) }
        return []
    }
}
