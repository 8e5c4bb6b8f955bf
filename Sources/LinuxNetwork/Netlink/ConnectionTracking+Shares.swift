internal import CLinuxNetwork
internal import Glibc
public import IPPacket

extension ConnectionTracking {
    /// How much of the kernel's table the addresses of one holder take.
    public struct Share: Hashable, Sendable {
        /// Entries whose first packet came from one of the addresses.
        public var entries = 0
        /// How many of them have just been deleted.
        public var deleted = 0
    }

    /// All entries of this network namespace; nil without connection tracking. Costs the kernel nothing.
    public static var count: Int? {
        SmallFile.read("/proc/sys/net/netfilter/nf_conntrack_count").flatMap { bytes in
            Int(String(decoding: bytes.dropLast(), as: UTF8.self))
        }
    }

    /// Counts the entries of each holder, and deletes what is beyond its share: first what would be over soonest by itself, so
    /// that packets without an answer go before connections that are in use.
    ///
    /// Asks the kernel and waits for the answer, with a full table most of a second. Needs `CAP_NET_ADMIN` to delete.
    ///
    /// - Parameter holders: who has an address.
    /// - Throws: `NetworkSetupError` of the kinds `notPermitted` and `system`. Entries may be left then.
    @concurrent
    public static func keep<Holder: Hashable & Sendable>(
        _ holders: [IPAddress: Holder],
        below limit: Int
    ) async throws(NetworkSetupError) -> [Holder: Share] {
        try shares(of: holders, below: limit)
    }

    static func shares<Holder: Hashable>(
        of holders: [IPAddress: Holder],
        below limit: Int
    ) throws(NetworkSetupError) -> [Holder: Share] {
        do {
            var socket = try NetlinkSocket(family: NETLINK_NETFILTER)
            // By its number: a list that is read again has an entry twice.
            var entries: [Holder: [UInt32: Entry]] = [:]
            try socket.query(list) { answer in
                guard let source = ends(of: answer).first, let holder = holders[source], let entry = Entry(answer)
                else { return }
                entries[holder, default: [:]][entry.identifier] = entry
            }
            var shares: [Holder: Share] = [:]
            for (holder, entries) in entries {
                var share = Share(entries: entries.count)
                for entry in entries.values.sorted(by: { $0.secondsLeft < $1.secondsLeft }).dropLast(limit)
                where try delete(entry.deletion, &socket) { share.deleted += 1 }
                shares[holder] = share
            }
            return shares
        } catch {
            throw problem(error)
        }
    }

    private struct Entry {
        var identifier: UInt32
        var secondsLeft: UInt32
        var deletion: NetlinkMessage

        init?(_ answer: NetlinkAnswer) {
            let attributes = answer.attributes(after: MemoryLayout<nfgenmsg>.size)
            guard let deletion = ConnectionTracking.deletion(of: answer),
                let identifier = attributes.uint32(CTA_ID.rawValue)
            else { return nil }
            self.identifier = identifier
            // In network byte order; absent from an entry that never ends.
            secondsLeft = attributes.uint32(CTA_TIMEOUT.rawValue).map(UInt32.init(bigEndian:)) ?? .max
            self.deletion = deletion
        }
    }
}
