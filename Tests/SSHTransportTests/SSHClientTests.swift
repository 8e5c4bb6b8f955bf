import Glibc
import SSHTransport
import Synchronization
import Testing

/// A directory with a user key, and a stock server that lets that key in.
private struct Scene {
    let directory: TemporaryDirectory
    let server: StockServer

    init(settings: String = "", keyOptions: String = "") throws {
        directory = try TemporaryDirectory()
        let key = try makeKey("user_key", in: directory)
        server = try StockServer(in: directory, authorizedKeys: "\(keyOptions) \(key)", settings: settings)
    }

    var knownHosts: String { directory.path + "/known_hosts" }

    func configuration(_ options: String..., host: String = "127.0.0.1", keys: [String] = ["user_key"]) throws
        -> SSHClientConfiguration
    {
        var configuration = try SSHClientConfiguration(destination: "\(StockServer.user)@\(host)")
        configuration.port = server.port
        configuration.file = .none
        configuration.identityFiles = keys.map { directory.path + "/" + $0 }
        for option in options + [
            "UserKnownHostsFile=\(knownHosts)", "GlobalKnownHostsFile=none", "IdentitiesOnly=yes",
            "StrictHostKeyChecking=accept-new",
        ] {
            try configuration.setOption(option)
        }
        return configuration
    }
}

private func failure(_ configuration: SSHClientConfiguration, prompts: SSHClientPrompts = .init()) throws
    -> SSHClientError
{
    do throws(SSHClientError) {
        _ = try SSHClient(connecting: configuration, prompts: prompts)
        throw SSHClientError(.usage, "the connection was made")
    } catch {
        return error
    }
}

@Suite("SSH client against a stock server", .enabled(if: StockServer.isAvailable, "needs sshd and ssh-keygen"))
struct SSHClientTests {
    @Test("Connects, logs in with the named key and runs a command", arguments: ["127.0.0.1", "::1", "localhost"])
    func exec(host: String) throws {
        let scene = try Scene()
        let client = try SSHClient(connecting: scene.configuration(host: host))
        #expect(client.user == StockServer.user)
        #expect(client.port == scene.server.port)
        #expect(client.cipher == "aes256-gcm@openssh.com")
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
        #expect(error.message.contains("other_key (\(fingerprint)) is refused"))
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
        #expect(silent.message.contains("locked_key needs a passphrase"))
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
        #expect(missing.message.contains("/none: No such file or directory"))
        let file = try directory.write("\nHost *\n  StrictHostKeyChecking perhaps\n", to: "config")
        configuration.file = .path(file)
        let invalid = try failure(configuration)
        #expect(invalid.kind == .configuration)
        #expect(invalid.message == "\(file):3: StrictHostKeyChecking perhaps: yes, no, accept-new or ask")
    }

    @Test("Nobody listening, and a name that does not exist, are told as unreachable")
    func unreachable() throws {
        var configuration = try SSHClientConfiguration(destination: "user@127.0.0.1")
        configuration.file = .none
        configuration.port = try StockServer.freePort()
        let refused = try failure(configuration)
        #expect(refused.kind == .unreachable)
        #expect(refused.message.contains("refuses the connection"))
        configuration.host = "no-such-host.invalid"
        #expect(try failure(configuration).kind == .unreachable)
    }

    @Test("A server that accepts and then says nothing ends at the time limit")
    func silence() throws {
        let listener = try SilentListener()
        var configuration = try SSHClientConfiguration(destination: "user@127.0.0.1")
        configuration.file = .none
        configuration.port = listener.port
        try configuration.setOption("ConnectTimeout=1")
        let error = try failure(configuration)
        #expect(error.kind == .unreachable)
        #expect(error.message.contains("does not answer"))
    }

    @Test("No cipher in common is a failure of the protocol")
    func noCommonCipher() throws {
        let scene = try Scene(settings: "Ciphers aes128-ctr")
        #expect(try failure(scene.configuration("Ciphers=aes256-gcm@openssh.com")).kind == .protocolViolation)
        #expect(try failure(scene.configuration("Ciphers=rot13")).kind == .usage)
        let client = try SSHClient(connecting: scene.configuration("Ciphers=aes128-ctr"))
        #expect(client.cipher == "aes128-ctr")
    }

