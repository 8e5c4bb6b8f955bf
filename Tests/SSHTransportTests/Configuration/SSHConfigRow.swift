import Testing

/// What the comparison with `ssh` holds side by side: configuration files, and command lines.
///
/// In the texts `DIR` is a directory with a few files to include, `LOCAL` the local user, `LOCALUID` the user's name and
/// number, `= HOME` the home directory.
struct SSHConfigRow: Sendable, CustomTestStringConvertible {
    let text: String
    let arguments: [String]

    var testDescription: String { "\(text.debugDescription) \(arguments.joined(separator: " "))" }

    init(_ text: String, _ arguments: String...) {
        self.text = text
        self.arguments = arguments.isEmpty ? ["vpn"] : arguments
    }
}

extension SSHConfigRow {
    static let all = lines + blocks + values + canonical + commandLines

    /// How a line is written, and the patterns of `Host` and `HostName`.
    private static let lines: [SSHConfigRow] = [
        .init("Port 7"), .init("port 7"), .init("PORT 7"), .init("\tPort\t7\t"), .init("  Port   7  "),
        .init("Port=7"), .init("Port =7"), .init("Port= 7"), .init("Port = 7"), .init("Port\t=\t7"),
        .init("Port \"7\""), .init("Port '7'"), .init("Port 7 # comment"), .init("Port 7 #comment"),
        .init("# Port 8\nPort 7"), .init("\n\n#\n  # x\nPort 7\n\n"), .init("Port 7\r\nUser a\r"),
        .init("Port 7\u{c}"), .init("Port 7\nPort 8"), .init("Port==7"), .init("Port"), .init("Port 7 8"),
        .init("Port \"7"), .init("Port 7\""), .init("Port x"), .init("Port 0"), .init("Port 65535"),
        .init("Port 65536"), .init("Port -1"), .init("Port 7x"), .init("Hots x"), .init("\u{feff}Port 7"),
        .init("User a=b"), .init("User \"a b\""), .init("User 'a b'"), .init("User a\\ b"), .init("User \"a\\\"b\""),
        .init("User a\\\\b"), .init("User \"it's\""), .init("User \"\""), .init("User a # b"), .init("User a#b"),
        .init("User a\nUser b"), .init("user=alice"), .init("Host"), .init("Match"), .init("Include"),
        .init("HostName"), .init("HashKnownHosts"), .init("UserKnownHostsFile"), .init("Host vpn\n Port 7"),
        .init("Host VPN\n Port 7"), .init("Host vpn\n Port 7", "VPN"), .init("Host *\n Port 7"),
        .init("Host v?n\n Port 7"), .init("Host v?n\n Port 7", "vpnn"),
        .init("Host *.example\n Port 7", "vpn.example"), .init("Host !vpn *\n Port 7"),
        .init("Host * !vpn\n Port 7"), .init("Host * !other\n Port 7"), .init("Host !other\n Port 7"),
        .init("Host vpn other\n Port 7", "other"), .init("Host a b c\n Port 7"), .init("Host \"vpn\" x\n Port 7"),
        .init("Host \"v p n\"\n Port 7"), .init("Host vpn # other\n Port 7", "other"),
        .init("Host vpn#other\n Port 7"), .init("Host=vpn\n Port=7"), .init("Host vpn,other\n Port 7"),
        .init("Host a\n Port 7\nHost vpn\n Port 8\nHost *\n Port 9"),
        .init("Host vpn\n User u\nHost *\n User v\n Port 9"), .init("Host 192.0.2.*\n Port 7", "192.0.2.1"),
        .init("Host 2001:db8::*\n Port 7", "2001:db8::1"), .init("Host other\n Port x"),
        .init("Host other\n Hots x"), .init("HostName a.example"), .init("HostName %h.example"),
        .init("HostName %h.example", "VPN"), .init("HostName %%h"), .init("HostName %n"), .init("HostName %h%"),
        .init("HostName A.Example"), .init("HostName 2001:db8::1"), .init("HostName 192.0.2.1"),
        .init("HostName \"\""), .init("HostName a b"),
    ]

