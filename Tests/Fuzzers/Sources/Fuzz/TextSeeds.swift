import PacketTunnel

@testable import TunnelConfiguration
@testable import TunnelControl

/// What the fuzzers of texts, files and SSH messages start from.
func textSeeds() -> [String: [[UInt8]]] {
    [
        "key-options": keyOptions.map { Array($0.utf8) },
        "authorized-keys": [
            Array((keyOptions.map { "\($0) \u{1} alice\n" } + ["# comment\n", "\u{1}\n"]).joined().utf8),
            Array("restrict \u{1} a\n\n from=\"192.0.2.1\" \u{1}\r\nssh-foo AAAA\nssh-ed25519 \u{2} c".utf8),
        ],
        "known-hosts": knownHosts.flatMap { [[0] + Array($0.utf8), [1] + Array($0.utf8)] },
        "revoked-keys": [
            [0] + Array("# keys\nssh-ed25519 AAAA comment\n".utf8),
            [1, 1, 0, 0, 0, 8, 0, 0, 0, 4, 1, 2, 3, 4, 3, 0, 0, 0, 24, 0, 0, 0, 20] + [UInt8](0..<20),
            [1, 5, 0, 0, 0, 36, 0, 0, 0, 32] + [UInt8](0..<32) + [255, 0, 0, 0, 7, 0, 0, 0, 1, 97, 0, 0],
        ],
        "public-key": publicKeys,
        "agent": [
            [12, 0, 0, 0, 0], [12, 0, 0, 0, 1, 0, 0, 0, 2, 7, 8, 0, 0, 0, 1, 97],
            [12, 0, 0, 0, 2, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 98], [5],
        ],
        "tunnel-request": [
            [0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff], [0, 0, 0, 1, 0, 0, 0, 5], [0, 0, 0, 2, 0, 0, 0, 1],
        ],
        "ssh-config": sshConfigs.flatMap { [[0] + Array($0.utf8), [1] + Array($0.utf8)] },
        "ssh-option": options.map { Array($0.utf8) },
        "values": values.map { [$0.kind] + Array($0.text.utf8) },
        "daemon-configuration": [
            [0] + Array(DaemonConfiguration().text.utf8), [1, 9] + Array("Port 2222\nMTU 1400\n".utf8),
            [0] + Array("Include /*\nPort 22 # here\n\0ListenAddress [::1]:2022\nPort=\"2200\"\n".utf8),
        ],
        "control": controlMessages(),
        "ssh-packets": packets,
        "ssh-session": sessions,
    ]
}

private let keyOptions = [
    "restrict,port-forwarding,tunnel=\"3\"", "from=\"192.0.2.0/24,!192.0.2.9,2001:db8::*\",no-pty",
    "expiry-time=\"20300101\",expiry-time=\"203001012359Z\"", "command=\"echo \\\"a,b\\\"\",environment=\"A=b\"",
    "environment=\"PACKET_TUNNEL_OPTIONS=permit-ports=80,443 rate=10M sessions=2\"",
    "permit-ports=80:8000-8010,deny-networks=\"192.0.2.0/24,2001:db8::/32\",deny-domains=\"*.a.example,b.example\"",
]

private let knownHosts = [
    "vpn.example,192.0.2.1 \u{1}\n", "[vpn.example]:2222 \u{1} comment\n*,!vpn.example \u{1}\n",
    "@revoked * \u{1}\n@cert-authority *.example \u{1}\n", " \t@revoked\tvpn.* \u{1}\r\n# vpn.example \u{1}\n",
    "|1|MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=|MTIzNDU2Nzg5MDEyMzQ1Njc4OTA= \u{1}\n",
]

/// A point of Ed25519, one of the curve P-256 by its length alone, and an RSA key of 64 bits.
private let publicKeys: [[UInt8]] = [
    [0, 0, 0, 0, 11] + Array("ssh-ed25519".utf8) + [0, 0, 0, 32] + [UInt8](repeating: 1, count: 32),
    [0, 0, 0, 0, 19] + Array("ecdsa-sha2-nistp256".utf8) + [0, 0, 0, 8] + Array("nistp256".utf8) + [0, 0, 0, 65, 4]
        + [UInt8](repeating: 1, count: 64),
    [0, 0, 0, 0, 7] + Array("ssh-rsa".utf8) + [0, 0, 0, 3, 1, 0, 1, 0, 0, 0, 9, 0] + [UInt8](repeating: 0xff, count: 8),
    [1] + Array("AAAAC3NzaC1lZDI1NTE5".utf8), [1] + Array("QQ==".utf8),
]

