import CLibSSH
import Glibc
import OpenSSHSyntax
import PacketTunnel
import PacketTunnelTestKit
import Testing

@testable import SSHTransport

@Suite("A server's login") struct SSHServerLoginTests {
    private let success = Int32(SSH_AUTH_SUCCESS.rawValue)
    private let denied = Int32(SSH_AUTH_DENIED.rawValue)

    @Test(
        "takes keys of every usual type",
        arguments: zip(
            [SSH_KEYTYPE_ED25519.rawValue, SSH_KEYTYPE_ECDSA_P256.rawValue, SSH_KEYTYPE_RSA.rawValue],
            [Int32(0), 256, 2048]
        )
    )
    func keyTypes(type: UInt32, bits: Int32) throws {
        let key = try TestKey(ssh_keytypes_e(rawValue: type), bits: bits)
        let text = "\(key.publicKey.type) \(Base64.encode(key.publicKey.blob))"
        let keys = AuthorizedKeys(parsing: text, file: "test")
        let fixture = try ServerFixture {
            $0.authorize = { _, key, address in keys.match(key, remoteAddress: address, now: 0) }
        }
        let client = try TestClient(port: fixture.port)
        // libssh's client chooses its RSA signature by what the server has said until then.
        #expect(ssh_userauth_none(client.session, "alice") == denied)
        #expect(client.offer(key) == success)
        #expect(client.logIn(key) == success)
        #expect(
            eventually {
                fixture.log.lines("login accepted").contains {
                    $0["user"] == "alice" && $0["key"] == key.publicKey.fingerprint && $0["address"] == "127.0.0.1"
                }
            }
        )
    }

    @Test("refuses a key that is not listed, an unknown user, and every other method, and counts them")
    func refusals() throws {
        let fixture = try ServerFixture { $0.maxAuthTries = 5 }
        let client = try TestClient(port: fixture.port)
        let other = try TestKey()
        #expect(ssh_userauth_none(client.session, "alice") == denied)
        #expect(ssh_userauth_list(client.session, nil) == Int32(SSH_AUTH_METHOD_PUBLICKEY))
        #expect(client.offer(other) == denied)
        #expect(client.logIn(user: "bob", fixture.key) == denied)
        #expect(ssh_userauth_password(client.session, "alice", "secret") == denied)
        #expect(ssh_userauth_none(client.session, "alice") == denied, "only the first is free")
        #expect(client.logIn(other) != success)
        #expect(client.isEnded())
        #expect(
            eventually {
                fixture.log.lines("connection ended before login").first?["reason"]
                    == "too many authentication failures"
            }
        )
        #expect(
            fixture.log.lines("authentication refused").contains {
                $0["user"] == "bob" && $0["key"] == "\(fixture.key.publicKey)"
                    && $0["reason"] == "the key is not listed"
            }
        )
        #expect(eventually { fixture.server.connectionCount == 0 })
        #expect(fixture.recorder.now.endedConnections.isEmpty)
    }

    @Test("after a refusal still lets the right key in")
    func secondKey() throws {
        let fixture = try ServerFixture()
        let client = try TestClient(port: fixture.port)
        #expect(client.logIn(try TestKey()) == denied)
        #expect(client.logIn(fixture.key) == success)
    }

    @Test("obeys AllowUsers and DenyUsers")
    func userPatterns() throws {
        let fixture = try ServerFixture {
            $0.allowUsers = ["al*"]
            $0.denyUsers = ["?lice"]
        }
        #expect(try TestClient(port: fixture.port).logIn(fixture.key) == denied)
        #expect(fixture.log.contains("this user is not allowed"))
    }

    @Test("refuses a certificate, whose authority nobody checks, and still takes the plain key")
    func certificate() throws {
        let fixture = try ServerFixture()
        let directory = try TemporaryDirectory()
        let path = directory.path + "/key"
        try fixture.key.write(to: path)
        let command = "ssh-keygen -q -y -f \(path) > \(path).pub && ssh-keygen -q -s \(path) -I t -n alice \(path).pub"
        #expect(system(command) == 0)
        var certificate: ssh_key?
        var key: ssh_key?
        #expect(ssh_pki_import_cert_file("\(path)-cert.pub", &certificate) == SSH_OK)
        #expect(ssh_pki_import_privkey_file(path, nil, nil, nil, &key) == SSH_OK)
        #expect(ssh_pki_copy_cert_to_privkey(certificate, key) == SSH_OK)
        let client = try TestClient(port: fixture.port)
        #expect(ssh_userauth_try_publickey(client.session, "alice", certificate) == denied)
        #expect(ssh_userauth_publickey(client.session, "alice", key) == denied)
        let refusals = fixture.log.lines("authentication refused").compactMap { $0["reason"] }
        #expect(refusals.filter { $0.contains("a certificate; certificates work behind") }.count == 2)
        #expect(client.logIn(fixture.key) == success)
        ssh_key_free(certificate)
        ssh_key_free(key)
    }

    @Test("is over after the grace time, whatever a peer does meanwhile", arguments: ["", "SSH-2.0-half"])
    func graceTime(greeting: String) throws {
        let fixture = try ServerFixture { $0.loginGraceTime = .milliseconds(300) }
        let peer = try TestSocket(port: fixture.port)
        peer.send(Array(greeting.utf8))
        let time = try #require(peer.timeToEnd())
        #expect(time > 0.2 && time < 5)
        #expect(eventually { fixture.log.contains("no login within the grace time") })
        // A connection that has logged in is not concerned.
        let client = try fixture.client()
        let stalled = try TestSocket(port: fixture.port)
        #expect(stalled.timeToEnd() != nil)
        #expect(client.open("tun@psiphon.ca") != nil)
    }

    @Test("has room for MaxStartups only, and each place comes back")
    func maxStartups() throws {
        let fixture = try ServerFixture { $0.maxStartups = .init(begin: 3, rate: 100, full: 3) }
        var peers = try (0..<3).map { _ in try TestSocket(port: fixture.port) }
        #expect(eventually { fixture.server.connectionCount == 3 })
        let fourth = try TestSocket(port: fixture.port)
        #expect(try #require(fourth.timeToEnd()) < 5)
        peers.removeLast()
        #expect(eventually { fixture.server.connectionCount == 2 })
        let clients = try (0..<5).map { _ in try fixture.client() }
        #expect(clients.count == 5, "who has logged in needs no place")
    }
}
