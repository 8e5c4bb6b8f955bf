internal import CLinuxNetwork
internal import Glibc
public import IPPacket

/// The kernel's memory of connections, which keeps the translation of a client's flows alive after the client has left.
public enum ConnectionTracking {
    /// Deletes every entry whose first packet came from one of `addresses`: for an address that is about to be leased
    /// to somebody else, who must not get the answers to its last owner.
    ///
    /// Asks the kernel and waits for the answer; with a full table that takes most of a second, so it does not belong on an
    /// event loop's thread. Needs `CAP_NET_ADMIN`.
    ///
    /// - Returns: how many entries were deleted.
    /// - Throws: `NetworkSetupError` of the kinds `notPermitted` and `system`.
    @discardableResult
    public static func forget(_ addresses: [IPAddress]) throws(NetworkSetupError) -> Int {
        let addresses = Set(addresses)
        do {
            var socket = try NetlinkSocket(family: NETLINK_NETFILTER)
            var deletions: [NetlinkMessage] = []
            // All entries are looked through here. The kernel could do it, but its filter compares IPv6 addresses the
            // wrong way round (Linux 6.18), and before 5.8 it had none.
            let list = message(Int(IPCTNL_MSG_CT_GET.rawValue), family: UInt8(AF_UNSPEC), flags: NetlinkMessage.dump)
            try socket.query(list) { answer in
                guard let source = source(of: answer), addresses.contains(source) else { return }
                if let deletion = deletion(of: answer) { deletions.append(deletion) }
            }
            var count = 0
            for deletion in deletions where try delete(deletion, &socket) { count += 1 }
            return count
        } catch {
            throw .system("delete entries of connection tracking", code: error.code, detail: error.detail)
        }
    }

    private static func delete(
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

    private static func deletion(of answer: NetlinkAnswer) -> NetlinkMessage? {
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

    private static func source(of answer: NetlinkAnswer) -> IPAddress? {
        let tuple = answer.attributes(after: MemoryLayout<nfgenmsg>.size).nested(CTA_TUPLE_ORIG.rawValue)
        let addresses = tuple?.nested(CTA_TUPLE_IP.rawValue)
        return (addresses?[CTA_IP_V4_SRC.rawValue] ?? addresses?[CTA_IP_V6_SRC.rawValue])
            .flatMap { IPAddress(networkBytes: $0) }
    }

    /// Newer parts of the kernel insist on this mark of an attribute that holds others.
    private static func nest(_ type: UInt32) -> UInt32 { type | UInt32(NLA_F_NESTED) }
}