private let sshConfigs = [
    """
    Host vpn !other
      HostName %h.example
      User "alice b"
      Port=2222
      IdentityFile ~/.ssh/id_%r
      ProxyCommand ssh -W %h:%p "jump host"
    Match final user root exec "test -f /x" localnetwork 192.0.2.0/24
      Compression yes
    Match all
      CanonicalDomains a.example b.example
      CanonicalizePermittedCNAMEs *.a.example:*.b.example
    """,
    "IgnoreUnknown Foo*\nInclude /1 /2*\nFooBar 1\n\0Host *\nRekeyLimit 1G 1h\n\0Match host vpn\nInclude /0\n",
    "ProxyJump a@b:22,[2001:db8::1]:2222\nServerAliveInterval 1m30s\nTag t\nMatch tagged t\nCiphers +aes256-ctr\n",
]

private let options = [
    "StrictHostKeyChecking=accept-new", "IdentityFile=\"~/a b\"", "Port 22", "ProxyCommand=nc %h %p",
    "-oPort=22\n-v\n--\n-ox",
    "RekeyLimit = 1G 1h", "User 'a\\'b'", "LogLevel debug1 # no", "UserKnownHostsFile ${HOME}/a ~/b",
]

private let values: [(kind: UInt8, text: String)] = [
    (0, "ssh://alice@[2001:db8::1]:2222/"), (0, "bob@vpn.example"), (1, "[2001:db8::1]:22"), (1, "192.0.2.1:22"),
    (2, "10:30:100"), (3, "53,80,1000-2000"), (4, "Example.com."), (5, "bbr"), (6, "alice@192.0.2.0/24"),
    (7, "/etc/keys/%u/%h%%"), (8, "default,192.0.2.0/24,2001:db8::/32"), (9, "10.0.0.0/8"), (10, "32:64"),
    (11, "10.1.2.3/24"), (12, "0123456789abcdef0123456789abcdef"), (13, "a@b:22,ssh://c"), (14, "512K"), (15, "1h30m"),
    (16, "2001:db8::/32"), (17, "\u{1b}[2J\u{202e}"), (18, "nameserver 192.0.2.1\nnameserver fe80::1%eth0\n"),
]

private func controlMessages() -> [[UInt8]] {
    let session = "[{\"user\":\"a\",\"keyFingerprint\":\"SHA256:x\",\"name\":\"\"}]"
    let information = "{\"program\":\"p\",\"version\":\"1\",\"mtu\":1500,\"transparentDNSIPv4\":\"10.0.0.2\"}"
    let replies: [ControlReply] = [
        .accepted, .refused(reason: "no \"place\"", exitStatus: 75), .ended(reason: "gone"), .text("{}"),
    ]
    return [
        [0] + ControlWire.encodeStatusRequest(),
        [0] + ControlWire.encode(TunnelRequest(channelType: "tun@psiphon.ca", session: "unit 1")),
        [2] + Array(information.utf8), [3] + Array(session.utf8),
    ] + replies.map { [1] + ControlWire.encode($0) }
}

/// An open, a grant, data, a confirmation, and logins with a key and with a certificate.
private let packets: [[UInt8]] = {
    func string(_ text: String) -> [UInt8] { [0, 0, 0, UInt8(text.utf8.count)] + Array(text.utf8) }
    func message(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] { [number - 20, 0, UInt8(bytes.count)] + bytes }
    let words: [UInt8] = [0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 128, 0]
    let login = string("alice") + string("ssh-connection") + string("publickey") + [1]
    let names = string("curve25519-sha256") + string("rsa-sha2-512,ssh-ed25519")
    return [
        [1] + message(90, string("tun@openssh.com") + words + [0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff]),
        [0] + message(91, [0, 0, 0, 0] + words) + message(93, [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
        [0] + message(94, [0, 0, 0, 0] + string("data")) + message(92, [0, 0, 0, 0, 0, 0, 0, 3] + string("x")),
        [1] + message(50, login + string("ssh-ed25519") + string("key")) + message(50, login + string("ssh-foo")),
        [1] + message(50, login + string("ssh-ed25519-cert-v01@openssh.com") + string("key")),
        [1] + message(20, [UInt8](repeating: 7, count: 16) + names) + message(80, string("x")) + message(21, []),
    ]
}()

/// Channels with commands, variables and data.
private let sessions: [[UInt8]] = [
    [0, 3, 1, 1, 0, 7, 8], [0, 3, 1, 1, 3, 9, 0, 1, 0, 0], [0, 3, 0, 1, 2, 65, 66, 1, 67, 3, 2, 1],
    [1, 1, 0, 5, 0, 4, 1, 2, 3, 4, 7, 8],
    [1, 2, 8, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff, 5, 0, 8, 0, 0, 0, 2, 69, 0, 0, 20],
    [10, 2, 0, 6, 0, 0, 0, 1, 3, 65, 66, 67],
]
