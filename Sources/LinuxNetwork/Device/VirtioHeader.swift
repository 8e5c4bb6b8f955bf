internal import CLinuxNetwork
internal import IPPacket
internal import PacketTunnel

/// What the tun driver says about a packet, and is told about one (`linux/virtio_net.h`).
///
/// Written headers are made from the packet's own facts alone; of read ones only the two facts that the packet cannot
/// say itself are taken. So no length or offset of the other side is ever trusted.
typealias VirtioHeader = linuxnetwork_virtio_header

extension VirtioHeader {
    /// The header that tells the kernel to finish `offload` on a packet.
    @inline(__always)
    init(_ summary: borrowing PacketSummary, _ offload: PacketOffload) {
        self.init()
        let checksumOffset: UInt16
        switch summary.transport {
        case .tcp: checksumOffset = 16
        case .udp: checksumOffset = 6
        case .icmp, .icmpv6: return
        }
        if offload.checksumIsPartial {
            flags = UInt8(LINUXNETWORK_NEEDS_CSUM)
            csum_start = UInt16(truncatingIfNeeded: summary.ipHeaderLength)
            csum_offset = checksumOffset
        }
        if offload.isSuperPacket {
            gso_type = Self.gsoType(of: summary)
            gso_size = offload.segmentSize
        }
        // How much the kernel keeps in one piece; it refuses headers that it cannot see whole.
        if offload != .none { hdr_len = UInt16(truncatingIfNeeded: summary.headerLength) }
    }

    @inline(__always)
    private static func gsoType(of summary: borrowing PacketSummary) -> UInt8 {
        guard summary.transport == .tcp else { return UInt8(LINUXNETWORK_GSO_UDP_L4) }
        let type = summary.version == .v4 ? UInt8(LINUXNETWORK_GSO_TCPV4) : UInt8(LINUXNETWORK_GSO_TCPV6)
        // RFC 3168 §6.1.2: only the first segment may say CWR, so the kernel has to know that the packet says it.
        let congestionWindowReduced: UInt8 = 0x80
        return summary.tcpFlags & congestionWindowReduced == 0 ? type : type | UInt8(LINUXNETWORK_GSO_ECN)
    }

    /// What a read header leaves to do.
    @inline(__always)
    var offload: PacketOffload {
        PacketOffload(
            segmentSize: Int32(gso_type) == LINUXNETWORK_GSO_NONE ? 0 : gso_size,
            checksumIsPartial: Int32(flags) & LINUXNETWORK_NEEDS_CSUM != 0
        )
    }
}
