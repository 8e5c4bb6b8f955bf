import Glibc
import PacketTunnel
import SSHTransport
import Testing

@Suite("SSH client against a stock server", .enabled(if: StockServer.isAvailable, "needs sshd and ssh-keygen"))
struct SSHClientTests {
    @Test("Connects, logs in with the named key and runs a command", arguments: ["127.0.0.1", "::1", "localhost"])
    func exec(host: String) throws {
        let scene = try Scene()
        let client = try SSHClient(connecting: scene.configuration(host: host))
        #expect(client.user == StockServer.user)
        #expect(client.port == scene.server.port)
        #expect(client.security.cipher == "aes256-gcm@openssh.com")
        let result = try client.exec("echo hello; echo careful >&2; exit 3")
        #expect(String(decoding: result.output, as: UTF8.self) == "hello\n")
        #expect(String(decoding: result.errorOutput, as: UTF8.self) == "careful\n")
        #expect(result.status == 3)
        #expect(try client.exec("true").status == 0)
    }

    @Test("A key that the server does not have is refused as a matter of permission, with its fingerprint")
    func wrongKey() throws {
        let scene = try Scene()
        let other = try makeKey("other_key", in: scene.directory).split(separator: " ").map(String.init)
        let fingerprint = try SSHPublicKey(type: other[0], base64: other[1]).fingerprint
        let error = try failure(scene.configuration(keys: ["other_key"]))
        #expect(error.kind == .permission)
        #expect(error.reason.contains("other_key (\(fingerprint)) is refused"))
        // The right key behind a wrong one, and behind one that is not there, still does.
        _ = try SSHClient(connecting: scene.configuration(keys: ["none", "other_key", "user_key"]))
    }

    @Test("An encrypted key is unlocked by the passphrase that a person gives, and only asked for if it would do")
    func passphrase() throws {
        let scene = try Scene()
        let key = try makeKey("locked_key", in: scene.directory, passphrase: "open sesame")
        var asked: [String] = []
        let prompts = SSHClientPrompts(passphrase: { path in
            asked.append(path)
            return asked.count == 1 ? "wrong" : "open sesame"
        })
        let configuration = try scene.configuration(keys: ["locked_key"])
        #expect(try failure(configuration, prompts: prompts).kind == .permission)
        #expect(asked.isEmpty)
        scene.server.stop()
        let server = try StockServer(in: scene.directory, authorizedKeys: key, port: scene.server.port)
        _ = try SSHClient(connecting: configuration, prompts: prompts)
        #expect(asked == [String](repeating: scene.directory.path + "/locked_key", count: 2))
        let silent = try failure(configuration)
        #expect(silent.kind == .permission)
        #expect(silent.reason.contains("locked_key needs a passphrase"))
        server.stop()
    }

    @Test("A host alias gives name, port, user and key; the command line overrides it")
    func alias() throws {
        let scene = try Scene()
        let file = try scene.directory.write(
            """
            Host other
                Port 1
            Host lab !production
                HostName 127.0.0.1
                Port \(scene.server.port)
                User \(StockServer.user)
                IdentityFile \(scene.directory.path)/user_key
                IdentitiesOnly yes
                UserKnownHostsFile "\(scene.knownHosts)"
                GlobalKnownHostsFile none
                StrictHostKeyChecking accept-new
            Host *
                Port 2
            """,
            to: "config"
        )
        var configuration = try SSHClientConfiguration(destination: "lab")
        configuration.file = .path(file)
        let client = try SSHClient(connecting: configuration)
        #expect(client.host == "127.0.0.1")
        #expect(client.port == scene.server.port)
        #expect(client.user == StockServer.user)
        configuration.port = 1
        #expect(try failure(configuration).kind == .unreachable)
    }

    @Test("A configuration file that is missing, or has a value that means nothing, is an error of configuration")
    func badFile() throws {
        let directory = try TemporaryDirectory()
        var configuration = try SSHClientConfiguration(destination: "host")
        configuration.file = .path(directory.path + "/none")
        let missing = try failure(configuration)
        #expect(missing.kind == .configuration)
        #expect(missing.reason.contains("/none: No such file or directory"))
        let file = try directory.write("\nHost *\n  StrictHostKeyChecking perhaps\n", to: "config")
        configuration.file = .path(file)
        let invalid = try failure(configuration)
        #expect(invalid.kind == .configuration)
        #expect(invalid.reason.hasPrefix("\(file):3: StrictHostKeyChecking: \"perhaps\" is not one of yes, no"))
    }

