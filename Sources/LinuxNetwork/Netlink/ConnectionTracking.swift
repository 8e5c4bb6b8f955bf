internal import CLinuxNetwork
internal import Glibc
public import IPPacket

/// The kernel's memory of connections, which keeps the translation of a client's flows alive after the client has left.
public enum ConnectionTracking {
    /// Deletes every entry whose first packet came from `networks` or went there: for addresses that are about to be leased
    /// to somebody else, who must not get the answers to their last owner. Also those that a killed run has left.
    ///
    /// Asks the kernel and waits for the answer; with a full table that takes most of a second. By `conntrack` through
    /// `sudo` where the options say so; otherwise needs `CAP_NET_ADMIN`.
    ///
    /// - Throws: `NetworkSetupError` of the kinds `notPermitted`, `system`, `commandMissing`, `commandFailed`. Entries may be
    ///   left then.
    @concurrent
    public static func forget(_ networks: [IPPrefix], options: NetworkSetupOptions) async throws(NetworkSetupError) {
        guard options.usesSudo else {
            try forget(networks)
            return
        }
        for network in networks { try await forget(network, by: options.runner) }
    }

    /// `conntrack(8)` ends with status 1 both for an error and where nothing was to be deleted.
    private static func forget(_ network: IPPrefix, by runner: CommandRunner) async throws(NetworkSetupError) {
        let family = network.network.isIPv4 ? "ipv4" : "ipv6"
        for end in ["-s", "-d"] {
            do throws(NetworkSetupError) {
                try await runner.run(["conntrack", "-D", "-f", family, end, "\(network)"])
            } catch {
                guard error.kind == .commandFailed, error.advice.contains("0 flow entries") else { throw error }
            }
        }
    }

    /// The same by this process alone.
    ///
    /// - Returns: how many entries were deleted.
    @discardableResult
    static func forget(_ networks: [IPPrefix]) throws(NetworkSetupError) -> Int {
        let filter = AddressFilter(networks)
        do {
            var socket = try NetlinkSocket(family: NETLINK_NETFILTER)
            var deletions: [NetlinkMessage] = []
            // All entries are looked through here. The kernel could do it, but its filter compares IPv6 addresses the
            // wrong way round (Linux 6.18), and before 5.8 it had none.
            try socket.query(list) { answer in
                guard ends(of: answer).contains(where: filter.contains) else { return }
                if let deletion = deletion(of: answer) { deletions.append(deletion) }
            }
            var count = 0
            for deletion in deletions where try delete(deletion, &socket) { count += 1 }
            return count
        } catch {
            throw problem(error)
        }
    }

    /// The request for all entries of both families.
    static var list: NetlinkMessage {
        message(Int(IPCTNL_MSG_CT_GET.rawValue), family: UInt8(AF_UNSPEC), flags: NetlinkMessage.dump)
    }

    static func problem(_ error: NetlinkError) -> NetworkSetupError {
        // What nfnetlink answers for a subsystem that it does not have.
        guard error.code == EINVAL || error.code == EOPNOTSUPP || error.code == EPROTONOSUPPORT else {
            return .system("delete entries of connection tracking", code: error.code, detail: error.detail)
        }
        return NetworkSetupError(
            .system,
            "this kernel does not let its connection tracking be changed",
            advice: "load the module nf_conntrack_netlink; without it, packets for one client could reach the next one"
        )
    }

    static func delete(
        _ message: NetlinkMessage,
        _ socket: inout NetlinkSocket
    ) throws(NetlinkError) -> Bool {
        do {
            try socket.request(message)
            return true
        } catch {
            // It has expired meanwhile.
            guard error.code == ENOENT else { throw error }
            return false
        }
    }

    /// `linux/netfilter/nfnetlink.h`: the subsystem is the upper byte of a message's type.
    private static func message(_ operation: Int, family: UInt8, flags: UInt16 = 0) -> NetlinkMessage {
        let type = Int(NFNL_SUBSYS_CTNETLINK) << 8 | operation
        let fixed = nfgenmsg(nfgen_family: family, version: UInt8(NFNETLINK_V0), res_id: 0)
        return NetlinkMessage(type: type, flags: flags, fixed)
    }

    static func deletion(of answer: NetlinkAnswer) -> NetlinkMessage? {
        guard let fixed = answer.load(nfgenmsg.self) else { return nil }
        let attributes = answer.attributes(after: MemoryLayout<nfgenmsg>.size)
        guard let tuple = attributes[CTA_TUPLE_ORIG.rawValue] else { return nil }
        var message = message(Int(IPCTNL_MSG_CT_DELETE.rawValue), family: fixed.nfgen_family)
        message.attribute(nest(CTA_TUPLE_ORIG.rawValue), bytes: Array(tuple))
        // The entry that was seen, and not one that has the same addresses since.
        for type in [CTA_ID.rawValue, CTA_ZONE.rawValue] {
            if let value = attributes[type] { message.attribute(type, bytes: Array(value)) }
        }
        return message
    }

    /// Source and destination of an entry's first packet.
    static func ends(of answer: NetlinkAnswer) -> [IPAddress] {
        let tuple = answer.attributes(after: MemoryLayout<nfgenmsg>.size).nested(CTA_TUPLE_ORIG.rawValue)
        guard let addresses = tuple?.nested(CTA_TUPLE_IP.rawValue) else { return [] }
        let found = [CTA_IP_V4_SRC, CTA_IP_V6_SRC, CTA_IP_V4_DST, CTA_IP_V6_DST].map { addresses[$0.rawValue] }
        return found.compactMap { $0.flatMap { IPAddress(networkBytes: $0) } }
    }

    /// Newer parts of the kernel insist on this mark of an attribute that holds others.
    private static func nest(_ type: UInt32) -> UInt32 { type | UInt32(NLA_F_NESTED) }
}

/// Whether an address lies in one of many networks, most of which are single addresses.
private struct AddressFilter {
    private let addresses: Set<IPAddress>
    private let networks: [IPPrefix]

    init(_ networks: [IPPrefix]) {
        addresses = Set(networks.filter { $0.length == $0.network.bitWidth }.map(\.network))
        self.networks = networks.filter { $0.length < $0.network.bitWidth }
    }

    func contains(_ address: IPAddress) -> Bool {
        addresses.contains(address) || networks.contains { $0.contains(address) }
    }
}
