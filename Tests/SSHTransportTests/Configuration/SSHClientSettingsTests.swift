import Glibc
import Testing

@testable import SSHTransport

/// What `ssh -G` does not show: the other comparisons are in `SSHConfigComparisonTests`.
@Suite("Settings of a client")
struct SSHClientSettingsTests {
    private func settings(_ text: String, host: String = "vpn", options: [String] = []) throws -> SSHClientSettings {
        let directory = try TemporaryDirectory()
        var configuration = try SSHClientConfiguration(destination: host)
        configuration.file = .path(try directory.write(text, to: "config"))
        for option in options { try configuration.setOption(option) }
        return try SSHClientSettings(configuration)
    }

    @Test(
        "Tokens, variables and home directories of identity files are replaced",
        arguments: [
            ("~/key", "\(LocalUser.homeDirectory)/key"), ("~root/key", "\(LocalUser.home("root") ?? "")/key"),
            ("%d/%u", "\(LocalUser.homeDirectory)/\(LocalUser.name)"), ("/k/%r@%h:%p", "/k/alice@vpn.example:77"),
            ("/k/%n/%k", "/k/vpn/vpn"), ("/k/%%h", "/k/%h"), ("/k/${PATH}", "/k/\(String(cString: getenv("PATH")))"),
            ("/k/$PATH", "/k/$PATH"), ("/k/%i", "/k/\(getuid())"), ("/k/%j", "/k/jump"),
        ]
    )
    func identityFiles(text: String, expanded: String) throws {
        let base = "User alice\nPort 77\nHostName %h.example\nProxyJump jump\n"
        #expect(try settings(base + "IdentityFile \"\(text)\"").namedIdentities == [expanded])
    }

    @Test(
        "What cannot be replaced is told with file and line",
        arguments: [
            ("IdentityFile /k/%x", "%x is not a token here"), ("IdentityFile /k/%", "a lone % at the end"),
            ("IdentityFile /k/${NOT_SET_AT_ALL}", "the environment variable NOT_SET_AT_ALL is not set"),
            ("IdentityFile ~nobody-of-that-name/k", "there is no user nobody-of-that-name"),
            ("IdentityAgent ${NOT_SET_AT_ALL}", "the environment variable NOT_SET_AT_ALL is not set"),
            ("ProxyCommand nc %l", "%l is not a token here"), ("PubkeyAuthentication no", "nothing but a public key"),
            ("PreferredAuthentications password", "no publickey"), ("PKCS11Provider /c", "no provider is loaded"),
            ("RefuseConnection go away", "go away"), ("Hots x", "did you mean Host?"),
        ]
    )
    func problems(line: String, message: String) throws {
        let error = #expect(throws: SSHClientError.self) { try settings("\n\(line)\n") }
        #expect(error?.reason.contains("/config:2: ") == true)
        #expect(error?.reason.contains(message) == true)
    }

    @Test(
        "The agent is the one that IdentityAgent names",
        arguments: [("none", nil), ("/a/%h", "/a/vpn"), ("$PATH", String(cString: getenv("PATH"))), ("$NOT_SET", nil)]
    )
    func agent(text: String, socket: String?) throws {
        #expect(try settings("IdentityAgent \(text)").agentSocket() == socket)
    }

    @Test("Algorithms are put together over our own order of ciphers, and patterns take names away")
    func algorithms() {
        let defaults = ["a-gcm", "b-gcm", "c-ctr"]
        #expect(SSHClientSettings.list(nil, over: defaults) == "a-gcm,b-gcm,c-ctr")
        #expect(SSHClientSettings.list("+d,a-gcm", over: defaults) == "a-gcm,b-gcm,c-ctr,d")
        #expect(SSHClientSettings.list("^c-ctr", over: defaults) == "c-ctr,a-gcm,b-gcm")
        #expect(SSHClientSettings.list("-*-gcm", over: defaults) == "c-ctr")
        #expect(SSHClientSettings.list("x,y", over: defaults) == "x,y")
    }

    @Test("Times have the tunnel's own defaults, and none means the system's")
    func times() throws {
        #expect(try settings("").connectTimeout == 15)
        #expect(try settings("ConnectTimeout none").connectTimeout == 3600)
        #expect(try settings("ConnectTimeout 1m").connectTimeout == 60)
        #expect(try settings("").serverAliveInterval == 15)
        #expect(try settings("ServerAliveInterval 0\nServerAliveCountMax 0").serverAliveInterval == 0)
        #expect(try settings("ServerAliveCountMax 0").serverAliveCountMax == 0)
    }
}
