public import IPPacket

extension TrafficPolicy {
    /// Everything that is not the global internet: loopback, link-local (and with it the metadata service of the
    /// clouds), private, carrier-grade, documentation, benchmarking, multicast and reserved ranges, and the addresses
    /// that embed an IPv4 address, through which any of them could be reached. From the IANA special-purpose
    /// registries (RFC 6890).
    public static let defaultDeniedNetworks: [IPPrefix] = deniedTexts.compactMap { IPPrefix($0) }

    /// What no router forwards: link-local destinations.
    public static let neverRouted: [IPPrefix] = ["169.254.0.0/16", "fe80::/10"].compactMap { IPPrefix($0) }

    static let deniedTexts = [
        "0.0.0.0/8",  // this network
        "10.0.0.0/8",  // private
        "100.64.0.0/10",  // carrier-grade NAT
        "127.0.0.0/8",  // loopback
        "169.254.0.0/16",  // link-local, metadata services
        "172.16.0.0/12",  // private
        "192.0.0.0/24",  // protocol assignments
        "192.0.2.0/24",  // documentation
        "192.88.99.0/24",  // 6to4 relays
        "192.168.0.0/16",  // private
        "198.18.0.0/15",  // benchmarking
        "198.51.100.0/24",  // documentation
        "203.0.113.0/24",  // documentation
        "224.0.0.0/3",  // multicast, reserved, broadcast
        "::/8",  // unspecified, loopback, mapped, NAT64 (64:ff9b::/96 and 64:ff9b:1::/48)
        "100::/64",  // discard
        "2001::/23",  // Teredo, benchmarking, ORCHID
        "2001:db8::/32",  // documentation
        "2002::/16",  // 6to4
        "3fff::/20",  // documentation
        "5f00::/16",  // segment routing
        "fc00::/7",  // unique local, metadata services
        "fe80::/10",  // link-local
        "fec0::/10",  // site-local
        "ff00::/8",  // multicast
    ]
}
