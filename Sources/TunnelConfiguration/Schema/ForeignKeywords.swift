/// Keywords of sshd that a person may bring along, and why they are not here.
enum ForeignKeywords {
    /// What to do about a keyword that sshd has and packet-tunneld has not; nil for any other word.
    static func hint(_ keyword: String) -> String? {
        reasons[keyword.lowercased()]
    }

    private static let certificates =
        "certificates work behind a stock sshd with packet-tunnel-subsystem, see packet-tunneld(8)"

    private static let reasons: [String: String] = [
        "addressfamily": "use ListenAddress 0.0.0.0 or ListenAddress :: instead",
        "allowgroups": "users need no account here, so there are no groups; use AllowUsers",
        "denygroups": "users need no account here, so there are no groups; use DenyUsers",
        "authenticationmethods": "packet-tunneld authenticates by public key only",
        "kbdinteractiveauthentication": "packet-tunneld authenticates by public key only",
        "challengeresponseauthentication": "packet-tunneld authenticates by public key only",
        "passwordauthentication": "packet-tunneld authenticates by public key only",
        "permitemptypasswords": "packet-tunneld authenticates by public key only",
        "gssapiauthentication": "packet-tunneld authenticates by public key only",
        "hostbasedauthentication": "packet-tunneld authenticates by public key only",
        "pubkeyauthentication": "packet-tunneld always authenticates by public key",
        "usepam": "packet-tunneld authenticates by public key only",
        "trustedusercakeys": certificates,
        "authorizedprincipalsfile": certificates,
        "authorizedkeyscommand": "keys come from files; see AuthorizedKeysFile",
        "authorizedkeyscommanduser": "keys come from files; see AuthorizedKeysFile",
        "permitrootlogin": "nobody logs in to packet-tunneld; use AllowUsers or DenyUsers",
        "permittunnel": "tunnels are all that packet-tunneld offers; use AllowUsers or DenyUsers",
        "allowtcpforwarding": "tunnels are all that packet-tunneld offers",
        "allowagentforwarding": "tunnels are all that packet-tunneld offers",
        "allowstreamlocalforwarding": "tunnels are all that packet-tunneld offers",
        "disableforwarding": "tunnels are all that packet-tunneld offers",
        "gatewayports": "tunnels are all that packet-tunneld offers",
        "permitopen": "see DenyNetworks and PermitTCPPorts for what clients may reach",
        "x11forwarding": "tunnels are all that packet-tunneld offers",
        "permittty": "packet-tunneld has no shell",
        "forcecommand": "packet-tunneld has no shell",
        "chrootdirectory": "packet-tunneld has no shell",
        "subsystem": "packet-tunneld has no subsystems; for one in a stock sshd see the packet-tunnel examples",
        "match": "there are no conditional blocks here; see the options in authorized_keys",
        "maxsessions": "a connection carries one tunnel",
        "compression": "packets are mostly encrypted already, so packet-tunneld never compresses",
        "usedns": "packet-tunneld never looks up a client's name",
        "syslogfacility": "logs go to standard error; let the service manager keep them",
        "tcpkeepalive": "use ClientAliveInterval, which is encrypted, too",
        "banner": "packet-tunneld has none",
        "printmotd": "packet-tunneld has no shell",
        "acceptenv": "packet-tunneld has no shell",
    ]
}
