import Foundation
import Glibc
import OpenSSHSyntax
import Testing

@testable import SSHTransport

/// One row for every keyword of ssh_config(5): what the real `ssh` takes, this client obeys, ignores, or refuses, as its
/// table says, by `-o` as well as in a file.
@Suite("Every keyword of ssh_config")
struct SSHConfigEveryKeywordTests {
    private static let ssh = "/usr/bin/ssh"

    @Test("has a value in this test")
    func count() {
        let settable = SSHConfigKeyword.all.filter {
            if case .structure = $0.treatment { false } else { !$0.isOwn }
        }
        #expect(Set(settable.map(\.name)) == Set(Self.samples.keys))
    }

    @Test(
        "that ssh takes is treated as the table says",
        .enabled(if: access(ssh, X_OK) == 0),
        arguments: samples.keys.sorted()
    )
    func treatment(name: String) throws {
        let value = try #require(Self.samples[name])
        // What is newer or older than the installed ssh, or was left out of its build, cannot be compared.
        guard try isTaken("\(name)=\(value)") else { return #expect(Self.mayBeMissing.contains(name)) }
        let directory = try TemporaryDirectory()
        let file = try directory.write("\(name) \(value)\n", to: "config")
        switch try #require(SSHConfigKeyword.named(name)).treatment {
        case .obeyed, .ignored:
            try read(option: "\(name)=\(value)")
            try read(option: "\(name.uppercased()) \(value)")
            try read(file: file)
        case .refused(let reason, let harmless):
            for attempt in [{ try read(option: "\(name)=\(value)") }, { try read(file: file) }] {
                #expect { try attempt() } throws: { "\($0)".contains(name) && "\($0)".contains(reason) }
            }
            for word in harmless { try read(option: "\(name)=\(word)") }
        case .structure: Issue.record("\(name) has no value")
        }
    }

    @Test("that there is not is refused by both, with the nearest name")
    func unknown() throws {
        #expect(try !isTaken("Hostnaem=x"))
        #expect { try read(option: "Hostnaem=x") } throws: { "\($0)".contains("did you mean HostName") }
    }

    private func read(option: String) throws {
        var configuration = try SSHClientConfiguration(destination: "vpn")
        configuration.file = .none
        try configuration.setOption(option)
        _ = try settings(configuration)
    }

    private func read(file: String) throws {
        var configuration = try SSHClientConfiguration(destination: "vpn")
        configuration.file = .path(file)
        _ = try settings(configuration)
    }

    private func settings(_ configuration: SSHClientConfiguration) throws -> SSHClientSettings? {
        do {
            return try SSHClientSettings(configuration)
        } catch let error where error.reason.contains("RefuseConnection: ") {
            return nil  // which is how it is obeyed
        }
    }