    @Test("Nobody listening, and a name that does not exist, are told as unreachable")
    func unreachable() throws {
        var configuration = try SSHClientConfiguration(destination: "user@127.0.0.1")
        configuration.file = .none
        configuration.port = try StockServer.freePort()
        let refused = try failure(configuration)
        #expect(refused.kind == .unreachable)
        #expect(refused.reason.contains("refuses the connection"))
        configuration.host = "no-such-host.invalid"
        #expect(try failure(configuration).kind == .unreachable)
    }

    @Test("A server that accepts and then says nothing ends at the time limit")
    func silence() throws {
        let listener = try RawListener(reply: nil)
        var configuration = try SSHClientConfiguration(destination: "user@127.0.0.1")
        configuration.file = .none
        configuration.port = listener.port
        try configuration.setOption("ConnectTimeout=1")
        let error = try failure(configuration)
        #expect(error.kind == .unreachable)
        #expect(error.reason.contains("does not answer"))
    }

    @Test(
        "A server that speaks another version is told apart from one that closes without a greeting",
        arguments: [
            ("SSH-1.5-old\r\n", .protocolViolation), ("HTTP/1.1 400 Bad Request\r\n\r\n", .temporary), ("", .temporary),
        ]
            as [(String, SSHClientError.Kind)]
    )
    func foreignServer(reply: String, kind: SSHClientError.Kind) throws {
        let listener = try RawListener(reply: reply)
        var configuration = try SSHClientConfiguration(destination: "user@127.0.0.1")
        configuration.file = .none
        configuration.port = listener.port
        let error = try failure(configuration)
        #expect(error.kind == kind, "\(error)")
    }

    @Test("The agent's key is used when no file's would do, unless IdentitiesOnly forbids it")
    func agent() throws {
        let scene = try Scene()
        try makeKey("other_key", in: scene.directory)
        let socket = scene.directory.path + "/agent"
        let agent = try TestProcess("/usr/bin/ssh-agent", ["-D", "-a", socket])
        defer { agent.stop() }
        _ = agent.readOutput(until: "SSH_AUTH_SOCK")
        try run("/usr/bin/env", ["SSH_AUTH_SOCK=\(socket)", "ssh-add", "-q", scene.directory.path + "/user_key"])
        unlink(scene.directory.path + "/user_key")
        let keys = ["other_key"]
        _ = try SSHClient(
            connecting: scene.configuration("IdentityAgent=\(socket)", "IdentitiesOnly=no", keys: keys)
        )
        #expect(try failure(scene.configuration("IdentityAgent=\(socket)", keys: keys)).kind == .permission)
    }

    @Test("No cipher in common is a failure of the protocol")
    func noCommonCipher() throws {
        let scene = try Scene(settings: "Ciphers aes128-ctr")
        #expect(try failure(scene.configuration("Ciphers=aes256-gcm@openssh.com")).kind == .protocolViolation)
        #expect(try failure(scene.configuration("Ciphers=rot13")).kind == .usage)
        let client = try SSHClient(connecting: scene.configuration("Ciphers=aes128-ctr"))
        #expect(client.security.cipher == "aes128-ctr")
    }

    @Test("A proxy command carries the connection, and what it has started sees the end of it")
    func proxyCommand() throws {
        let scene = try Scene()
        let script = try scene.directory.write(
            "#!/bin/bash\nexec 3<>/dev/tcp/$1/$2\ncat <&3 &\n(cat >&3; echo end >\(scene.directory.path)/end)\n",
            to: "proxy",
            mode: 0o700
        )
        do {
            let client = try SSHClient(connecting: scene.configuration("ProxyCommand=\(script) %h %p"))
            #expect(try client.exec("echo through").output == Array("through\n".utf8))
        }
        #expect(eventually { scene.directory.read("end") == "end\n" })
    }

    @Test("A stock sshd lets in a key whose line carries our options in the tolerated form, and no other")
    func toleratedOptions() throws {
        let tolerated = "environment=\"PACKET_TUNNEL_OPTIONS=permit-ports=80,443 rate=10M\""
        let scene = try Scene(keyOptions: tolerated)
        _ = try SSHClient(connecting: scene.configuration())
        let text = scene.directory.read("authorized_keys")
        #expect(
            AuthorizedKeys(parsing: text, file: "").keys.first?.restrictions.permittedPorts == [80...80, 443...443]
        )
        let refusing = try Scene(keyOptions: "permit-ports=80")
        #expect(try failure(refusing.configuration()).kind == .permission)
    }
}
