import SSHTransport
import Testing

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

    @Test("What is no destination is refused", arguments: ["", "@host", "user@", "-oProxyCommand=x", "ssh://a:x"])
    func noDestination(text: String) {
        let error = #expect(throws: SSHClientError.self) { try SSHClientConfiguration(destination: text) }
        #expect(error?.kind == .usage)
    }

    @Test(
        "A misspelt option and a bad value are errors of usage that say what is meant",
        arguments: [
            ("StrictHostKeyCheking=no", "unknown option StrictHostKeyCheking; did you mean StrictHostKeyChecking?"),
            ("Nonsense=1", "unknown option Nonsense"),
            ("Host=a", "Host belongs into a configuration file; name that with -F"),
            (
                "stricthostkeychecking=mabye",
                "StrictHostKeyChecking=mabye: \"mabye\" is not one of yes, no, true, false, ask, off, accept-new"
            ),
            (
                "ConnectTimeout=soon",
                "ConnectTimeout=soon: \"soon\" is not a time; write seconds, or for example 90s, 5m, 1h30m"
            ),
            ("ConnectTimeout", "\"ConnectTimeout\" is not OPTION=VALUE; write for example StrictHostKeyChecking=yes"),
            ("BatchMode=si", "BatchMode=si: \"si\" is neither yes nor no"),
            ("Port=0", "Port=0: \"0\" is not a port; ports are 1 to 65535"),
            ("RekeyLimit=none", "RekeyLimit=none: \"none\" is not a size; write bytes, or for example 512K, 4M, 1G"),
            ("ProxyJump=a;reboot", "ProxyJump=a;reboot: \"a;reboot\" is no host to go through"),
            (
                "ProxyJump=-oX",
                "ProxyJump=-oX: \"-oX\" names no valid host; write for example alice@vpn.example"
            ),
            ("ServerAliveCountMax=-1", "ServerAliveCountMax=-1: \"-1\" is not a number from 0 to 100000"),
            (
                "PKCS11Provider=a",
                "PKCS11Provider a: no provider is loaded; give the token's keys to ssh-agent (ssh-add -s)"
            ),
        ]
    )
    func badOption(text: String, message: String) throws {
        var configuration = try SSHClientConfiguration(destination: "host")
        let error = #expect(throws: SSHClientError.self) { try configuration.setOption(text) }
        #expect(error?.kind == .usage)
        #expect(error?.reason == message)
    }

    @Test(
        "Values are taken in every form that ssh takes",
        arguments: [
            "connecttimeout 1m30s", "ConnectTimeout = 5", "ServerAliveInterval=15", "RekeyLimit=1G 1h",
            "RekeyLimit=default none", "ProxyJump=alice@[2001:db8::1]:2222,b", "StrictHostKeyChecking=off",
            "IdentityFile=~/.ssh/%u_key", "ServerAliveCountMax=0", "ConnectTimeout=none", "LogLevel=ERROR",
            "SendEnv=LANG LC_*", "ControlPath=none", "PKCS11Provider=none", "HostKeyAlias=vpn", "Tunnel=ethernet",
        ]
    )
    func goodOption(text: String) throws {
        var configuration = try SSHClientConfiguration(destination: "host")
        try configuration.setOption(text)
    }
}