    private func isTaken(_ option: String) throws -> Bool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Self.ssh)
        process.arguments = ["-G", "-F", "none", "-o", option, "192.0.2.1"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus == 0
    }

    private static let mayBeMissing: Set = [
        "AFSTokenPassing", "ChannelTimeout", "GSSAPIClientIdentity", "GSSAPIKexAlgorithms", "GSSAPIKeyExchange",
        "GSSAPIRenewalForcesRekey", "GSSAPIServerIdentity", "GSSAPITrustDns", "ObscureKeystrokeTiming",
        "RefuseConnection", "Tag", "UseRsh", "VersionAddendum", "WarnWeakCrypto",
    ]

    private static let samples: [String: String] = [
        "AFSTokenPassing": "no", "AddKeysToAgent": "yes", "AddressFamily": "inet6", "BatchMode": "yes",
        "BindAddress": "192.0.2.1", "BindInterface": "lo", "CASignatureAlgorithms": "ssh-ed25519",
        "CanonicalDomains": "a.example b.example", "CanonicalizeFallbackLocal": "no", "CanonicalizeHostname": "always",
        "CanonicalizeMaxDots": "2", "CanonicalizePermittedCNAMEs": "*.a.example:*.b.example", "CertificateFile": "/a",
        "ChannelTimeout": "session=5m", "CheckHostIP": "yes", "Cipher": "3des", "Ciphers": "aes256-gcm@openssh.com",
        "ClearAllForwardings": "yes", "Compression": "yes", "CompressionLevel": "6", "ConnectTimeout": "5",
        "ConnectionAttempts": "3", "ControlMaster": "auto", "ControlPath": "/a/%C", "ControlPersist": "10m",
        "DynamicForward": "1080", "EnableEscapeCommandline": "no", "EnableSSHKeysign": "yes", "EscapeChar": "none",
        "ExitOnForwardFailure": "yes", "FallbackToRsh": "no", "FingerprintHash": "md5", "ForkAfterAuthentication": "no",
        "ForwardAgent": "yes", "ForwardX11": "yes", "ForwardX11Timeout": "1h", "ForwardX11Trusted": "yes",
        "GSSAPIAuthentication": "yes", "GSSAPIClientIdentity": "a", "GSSAPIDelegateCredentials": "no",
        "GSSAPIKexAlgorithms": "gss-group14-sha256-", "GSSAPIKeyExchange": "yes", "GSSAPIRenewalForcesRekey": "yes",
        "GSSAPIServerIdentity": "a", "GSSAPITrustDns": "yes", "GatewayPorts": "yes", "GlobalKnownHostsFile": "/a /b",
        "HashKnownHosts": "yes", "HostKeyAlgorithms": "+ssh-rsa", "HostKeyAlias": "a", "HostName": "192.0.2.1",
        "HostbasedAcceptedAlgorithms": "ssh-ed25519", "HostbasedAuthentication": "yes", "IPQoS": "af21 cs1",
        "IdentitiesOnly": "yes", "IdentityAgent": "none", "IdentityFile": "/a/%h", "IgnoreUnknown": "A*,B",
        "KbdInteractiveAuthentication": "no", "KbdInteractiveDevices": "pam", "KerberosAuthentication": "no",
        "KerberosTGTPassing": "no", "KexAlgorithms": "curve25519-sha256", "KnownHostsCommand": "/bin/cat %H",
        "LocalCommand": "echo %h", "LocalForward": "8080 a:80", "LogLevel": "VERBOSE", "LogVerbose": "kex.c:*:1000",
        "MACs": "hmac-sha2-256", "NoHostAuthenticationForLocalhost": "yes", "NumberOfPasswordPrompts": "1",
        "ObscureKeystrokeTiming": "no", "PKCS11Provider": "/a/token.so", "PasswordAuthentication": "no",
        "PermitLocalCommand": "yes", "PermitRemoteOpen": "any", "Port": "2222", "PreferredAuthentications": "publickey",
        "Protocol": "2", "ProxyCommand": "nc %h %p", "ProxyJump": "u@a:7,b", "ProxyUseFdpass": "yes",
        "PubkeyAcceptedAlgorithms": "ssh-ed25519", "PubkeyAuthentication": "host-bound", "RSAAuthentication": "no",
        "RefuseConnection": "not here", "RekeyLimit": "1G 1h", "RemoteCommand": "echo %h", "RemoteForward": "8080 a:80",
        "RequestTTY": "no", "RequiredRSASize": "2048", "RevokedHostKeys": "/a", "RhostsAuthentication": "no",
        "RhostsRSAAuthentication": "no", "SecurityKeyProvider": "internal", "SendEnv": "LANG LC_*",
        "ServerAliveCountMax": "3", "ServerAliveInterval": "30", "SessionType": "none", "SetEnv": "A=b",
        "StdinNull": "yes", "StreamLocalBindMask": "0177", "StreamLocalBindUnlink": "yes",
        "StrictHostKeyChecking": "accept-new", "SyslogFacility": "AUTH", "TCPKeepAlive": "no", "Tag": "a",
        "Tunnel": "point-to-point", "TunnelDevice": "any:any", "UpdateHostKeys": "no", "UsePrivilegedPort": "no",
        "UseRoaming": "no", "UseRsh": "no", "User": "alice", "UserKnownHostsFile": "/a %d/b", "VerifyHostKeyDNS": "ask",
        "VersionAddendum": "none", "VisualHostKey": "yes", "WarnWeakCrypto": "no", "XAuthLocation": "/usr/bin/xauth",
    ]
}
