public import OpenSSHSyntax

/// How programs of this host are made to ask the tunnel's resolvers.
public enum DNSSetupChoice: String, ConfigurationChoice {
    /// With a default route by whatever answers on this host, otherwise not at all.
    case automatic = "auto"
    /// systemd-resolved, for the tunnel's interface.
    case resolved
    /// The command `resolvconf`.
    case resolvconf
    /// `/etc/resolv.conf`
    case file
    /// Not at all.
    case none
}
