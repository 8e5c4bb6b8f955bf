import Testing

@testable import SSHTransport

@Suite("Reading ssh_config files")
struct SSHClientFileTests {
    private func read(_ text: String, alias: String = "lab", user: String? = nil) throws -> OpenSSHClientConfiguration {
        let directory = try TemporaryDirectory()
        let included = try directory.write("Host lab\n  Ciphers included\nHost *\n  MACs included\n", to: "more/a.conf")
        let file = try directory.write(
            text.replacing("INCLUDED", with: included.replacing("a.conf", with: "*.conf")),
            to: "config"
        )
        var configuration = OpenSSHClientConfiguration()
        configuration.read(file, for: .init(alias: alias, user: user))
        return configuration
    }

    @Test(
        "The first value of a keyword counts, in all spellings of a line",
        arguments: [
            "Ciphers right\nCiphers wrong", "ciphers=right", "CIPHERS = right", "\t Ciphers   \"right\"  # no",
            "Host other\nCiphers wrong\nHost lab\nCiphers right", "Host !lab *\nCiphers wrong\nHost *\nCiphers right",
            "Host l?b\nCiphers right", "Host other L*\nCiphers right", "Match all\nCiphers right",
            "Match host lab,other\nCiphers right", "Match originalhost lab\nCiphers right",
            "HostName a.example\nMatch host *.example\nCiphers right",
            "Match host b\nCiphers wrong\nMatch all\nCiphers right",
            "Match exec true\nCiphers wrong\nHost *\nCiphers right", "Match user alice\nCiphers right",
            "Match user bob\nCiphers wrong\nHost *\nCiphers right", "Match host lab user alice\nCiphers right",
        ]
    )
    func values(text: String) throws {
        #expect(try read(text, user: "alice")["Ciphers"] == "right")
    }

    @Test("Identity files add up, lists keep their words, and a value knows its place")
    func lists() throws {
        let read = try read("IdentityFile a\nIdentityFile \"b c\"\nUserKnownHostsFile x y\n")
        #expect(read.identityFiles == ["a", "b c"])
        #expect(read["UserKnownHostsFile"] == "x y")
        #expect(read.location(of: "userknownhostsfile")?.hasSuffix("/config:3") == true)
    }

    @Test("Other files are included where they stand, for the same host")
    func include() throws {
        let read = try read("Include INCLUDED\nCiphers own\nHost other\nInclude INCLUDED\n")
        #expect(read["Ciphers"] == "included")
        #expect(try self.read("Include INCLUDED\nCiphers own", alias: "b")["Ciphers"] == "own")
        #expect(try self.read("Host other\nInclude INCLUDED")["MACs"] == nil)
    }

    @Test("A file that includes itself ends")
    func loop() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write("Include \(directory.path)/config\nCiphers end\n", to: "config")
        var configuration = OpenSSHClientConfiguration()
        configuration.read(file, for: .init(alias: "lab"))
        #expect(configuration["Ciphers"] == "end")
    }

    @Test(
        "Tokens and the home directory are replaced in paths",
        arguments: [
            ("~/.ssh/key", SSHClientPath.home + "/.ssh/key"),
            ("%d/%u", SSHClientPath.home + "/" + SSHClientPath.userName),
            ("/k/%r@%h:%p", "/k/alice@lab:22"), ("/k/%%h", "/k/%h"), ("/k/%x%", "/k/%x%"), ("~bob/key", "~bob/key"),
        ]
    )
    func tokens(path: String, expanded: String) {
        #expect(SSHClientPath.expand(path, host: "lab", user: "alice", port: 22) == expanded)
    }
}
