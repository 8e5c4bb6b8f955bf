import CLibSSH
import Glibc
import PacketTunnel
import PacketTunnelTestKit
import Testing

@testable import SSHTransport

@Suite("The SSH library that is linked in") struct SSHLibraryTests {
    private static let isPostQuantum = SSHLibrary.knows("mlkem768x25519-sha256", in: .keyExchange)

    @Test("says its version, and it is one that the shim knows")
    func version() {
        let parts = SSHLibrary.version.split(separator: ".").compactMap { Int($0) }
        #expect(parts.count == 3 && parts[0] == 0 && (10...12).contains(parts[1]), "\(SSHLibrary.version)")
    }

    @Test("is asked what it knows, name by name")
    func knows() {
        #expect(SSHLibrary.knows("curve25519-sha256", in: .keyExchange))
        #expect(SSHLibrary.knows("aes256-gcm@openssh.com", in: .cipher))
        #expect(SSHLibrary.knows("hmac-sha2-512-etm@openssh.com", in: .mac))
        for name in ["", "rot13", "curve25519-sha256,rot13", "+curve25519-sha256", "aes256-gcm@openssh.com"] {
            #expect(!SSHLibrary.knows(name, in: .keyExchange), "\(name)")
        }
        #expect(Self.isPostQuantum == (SSHLibrary.version.hasPrefix("0.12.")))
    }

    @Test("counts as outdated where the system has a higher version, or the same, built later")
    func newer() throws {
        let directory = try TemporaryDirectory()
        let program = try directory.write("", to: "program")
        func install(_ version: String, builtAt seconds: Int) throws {
            let library = try directory.write("ELF SSH-2.0-libssh_\(version) GNU", to: "libssh.so.4")
            let time = timespec(tv_sec: seconds, tv_nsec: 0)
            #expect(utimensat(AT_FDCWD, library, [time, time], 0) == 0)
        }
        let linked = timespec(tv_sec: 1_000, tv_nsec: 0)
        #expect(utimensat(AT_FDCWD, program, [linked, linked], 0) == 0)
        func said() -> String? { SSHLibrary.newerInstallation(program: program, directory: directory.path) }
        #expect(said() == nil, "there is none")
        try install("0.9.8", builtAt: 2_000)
        #expect(said() == nil)
        try install(SSHLibrary.version, builtAt: 1_000)
        #expect(said() == nil)
        try install(SSHLibrary.version, builtAt: 1_001)
        #expect(said()?.contains("was built after this program") == true)
        try install("0.113.0", builtAt: 1)
        #expect(said()?.contains("libssh.so.4 is libssh 0.113.0, and this program has \(SSHLibrary.version)") == true)
        _ = try directory.write("no library", to: "libssh.so.4")
        #expect(said() == nil)
    }

    @Test(
        "agrees on a key exchange that holds against a quantum computer, where it has one; both ends and the log say so"
    )
    func negotiated() throws {
        let fixture = try ServerFixture()
        let client = try fixture.client(
            options: Self.isPostQuantum ? [(SSH_OPTIONS_KEY_EXCHANGE, "^mlkem768x25519-sha256")] : []
        )
        let channel = try #require(client.open("tun@psiphon.ca"))
        defer { ssh_channel_free(channel) }
        let seen = TransportSecurity(client.session, hostKey: "ssh-ed25519")
        #expect(seen.keyExchange == (Self.isPostQuantum ? "mlkem768x25519-sha256" : "curve25519-sha256"))
        #expect(seen.cipher == "aes256-gcm@openssh.com" && seen.mac == nil)
        #expect(eventually { fixture.log.contains("\(seen)") }, "\(fixture.log.messages)")
    }

    @Test("tells the host key algorithm that a client has chosen", arguments: ["ssh-ed25519", "ecdsa-sha2-nistp256"])
    func hostKey(algorithm: String) throws {
        let directory = try TemporaryDirectory()
        let key = try TestKey(SSH_KEYTYPE_ECDSA_P256, bits: 256)
        try key.write(to: directory.path + "/ecdsa")
        let fixture = try ServerFixture { $0.hostKeyFiles.append(directory.path + "/ecdsa") }
        _ = try fixture.client(options: [(SSH_OPTIONS_HOSTKEYS, "rsa-sha2-512,\(algorithm)")])
        #expect(eventually { fixture.log.contains("host key \(algorithm)") }, "\(fixture.log.messages)")
    }

    @Test("offers neither NIST's curves nor codes over plain text unless told to")
    func defaults() throws {
        let fixture = try ServerFixture()
        for (option, value) in [
            (SSH_OPTIONS_KEY_EXCHANGE, "ecdh-sha2-nistp256"), (SSH_OPTIONS_HMAC_C_S, "hmac-sha2-256"),
        ] {
            let aes = [(SSH_OPTIONS_CIPHERS_C_S, "aes256-ctr"), (SSH_OPTIONS_CIPHERS_S_C, "aes256-ctr")]
            #expect(throws: SSHError.self) { try TestClient(port: fixture.port, options: aes + [(option, value)]) }
        }
        let older = try ServerFixture {
            $0.keyExchanges.append("ecdh-sha2-nistp256")
            $0.macs.append("hmac-sha2-256")
        }
        _ = try older.client(
            options: [
                (SSH_OPTIONS_KEY_EXCHANGE, "ecdh-sha2-nistp256"), (SSH_OPTIONS_CIPHERS_C_S, "aes256-ctr"),
                (SSH_OPTIONS_HMAC_C_S, "hmac-sha2-256"),
            ]
        )
        #expect(eventually { older.log.contains("ecdh-sha2-nistp256") })
    }
}