    /// `Match` and `Include`.
    private static let blocks: [SSHConfigRow] = [
        .init("Match all\n Port 7"), .init("Match host vpn\n Port 7"), .init("Match host VPN\n Port 7"),
        .init("Match host vpn\n Port 7", "VPN"), .init("Match host vpn,other\n Port 7", "other"),
        .init("Match host *.example,!a.example\n Port 7", "a.example"),
        .init("Match host *.example,!a.example\n Port 7", "b.example"), .init("Match !host other\n Port 7"),
        .init("Match !host vpn\n Port 7"), .init("HostName a.example\nMatch host a.example\n Port 7"),
        .init("HostName a.example\nMatch host vpn\n Port 7"),
        .init("HostName %h.example\nMatch host vpn.example\n Port 7"),
        .init("HostName a.example\nMatch originalhost vpn\n Port 7"),
        .init("Match originalhost a.example\n HostName a.example\nMatch host vpn\n Port 7"),
        .init("Match originalhost VPN\n Port 7"), .init("User alice\nMatch user alice\n Port 7"),
        .init("Match user bob\n Port 7"), .init("Match !user bob\n Port 7"), .init("Match user !bob,*\n Port 7"),
        .init("Match localuser LOCAL\n Port 7"), .init("Match localuser nobody-else\n Port 7"),
        .init("Match host vpn localuser LOCAL user LOCAL\n Port 7"), .init("Match exec \"true\"\n Port 7"),
        .init("Match exec \"false\"\n Port 7"), .init("Match !exec \"false\"\n Port 7"),
        .init("Match exec true\n Port 7"), .init("Match exec \"test %h = vpn\"\n Port 7"),
        .init("Match exec \"test %n = vpn && test %p = 22\"\n Port 7"),
        .init("HostName a\nMatch exec \"test %h%%%n = a%%vpn\"\n Port 7"),
        .init("Match exec \"test %d = HOME\"\n Port 7"), .init("Match exec \"test %u%i = LOCALUID\"\n Port 7"),
        .init("User x\nMatch exec \"test %r = x\"\n Port 7"), .init("Match exec \"test %L.%l != .\"\n Port 7"),
        .init("Match exec \"test %C = $(printf %%s %l%h%p%r | sha1sum | cut -c1-40)\"\n Port 7"),
        .init("HostKeyAlias x\nMatch exec \"test %k = x\"\n Port 7"), .init("Match exec \"test %x = x\"\n Port 7"),
        .init("Match host other exec \"touch DIR/ran\"\n Port 7\nMatch exec \"test -e DIR/ran\"\n Port 8"),
        .init("Match host vpn exec \"exit 3\"\n Port 7"), .init("Match exec \"echo out; echo err >&2\"\n Port 7"),
        .init("Match final\n Port 7"), .init("Match final all\n Port 7"), .init("Match !final all\n Port 7"),
        .init("Match final host vpn\n Port 7"), .init("HostName a.example\nMatch final host a.example\n Port 7"),
        .init("Match final host a.example\n Port 7\nMatch originalhost vpn\n HostName a.example"),
        .init("Match final host vpn\n Port 7\nMatch originalhost vpn\n HostName a.example"),
        .init("Match final\n User u\nPort 7\nUser v"), .init("Match canonical\n Port 7"),
        .init("Match final\n User x\nMatch canonical\n Port 7"), .init("Match final canonical all\n Port 7"),
        .init("Match host vpn all\n Port 7"), .init("Match host vpn user LOCAL all\n Port 7"),
        .init("Match canonical all\n Port 7"), .init("Match !canonical all\n Port 7"),
        .init("Match all exec true\n Port 7"), .init("Match !all\n Port 7"), .init("Match host\n Port 7"),
        .init("Match foo bar\n Port 7"), .init("Match host=vpn\n Port 7"),
        .init("Match host \"vpn,other\" user LOCAL\n Port 7"), .init("Match host vpn # comment\n Port 7"),
        .init("Match host a, vpn\n Port 7"), .init("Match host other\n Port x"),
        .init("Match user alice\n Port 7\nHost *\n User alice"),
        .init("Match final\n IdentityFile /a\nHost *\n IdentityFile /b"), .init("Include DIR/port"),
        .init("Include DIR/*.conf"), .init("Include DIR/none"), .init("Include DIR/none*\nPort 8"),
        .init("Host vpn\n Include DIR/port"), .init("Host other\n Include DIR/port"),
        .init("Include DIR/host\nPort 8"), .init("Host other\n Include DIR/host\nPort 8"),
        .init("Include DIR/port DIR/user"), .init("Include \"DIR/with blank\""), .init("Include DIR/loop\nPort 7"),
        .init("Include DIR/final"), .init("Include DIR/bad"),
    ]

