import Foundation
import OpenSSHSyntax
import Testing

@Suite struct SSHConfigKeywordTests {
    @Test("the manual lists every keyword, and says of each what is done with it")
    func manual() throws {
        let page = try Self.page()
        var expected: [String: Set<String>] = [:]
        for keyword in SSHConfigKeyword.all {
            switch keyword.treatment {
            case .obeyed: expected["Obeyed", default: []].insert(keyword.name)
            case .ignored: expected["Ignored", default: []].insert(keyword.name)
            case .refused: expected["Refused", default: []].insert(keyword.name)
            case .structure: #expect(page.contains(".Cm \(keyword.name)"))
            }
        }
        for (section, names) in expected { #expect(Self.keywords(of: section, in: page) == names) }
    }

    @Test("every keyword of the installed ssh_config(5) is known")
    func installedManual() throws {
        guard let page = try? Self.installedPage() else { return }
        let names = page.split(separator: "\n").filter { $0.hasPrefix(".It Cm ") }
            .compactMap { $0.dropFirst(7).split(separator: " ").first }
        // Arguments and tokens are listed in the same way, in lower case.
        let unknown = names.filter { $0.first?.isUppercase == true && SSHConfigKeyword.named($0) == nil }
        #expect(unknown.filter { !["SHA256", "NONE", "ADDRESS", "HOSTNAME", "ORDER"].contains($0) } == [])
    }

    @Test("a name is known in any case, and no name is there twice")
    func names() {
        #expect(SSHConfigKeyword.named("useRknownHostsfile")?.name == "UserKnownHostsFile")
        #expect(SSHConfigKeyword.named("PubkeyAcceptedKeyTypes")?.name == "PubkeyAcceptedAlgorithms")
        #expect(SSHConfigKeyword.hint(for: "IdentitiFile") == "did you mean IdentityFile?")
        #expect(Set(SSHConfigKeyword.all.map { $0.name.lowercased() }).count == SSHConfigKeyword.all.count)
    }

    private static func page() throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: "ssh-config/man/packet-tunnel.1"), encoding: .utf8)
    }

    private static func keywords(of section: String, in page: String) -> Set<String> {
        let parts = page.components(separatedBy: "\n.Ss \(section)\n")
        guard parts.count == 2, let text = parts[1].components(separatedBy: "\n.Ss ").first else { return [] }
        let names = text.split(separator: "\n").filter { $0.hasPrefix(".Cm ") && !$0.hasPrefix(".Cm none") }
        return Set(names.compactMap { $0.dropFirst(4).split(separator: " ").first.map(String.init) })
    }

    private static func installedPage() throws -> String {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/zcat")
        process.arguments = ["/usr/share/man/man5/ssh_config.5.gz"]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text
    }
}
