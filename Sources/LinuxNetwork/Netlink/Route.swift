internal import CLinuxNetwork
internal import Glibc
public import IPPacket

/// An address of an interface, and how much of it names the network.
public struct InterfaceAddress: Hashable, Sendable, CustomStringConvertible {
    /// The interface's own address.
    public var address: IPAddress
    /// Leading bits of the network: 0 to 32, or 0 to 128.
    public var prefixLength: Int

    /// An address with its prefix length in the family's own measure.
    public init(_ address: IPAddress, prefixLength: Int) {
        precondition((0...address.bitWidth).contains(prefixLength))
        self.address = address
        self.prefixLength = prefixLength
    }

    /// The network that the address lies in.
    public var prefix: IPPrefix { IPPrefix(address, length: prefixLength) }

    /// For example `10.0.0.1/8`.
    public var description: String { "\(address)/\(prefixLength)" }
}

/// One entry of the host's routing tables.
public struct Route: Hashable, Sendable, CustomStringConvertible {
    /// What a route does with a packet; raw values are those of `linux/rtnetlink.h`.
    public enum Kind: UInt8, Sendable {
        /// Sends it on.
        case unicast = 1
        /// Delivers it on this host.
        case local = 2
        /// Sends it to everybody on the link.
        case broadcast = 3
        /// Delivers it to one of several (IPv6).
        case anycast = 4
        /// Sends it to a group.
        case multicast = 5
        /// Drops it.
        case blackhole = 6
        /// Answers that the destination cannot be reached.
        case unreachable = 7
        /// Answers that the destination is forbidden.
        case prohibit = 8
    }

    /// The routing table that everybody uses.
    public static let mainTable: UInt32 = 254

    /// Where the packets go that this route is for.
    public var destination: IPPrefix
    /// The router to send them to; nil if the destination is on the link.
    public var gateway: IPAddress?
    /// The index of the interface they leave through; 0 if there is none.
    public var interfaceIndex: UInt32
    /// Lower is preferred. 0 means the kernel's own choice when a route is added.
    public var metric: UInt32
    /// The table's number.
    public var table: UInt32
    /// What happens to the packets.
    public var kind: Kind
    /// The origin of the route, `RTPROT_…` of `linux/rtnetlink.h`: 2 the kernel, 3 `ip`, 4 an administrator, 9 router advertisements,
    /// 16 DHCP. Ours are 4.
    public var origin: UInt8 = 4
    /// The address that packets get that have none yet, where the kernel says it.
    public var source: IPAddress?

    /// A route that sends packets on.
    public init(
        _ destination: IPPrefix,
        gateway: IPAddress? = nil,
        interfaceIndex: UInt32,
        metric: UInt32 = 0,
        table: UInt32 = Route.mainTable,
        kind: Kind = .unicast
    ) {
        self.destination = destination
        self.gateway = gateway
        self.interfaceIndex = interfaceIndex
        self.metric = metric
        self.table = table
        self.kind = kind
    }

    /// The name of the interface, or an empty string if there is none.
    public var interfaceName: String { Route.interfaceName(of: interfaceIndex) }

    /// For example `10.0.0.0/8 via 192.0.2.1 dev eth0`.
    public var description: String {
        let via = gateway.map { " via \($0.description)" } ?? ""
        return "\(destination)\(via)\(interfaceIndex == 0 ? "" : " dev \(interfaceName)")"
    }

    static func interfaceName(of index: UInt32) -> String {
        var name = [CChar](repeating: 0, count: Int(LINUXNETWORK_NAME_SIZE))
        return if_indextoname(index, &name).map { String(cString: $0) } ?? ""
    }
}