    /// The values of keywords.
    private static let values: [SSHConfigRow] = [
        .init("BatchMode yes"), .init("BatchMode TRUE"), .init("BatchMode maybe"), .init("AddressFamily inet"),
        .init("AddressFamily INET6"), .init("AddressFamily inet7"), .init("BindAddress 192.0.2.1\nBindInterface lo"),
        .init("CheckHostIP yes"), .init("Compression yes"), .init("Compression delayed"), .init("ConnectTimeout 5"),
        .init("ConnectTimeout 1m30s"), .init("ConnectTimeout 0"), .init("ConnectTimeout none"),
        .init("ConnectTimeout -1"), .init("ConnectTimeout 1x"), .init("ConnectTimeout 1h1"),
        .init("GlobalKnownHostsFile /a /b"), .init("GlobalKnownHostsFile \"/a b\" /c"),
        .init("GlobalKnownHostsFile none"), .init("GlobalKnownHostsFile none /a"), .init("HashKnownHosts yes"),
        .init("HostKeyAlias VPN"), .init("IdentitiesOnly yes"), .init("IdentityAgent none"),
        .init("IdentityAgent SSH_AUTH_SOCK"), .init("IdentityAgent $SOME_SOCKET"),
        .init("IdentityAgent ${HOME}/agent"), .init("IdentityAgent ~/agent"), .init("IdentityAgent /a/%h"),
        .init("IdentityAgent \"/a b\""), .init("IdentityAgent $"), .init("IdentityAgent $a-b"),
        .init("IdentityAgent ${UNSET_VARIABLE}/a"), .init("IdentityFile /a"),
        .init("IdentityFile /a\nIdentityFile /b\nIdentityFile /a"), .init("IdentityFile none"),
        .init("IdentityFile none\nIdentityFile /b"), .init("IdentityFile \"/a b\""), .init("IdentityFile /a /b"),
        .init("IgnoreUnknown Foo*,Bar\nFooBar x\nBar y"), .init("FooBar x\nIgnoreUnknown FooBar"),
        .init("IgnoreUnknown Foo\nBar x"), .init("KnownHostsCommand /bin/cat %H %h"),
        .init("KnownHostsCommand \"/bin/x y\" z"), .init("KnownHostsCommand none"), .init("LogLevel verbose"),
        .init("LogLevel DEBUG2"), .init("LogLevel loud"), .init("NoHostAuthenticationForLocalhost yes"),
        .init("PreferredAuthentications publickey,password"), .init("ProxyCommand nc %h %p"),
        .init("ProxyCommand \"nc %h\" %p"), .init("ProxyCommand none"), .init("ProxyCommand nc a # b"),
        .init("ProxyCommand  =nc a"), .init("ProxyJump jump"), .init("ProxyJump u@jump:2222"),
        .init("ProxyJump a,b@c:7,d"), .init("ProxyJump ssh://u@jump:2222"), .init("ProxyJump [2001:db8::1]:2222"),
        .init("ProxyJump 2001:db8::1"), .init("ProxyJump none"), .init("ProxyJump a b"), .init("ProxyJump a,,b"),
        .init("ProxyJump a:x"), .init("ProxyCommand x\nProxyJump b"), .init("ProxyJump b\nProxyCommand x"),
        .init("ProxyJump none\nProxyCommand x"), .init("ProxyCommand none\nProxyJump b"),
        .init("PubkeyAuthentication unbound"), .init("PubkeyAuthentication no-way"), .init("DSAAuthentication yes"),
        .init("RekeyLimit 4G 1h"), .init("RekeyLimit 1"), .init("RekeyLimit 1k"), .init("RekeyLimit default none"),
        .init("RekeyLimit default 1h"), .init("RekeyLimit 1T"), .init("RekeyLimit"), .init("RekeyLimit 1G 1h x"),
        .init("RequiredRSASize 3072"), .init("RequiredRSASize x"), .init("RevokedHostKeys /revoked"),
        .init("RevokedHostKeys none"), .init("ServerAliveCountMax 0"), .init("ServerAliveCountMax 7"),
        .init("ServerAliveCountMax -1"), .init("ServerAliveInterval 1m"), .init("ServerAliveInterval none"),
        .init("ServerAliveInterval 1y"), .init("StrictHostKeyChecking yes"), .init("StrictHostKeyChecking no"),
        .init("StrictHostKeyChecking OFF"), .init("StrictHostKeyChecking ask"),
        .init("StrictHostKeyChecking accept-new"), .init("StrictHostKeyChecking maybe"),
        .init("UserKnownHostsFile none"), .init("UserKnownHostsFile /a /b"), .init("UserKnownHostsFile \"/a b\""),
        .init("UserKnownHostsFile ~/a %d/b"), .init("UserKnownHostsFile ~root/a"),
        .init("UserKnownHostsFile ~nobody-here/a"), .init("UserKnownHostsFile /k/%h/%n/%p/%r/%u/%i/%k/%l/%L"),
        .init("UserKnownHostsFile /k/%C"), .init("UserKnownHostsFile ${HOME}/a"),
        .init("UserKnownHostsFile ${UNSET_VARIABLE}/a"), .init("UserKnownHostsFile ${HOME"),
        .init("UserKnownHostsFile /k/%q"), .init("UserKnownHostsFile /k/%"), .init("UserKnownHostsFile /k/%%h"),
        .init("UserKnownHostsFile none /a"), .init("User a%u-%h-%n-%p"), .init("User %r"), .init("User ${HOME}"),
        .init("User a", "%u@vpn"), .init("SendEnv LANG LC_*"),
        .init("ForwardX11Trusted yes\nGSSAPIAuthentication yes"), .init("ControlPath ~/.ssh/cm-%r@%h:%p"),
        .init("CertificateFile /a"), .init("CertificateFile /a\nCertificateFile /b\nCertificateFile /a"),
        .init("CertificateFile none"), .init("CertificateFile none\nCertificateFile /b"),
        .init("CertificateFile /a /b"), .init("CertificateFile"), .init("PKCS11Provider none"),
        .init("ProxyUseFdpass no"), .init("Protocol 2"), .init("UseRoaming no"),
    ]

