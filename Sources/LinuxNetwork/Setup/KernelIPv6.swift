internal import CLinuxNetwork
internal import Glibc
internal import IPPacket

/// Whether this kernel knows IPv6 at all: not with `ipv6.disable=1`, nor where it was left out.
public enum KernelIPv6 {
    /// True if no interface of this host has an IPv6 address but the loopback's, not even a link-local one: IPv6 is switched
    /// off everywhere.
    static var isUnused: Bool {
        guard let addresses = try? HostNetwork.addresses() else { return false }
        return addresses.allSatisfy { $0.address.isIPv4 || $0.address.bits == 1 }
    }

    /// True if no packet of IPv6 can be sent or received on this host.
    public static var isAbsent: Bool {
        let descriptor = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor < 0 else {
            close(descriptor)
            return false
        }
        return errno == EAFNOSUPPORT
    }
}

extension RouteMessages {
    /// The settings below `/proc/sys/net` that rtnetlink can write, too: where a container has `/proc/sys` read-only.
    ///
    /// IPv4 takes all settings of an interface (`inet_set_link_af`), IPv6 the way link-local addresses are made alone
    /// (`inet6_set_link_af`).
    ///
    /// - Returns: nil for a setting that rtnetlink does not know, and one of an interface that is not there.
    static func setting(_ setting: Sysctl, _ value: String) -> NetlinkMessage? {
        let words = setting.path.split(separator: "/").map { String($0) }
        guard words.count == 5, words[0] == "net", words[2] == "conf", let number = UInt32(value) else { return nil }
        let index = if_nametoindex(words[3])
        guard index != 0 else { return nil }
        var fixed = ifinfomsg()
        fixed.ifi_index = Int32(index)
        var message = NetlinkMessage(type: RTM_NEWLINK, fixed)
        switch (words[1], words[4]) {
        case ("ipv4", "forwarding"):
            message.nested(IFLA_AF_SPEC) { families in
                families.nested(AF_INET) { family in
                    // IPV4_DEVCONF_FORWARDING of linux/ip.h, which goes not together with glibc's headers.
                    family.nested(IFLA_INET_CONF) { $0.attribute(1, number) }
                }
            }
        case ("ipv6", "addr_gen_mode"):
            message.nested(IFLA_AF_SPEC) { families in
                families.nested(AF_INET6) { $0.attribute(IFLA_INET6_ADDR_GEN_MODE, UInt8(truncatingIfNeeded: number)) }
            }
        default: return nil
        }
        return message
    }
}
