import Foundation
import Testing

@testable import packet_tunnel

@Suite("Names for a command that starts while the tunnel is down")
struct OutsideResolversTests {
    /// A shell looks at bytes; a combining mark behind a quotation mark must not hide it.
    @Test(
        "nothing of resolv.conf is run",
        arguments: ["'; touch MARK; '", "'\u{301}; touch MARK; '\u{301}", "$(touch MARK)"]
    )
    func quoting(text: String) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let mark = directory.appending(path: "mark").path
        let resolvers = "search \(text.replacing("MARK", with: mark))\n"
        // Without unshare(1) in its path, the shell goes past the namespace; it has read every word by then.
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", OutsideResolvers.script(for: "exit 7", resolvers: resolvers)]
        process.environment = ["PATH": directory.path]
        try FileManager.default.createSymbolicLink(
            atPath: directory.path + "/touch",
            withDestinationPath: "/usr/bin/touch"
        )
        try process.run()
        process.waitUntilExit()
        #expect(process.terminationStatus == 7)
        #expect(!FileManager.default.fileExists(atPath: mark))
    }
}