    /// Whole names, without a name service: what is looked up is seen in ssh-config.t.
    private static let canonical: [SSHConfigRow] = [
        .init("CanonicalizeHostname no"), .init("CanonicalizeHostname yes"), .init("CanonicalizeHostname ALWAYS"),
        .init("CanonicalizeHostname maybe"), .init("CanonicalizeHostname yes\nMatch canonical\n Port 7"),
        .init("CanonicalizeHostname no\nMatch canonical\n Port 7"),
        .init("CanonicalizeHostname true\nMatch !canonical\n Port 7"),
        .init("CanonicalizeHostname yes\nMatch canonical host VPN\n Port 7", "VPN"),
        .init("Host vpn\n CanonicalizeHostname yes\n HostName a.example\nHost a.example\n Port 7"),
        .init("Host vpn\n CanonicalizeHostname yes\n HostName a.example\nMatch host a.example\n Port 7"),
        .init("Host vpn\n HostName a.example\nHost a.example\n Port 7"),
        .init("Match final\n User u\nHost a.example\n Port 7\nHost vpn\n HostName a.example"),
        .init("Match final\n User u\nHost !a.example *\n User v\nHost vpn\n HostName a.example"),
        .init("Match final\n User u\nHost vpn\n HostName a.example\n Port 7"),
        .init("CanonicalizeHostname yes\nCanonicalizeFallbackLocal no"),
        .init("CanonicalizeHostname yes\nCanonicalizeFallbackLocal no", "2001:DB8:0::1"),
        .init("CanonicalizeHostname yes\nCanonicalizeFallbackLocal no\nCanonicalizeMaxDots 2", "a.b.c.d"),
        .init("CanonicalizeHostname yes\nCanonicalizeFallbackLocal no\nProxyJump j\nMatch canonical\n Port 7"),
        .init("CanonicalizeHostname always\nCanonicalizeFallbackLocal no\nProxyJump j"),
        .init("CanonicalizeHostname yes\nCanonicalizeFallbackLocal no\nProxyCommand none"),
        .init("CanonicalizeFallbackLocal x"), .init("CanonicalizeMaxDots 0"), .init("CanonicalizeMaxDots x"),
        .init("CanonicalizeMaxDots -1"), .init("CanonicalDomains a.example B.example."), .init("CanonicalDomains none"),
        .init("CanonicalDomains none a"), .init("CanonicalDomains a none"), .init("CanonicalDomains -a"),
        .init("CanonicalDomains a..b"), .init("CanonicalDomains \"\""), .init("CanonicalDomains"),
        .init("CanonicalDomains a_b"), .init("CanonicalDomains a\nCanonicalDomains b"),
        .init("CanonicalizePermittedCNAMEs none"), .init("CanonicalizePermittedCNAMEs a"),
        .init("CanonicalizePermittedCNAMEs a:"), .init("CanonicalizePermittedCNAMEs none *"),
        .init("CanonicalizePermittedCNAMEs * none"),
        .init("CanonicalizePermittedCNAMEs *.a:*.b *.C:*.D,x\nHostName 192.0.2.1"),
        .init("", "2001:DB8:0::1"), .init("", "192.0.2.001"),
        .init("HostName 2001:DB8:0::1\nMatch host 2001:DB8:0::1\n Port 7"),
        .init("Match final host 2001:db8::1\n Port 7", "2001:DB8:0::1"),
        .init("Host 2001:db8::1\n Port 7", "2001:DB8:0::1"),
        .init("ProxyJump a:7/"), .init("ProxyJump ssh://a:7/"), .init("ProxyJump a/"), .init("ProxyJump [2001:db8::1]"),
        .init("ProxyJump u@[2001:db8::1]"), .init("ProxyJump a:0"), .init("ProxyJump -a"), .init("ProxyJump @a"),
        .init("ProxyJump a@b@c"), .init("ProxyJump [a]:7"), .init("ProxyJump a:"), .init("ProxyJump ssh://a:/"),
        .init("ProxyJump ssh://a/x"),
        .init("ProxyJump :7"), .init("ProxyJump u@a:"), .init("ProxyJump [2001:db8::1]:"), .init("", "ssh://a:"),
        .init("", "ssh://a/x"),
    ]

