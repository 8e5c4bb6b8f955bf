internal import Foundation

/// The running lab: a script that owns namespaces and processes, and does what it is told, one line at a time.
///
/// When this program ends, however it ends, the pipe closes and the lab takes itself down.
final class Lab {
    /// Something that the lab could not do.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Where the programs under test are: beside this one.
    let programs: URL
    private let process = Process()
    private let commands = Pipe()
    private let answers = Pipe()
    private var unread = Data()

    /// Starts the lab and waits until its network is there.
    ///
    /// - Parameters:
    ///   - directory: the lab's scripts.
    ///   - path: what lies between client and server, in the words of `lab-tool link`; nil for a cable.
    ///   - isIPv6: whether the tunnels carry IPv6, and not IPv4.
    init(directory: URL, programs: URL, path: String? = nil, isIPv6: Bool = false) throws {
        self.programs = programs
        // A lab that has ended shows in the answer that does not come.
        signal(SIGPIPE, SIG_IGN)
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        // Without the signal the lab would finish what it is at before it sees that the pipe has closed.
        process.arguments = [
            "setpriv", "--pdeathsig", "KILL", "bash", directory.appendingPathComponent("bench.sh").path,
        ]
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["LAB_BIN": programs.path, "LAB_PATH": path ?? "", "BENCH_FAMILY": isIPv6 ? "6" : "4"]
        ) { $1 }
        process.standardInput = commands
        process.standardOutput = answers
        try process.run()
        try readAnswer(to: "prepare")
    }

    /// Ends the lab and waits until it is gone.
    func close() {
        try? commands.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Has a command executed.
    ///
    /// - Returns: what it printed.
    /// - Throws: `Failure` with what it printed, when its status is not 0.
    @discardableResult
    func tell(_ words: String...) throws -> String {
        try tell(words)
    }

    /// The same, for a list of words. None of them contains a space.
    @discardableResult
    func tell(_ words: [String]) throws -> String {
        let line = words.joined(separator: " ")
        try commands.fileHandleForWriting.write(contentsOf: Data((line + "\n").utf8))
        return try readAnswer(to: line)
    }

    /// Has this program's own `probe` executed in a namespace.
    func probe(in namespace: String, _ words: [String]) throws -> [String: Double] {
        Self.values(try tell(["run", namespace] + probeCommand(words)))
    }

    /// The words that run this program's own `probe`.
    func probeCommand(_ words: [String]) -> [String] {
        [programs.appendingPathComponent("packet-tunnel-bench").path, "probe"] + words
    }

    /// The numbers in words like `NAME=NUMBER`.
    static func values(_ text: String) -> [String: Double] {
        var values: [String: Double] = [:]
        for word in text.split(whereSeparator: \.isWhitespace) {
            let parts = word.split(separator: "=", maxSplits: 1)
            if parts.count == 2, let number = Double(parts[1]) { values[String(parts[0])] = number }
        }
        return values
    }

    @discardableResult
    private func readAnswer(to command: String) throws -> String {
        var lines: [String] = []
        while let line = nextLine() {
            guard line.hasPrefix("=== ") else {
                lines.append(line)
                continue
            }
            let text = lines.joined(separator: "\n")
            if line == "=== 0" { return text }
            throw Failure(description: "\(command): \(text.suffix(300)) (status \(line.dropFirst(4)))")
        }
        throw Failure(description: "the lab has ended during \(command) \(lines.joined(separator: " "))")
    }

    private func nextLine() -> String? {
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                defer { unread.removeSubrange(...end) }
                return String(decoding: unread[..<end], as: UTF8.self)
            }
            let more = answers.fileHandleForReading.availableData
            guard !more.isEmpty else { return nil }
            unread += more
        }
    }
}

/// Where things are when nobody says so.
enum LabLocation {
    /// The directory of this program.
    static var programs: URL {
        let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: path ?? CommandLine.arguments[0]).deletingLastPathComponent()
    }

    /// `Tests/Lab` of the package that this program was built in, or that the working directory is in.
    static func directory() -> URL? {
        let working = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)
        for start in [programs, working] {
            var place = start
            while place.path != "/" {
                let candidate = place.appendingPathComponent("Tests/Lab")
                if FileManager.default.isReadableFile(atPath: candidate.appendingPathComponent("bench.sh").path) {
                    return candidate
                }
                place.deleteLastPathComponent()
            }
        }
        return nil
    }
}
