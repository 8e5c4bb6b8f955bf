import SSHTransport
import Synchronization
import Testing

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
        #expect(strict.reason.contains(key.fingerprint))
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
            #expect(error.reason.contains(text))
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
        #expect(error.reason.contains("revoked"))
    }
}
