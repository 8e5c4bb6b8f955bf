public import IPPacket

/// Which resolvers this host's programs shall ask while a tunnel is up.
public struct ResolverSettings: Hashable, Sendable {
    /// The resolvers' addresses, the first one asked first. At most three count (`MAXNS` of resolv.conf(5)).
    public var addresses: [IPAddress]
    /// Domains that complete a name of one word, in order.
    public var searchDomains: [String]
    /// Whether every name goes to these resolvers. Where systemd-resolved chooses by name, false sends it those of
    /// `searchDomains` alone; elsewhere there is one set of resolvers for all names.
    public var takesAllNames: Bool

    /// Resolvers for all names, or for some domains.
    public init(_ addresses: [IPAddress], searchDomains: [String] = [], takesAllNames: Bool = true) {
        self.addresses = addresses
        self.searchDomains = searchDomains
        self.takesAllNames = takesAllNames
    }
}

/// How this host's programs are made to ask a resolver.
public enum ResolverMethod: Sendable {
    /// Whatever answers on this host; the file wherever programs would still ask others.
    case automatic
    /// systemd-resolved, for our interface alone.
    case resolved
    /// The command `resolvconf`, of openresolv or of Debian's package of that name.
    case resolvconf
    /// `/etc/resolv.conf` itself.
    case file
}