    /// What a command line says beside a file.
    private static let commandLines: [SSHConfigRow] = [
        .init("Port 7", "-p", "8", "vpn"), .init("User a", "b@vpn"), .init("User a", "-o", "User=b", "vpn"),
        .init("", "-o", "Port 7", "vpn"), .init("", "-o", "port=7", "-o", "Port=8", "vpn"),
        .init("", "ssh://u@vpn:77"), .init("", "u@2001:db8::1"), .init("", "a@b@vpn"),
        .init("Host vpn\n Port 7", "u@vpn"), .init("Match user u\n Port 7", "u@vpn"),
        .init("", "-i", "DIR/port", "-i", "DIR/user", "vpn"), .init("IdentityFile /c", "-i", "DIR/port", "vpn"),
        .init("", "-i", "/not-there", "vpn"), .init("IdentityFile /c", "-i", "/not-there", "vpn"),
        .init("", "-o", "UserKnownHostsFile=\"/a b\" /c", "vpn"), .init("", "-o", "HostName=%h.x", "vpn"),
        .init("ProxyJump a", "-o", "ProxyJump=none", "vpn"), .init("ProxyCommand x", "-o", "ProxyJump=b", "vpn"),
        .init("IdentityAgent /a", "-o", "IdentityAgent=none", "vpn"), .init("", "-o", "Foo=bar", "vpn"),
        .init("", "-o", "Port=x", "vpn"), .init("Port 9", "-o", "ControlPath=none", "-o", "SendEnv=LANG", "vpn"),
    ]
}
