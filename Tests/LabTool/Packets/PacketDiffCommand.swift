internal import ArgumentParser
internal import Foundation

/// `packet-diff`: shows one packet before and after the server's rewriting, with the changed bytes marked.
struct PacketDiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "packet-diff",
        abstract:
            "Compares two outputs of `capture`; fails unless the addresses alone were rewritten, with right checksums."
    )

    @Argument
    var before: String

    @Argument
    var after: String

    func run() throws {
        let diff = PacketDiff(before: try captured(before), after: try captured(after))
        diff.lines.forEach(Output.line)
        let problems = diff.problems
        problems.forEach { Output.line("wrong: \($0)") }
        if !problems.isEmpty { throw ExitCode.failure }
    }

    private func captured(_ path: String) throws -> CapturedPacket {
        let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix("packet ") }),
            let packet = Hexadecimal.bytes(line.dropFirst("packet ".count)).flatMap(CapturedPacket.init)
        else { throw ValidationError("no packet was captured in \(path)") }
        return packet
    }
}
