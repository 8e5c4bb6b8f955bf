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