    @Test("A proxy command carries the connection")
    func proxyCommand() throws {
        let scene = try Scene()
        let script = try scene.directory.write(
            "#!/bin/bash\nexec 3<>/dev/tcp/$1/$2\ncat <&3 &\ncat >&3\n",
            to: "proxy",
            mode: 0o700
        )
        let client = try SSHClient(
            connecting: scene.configuration("ProxyCommand=\(script) %h %p")
        )
        #expect(try client.exec("echo through").output == Array("through\n".utf8))
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

@Suite("Host keys", .enabled(if: StockServer.isAvailable, "needs sshd and ssh-keygen"))
struct KnownHostsTests {
    private func offeredKey(_ scene: Scene, _ name: String = "host_key") throws -> SSHPublicKey {
        let words = scene.directory.read(name + ".pub").split(separator: " ").map(String.init)
        return try SSHPublicKey(type: words[0], base64: words[1])
    }

    @Test("An unknown host is refused, with the key it shows, unless somebody accepts it")
    func unknownHost() throws {
        let scene = try Scene()
        let key = try offeredKey(scene)
        let strict = try failure(scene.configuration("StrictHostKeyChecking=yes"))
        #expect(strict.kind == .hostKeyUnknown)
        #expect(strict.hostKeys?.offered == key)
        #expect(strict.hostKeys?.known == nil)
        #expect(strict.message.contains(key.fingerprint))
        let ask = try scene.configuration("StrictHostKeyChecking=ask")
        #expect(try failure(ask).kind == .hostKeyUnknown)
        #expect(try failure(ask, prompts: .init(confirmHostKey: { _ in false })).kind == .hostKeyUnknown)
        #expect(scene.directory.read("known_hosts").isEmpty)
        var question = ""
        _ = try SSHClient(
            connecting: ask,
            prompts: .init(confirmHostKey: {
                question = $0
                return true
            })
        )
        #expect(question.contains("[127.0.0.1]:\(scene.server.port)"))
        #expect(question.contains(key.fingerprint))
        _ = try SSHClient(connecting: scene.configuration("StrictHostKeyChecking=yes"))
    }

    @Test("In batch mode nobody is asked")
    func batchMode() throws {
        let scene = try Scene()
        let configuration = try scene.configuration("StrictHostKeyChecking=ask", "BatchMode=yes")
        #expect(try failure(configuration, prompts: .init(confirmHostKey: { _ in true })).kind == .hostKeyUnknown)
    }

    @Test("accept-new adds the key so that ssh-keygen finds it, and ends a last line that was not ended")
    func acceptNew() throws {
        let scene = try Scene()
        _ = try scene.directory.write("# hosts", to: "known_hosts")
        let notices = Mutex<[String]>([])
        var configuration = try scene.configuration()
        configuration.notice = { notice in notices.withLock { $0.append(notice) } }
        _ = try SSHClient(connecting: configuration)
        let found = try run(
            "/usr/bin/ssh-keygen",
            ["-F", "[127.0.0.1]:\(scene.server.port)", "-l", "-f", scene.knownHosts]
        )
        #expect(found.contains(try offeredKey(scene).fingerprint))
        #expect(notices.withLock { $0.count } == 1)
        _ = try SSHClient(connecting: configuration)
        #expect(notices.withLock { $0.count } == 1)
    }

    @Test(
        "A changed key is refused with both fingerprints, file and line, whatever the policy",
        arguments: ["yes", "no"]
    )
    func changedKey(policy: String) throws {
        let scene = try Scene()
        _ = try SSHClient(connecting: scene.configuration())
        let known = try offeredKey(scene)
        scene.server.stop()
        let impostor = try StockServer(
            in: scene.directory,
            authorizedKeys: "",
            hostKey: "other_key",
            port: scene.server.port
        )
        let error = try failure(scene.configuration("StrictHostKeyChecking=\(policy)"))
        let offered = try offeredKey(scene, "other_key")
        #expect(error.kind == .hostKeyChanged)
        #expect(error.hostKeys?.known == known)
        #expect(error.hostKeys?.offered == offered)
        #expect(error.hostKeys?.location == "\(scene.knownHosts):1")
        for text in [known.fingerprint, offered.fingerprint, "\(scene.knownHosts):1"] {
            #expect(error.message.contains(text))
        }
        impostor.stop()
    }

    @Test("A key of another type than the known one is refused; a known one is asked for when the server has several")
    func otherType() throws {
        let scene = try Scene(settings: "")
        let ecdsa = try makeKey("ecdsa_key", in: scene.directory, type: "ecdsa").split(separator: " ")
        let host = "[127.0.0.1]:\(scene.server.port)"
        _ = try scene.directory.write("\(host) \(ecdsa[0]) \(ecdsa[1])\n", to: "known_hosts")
        #expect(try failure(scene.configuration()).kind == .hostKeyChanged)
        scene.server.stop()
        let both = try StockServer(
            in: scene.directory,
            authorizedKeys: scene.directory.read("user_key.pub"),
            port: scene.server.port,
            settings: "HostKey \(scene.directory.path)/ecdsa_key"
        )
        let client = try SSHClient(connecting: scene.configuration())
        #expect(client.hostKey.type == "ecdsa-sha2-nistp256")
        both.stop()
    }

    @Test("Hashed names, wildcards, a second file and an alias are found")
    func forms() throws {
        let scene = try Scene()
        let key = try offeredKey(scene)
        let line = scene.directory.read("host_key.pub").split(separator: " ").prefix(2).joined(separator: " ")
        let host = "[127.0.0.1]:\(scene.server.port)"
        let hosts = try scene.directory.write("\(host) \(line)\n", to: "hashed")
        try run("/usr/bin/ssh-keygen", ["-H", "-f", hosts])
        try #require(scene.directory.read("hashed").hasPrefix("|1|"))
        let wildcard = try scene.directory.write("!198.51.100.1,[127.0.0.*]:\(scene.server.port) \(line)\n", to: "wild")
        let alias = try scene.directory.write("lab.example \(line)\n", to: "alias")
        for files in [hosts, wildcard, "\(scene.directory.path)/none \(hosts)"] {
            let client = try SSHClient(
                connecting: scene.configuration("StrictHostKeyChecking=yes", "UserKnownHostsFile=\(files)")
            )
            #expect(client.hostKey == key)
        }
        _ = try SSHClient(
            connecting: scene.configuration(
                "StrictHostKeyChecking=yes",
                "UserKnownHostsFile=\(alias)",
                "HostKeyAlias=lab.example"
            )
        )
    }

    @Test("A revoked key is refused even where new keys are accepted")
    func revoked() throws {
        let scene = try Scene()
        let line = scene.directory.read("host_key.pub").split(separator: " ").prefix(2).joined(separator: " ")
        _ = try scene.directory.write("@revoked * \(line)\n", to: "known_hosts")
        let error = try failure(scene.configuration())
        #expect(error.kind == .hostKeyChanged)
        #expect(error.message.contains("revoked"))
    }
}

@Suite("Client options")
struct SSHClientOptionTests {
    @Test(
        "A destination is a host, or user@host",
        arguments: [
            ("host", nil, "host"), ("alice@host", "alice", "host"), ("a@b@host", "a@b", "host"), ("u@::1", "u", "::1"),
        ] as [(String, String?, String)]
    )
    func destination(text: String, user: String?, host: String) throws {
        let configuration = try SSHClientConfiguration(destination: text)
        #expect(configuration.user == user)
        #expect(configuration.host == host)
    }

    @Test("What is no destination is refused", arguments: ["", "@host", "user@", "-oProxyCommand=x"])
    func noDestination(text: String) {
        let error = #expect(throws: SSHClientError.self) { try SSHClientConfiguration(destination: text) }
        #expect(error?.kind == .usage)
    }

    @Test(
        "A misspelt option and a bad value are errors of usage that say what is meant",
        arguments: [
            ("StrictHostKeyCheking=no", "unknown option StrictHostKeyCheking; is StrictHostKeyChecking meant?"),
            ("Tunnel=ethernet", "unknown option Tunnel; see ssh_config(5)"),
            ("stricthostkeychecking=maybe", "StrictHostKeyChecking=maybe: yes, no, accept-new or ask"),
            ("ConnectTimeout=soon", "ConnectTimeout=soon: seconds, or a time such as 1m30s"),
            ("ConnectTimeout", "option ConnectTimeout needs a value"),
            ("BatchMode=si", "BatchMode=si: yes or no"), ("Port=0", "Port=0: a number from 1 to 65535"),
            ("RekeyLimit=none", "RekeyLimit=none: a size such as 1G, and a time if wanted"),
            ("ProxyJump=a;reboot", "ProxyJump=a;reboot: the form is [user@]host[:port], several with commas"),
            ("ProxyJump=-oX", "ProxyJump=-oX: the form is [user@]host[:port], several with commas"),
            ("ServerAliveCountMax=0", "ServerAliveCountMax=0: a number from 1 to 1000"),
        ]
    )
    func badOption(text: String, message: String) throws {
        var configuration = try SSHClientConfiguration(destination: "host")
        let error = #expect(throws: SSHClientError.self) { try configuration.setOption(text) }
        #expect(error?.kind == .usage)
        #expect(error?.message == message)
    }

    @Test(
        "Values are taken in every form that ssh takes",
        arguments: [
            "connecttimeout 1m30s", "ConnectTimeout = 5", "ServerAliveInterval=15", "RekeyLimit=1G 1h",
            "RekeyLimit=default none", "ProxyJump=alice@[2001:db8::1]:2222,b", "StrictHostKeyChecking=off",
            "IdentityFile=~/.ssh/%u_key",
        ]
    )
    func goodOption(text: String) throws {
        var configuration = try SSHClientConfiguration(destination: "host")
        try configuration.setOption(text)
    }
}

/// Accepts into its backlog and never answers.
private final class SilentListener {
    let port: UInt16
    private let descriptor: Int32

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let code = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && listen(descriptor, 4) == 0
                    ? getsockname(descriptor, address, &length) : -1
            }
        }
        guard code == 0 else { throw TestFailure("cannot listen") }
        port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(descriptor) }
}
