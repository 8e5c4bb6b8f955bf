/// Joins consecutive packets of one flow into a super-packet, without touching their bytes until it is finished.
///
/// Follows what Linux does on receive (`tcp_gro_receive`, `inet_gro_receive`, `ipv6_gro_receive`; for UDP only datagrams
/// of equal size): what `PacketSegmenter` or a kernel cuts from the result are the very same packets, but for the
/// identification of IPv4 packets that may not be fragmented, which means nothing (RFC 6864 §4.1). The payloads stay where
/// they are: the caller keeps them in order, and writes the first packet's headers and all payloads by scatter-gather.
///
/// Finished checksums are verified on the way in, since joining would otherwise repair a broken packet. Packets whose
/// checksum is partial join among themselves, unverified: whoever left it so answers for the bytes.
@frozen public struct SegmentCoalescer: Sendable {
    /// Most packets joined: `UDP_MAX_SEGMENTS` of Linux, and enough for 64 KiB of Ethernet-sized segments.
    @inlinable public static var maximumSegmentCount: Int { 64 }
    /// Most bytes of the joined packet, headers included.
    @inlinable public static var maximumByteCount: Int { PacketSummary.greatestLength }
    /// Smallest segment size of a TCP run; smaller segments gain little, and frames refuse them.
    @inlinable public static var minimumTCPSegmentSize: Int { 256 }

    @usableFromInline let first: PacketSummary
    @usableFromInline let header: SharedHeaderFields
    /// Whether the packets of the run have partial checksums.
    @usableFromInline let checksumIsPartial: Bool
    /// The TCP sequence number that continues the run.
    @usableFromInline var nextSequence: UInt32
    /// The IPv4 identification of the last packet.
    @usableFromInline var identification: UInt16
    /// What each IPv4 identification is above the one before, 0 or 1; nil until the second packet says.
    @usableFromInline var identificationStep: UInt16?
    /// FIN and PSH of the last packet.
    @usableFromInline var closingFlags: UInt8

    /// Packets in the run.
    public private(set) var segmentCount: Int
    /// Payload bytes of each packet but the last.
    public let segmentSize: Int
    /// Bytes of the joined packet: one set of headers and all payloads.
    public private(set) var byteCount: Int
    /// True when nothing can follow: the last packet was a shorter one or pushed, or there are enough of them.
    public private(set) var isClosed: Bool

    /// Starts a run; nil if `first` has to travel alone.
    ///
    /// Alone travel: ICMP, fragments, packets without payload, TCP with any flag but ACK and ECE or with small segments, UDP without
    /// a checksum, and whatever has a wrong checksum.
    public init?(first packet: RawSpan, summary: PacketSummary, checksumIsPartial: Bool = false) {
        guard summary.fragment == .whole else { return nil }
        switch summary.transport {
        case .tcp:
            guard summary.tcpFlags & ~TCPFlags.ece == TCPFlags.ack else { return nil }
            guard summary.payloadLength >= Self.minimumTCPSegmentSize else { return nil }
            nextSequence = Self.sequenceAfter(packet, summary)
        case .udp:
            guard summary.payloadLength >= 1, packet.uint16(at: summary.offsetOfTransportChecksum) != 0 else {
                return nil
            }
            nextSequence = 0
        case .icmp, .icmpv6: return nil
        }
        guard checksumIsPartial || InternetChecksum.isValid(packet, summary: summary) else { return nil }
        first = summary
        self.checksumIsPartial = checksumIsPartial
        header = SharedHeaderFields(of: packet, summary: summary)
        identification = summary.version == .v4 ? packet.uint16(at: IPv4Field.identification) : 0
        identificationStep = nil
        closingFlags = 0
        segmentCount = 1
        segmentSize = summary.payloadLength
        byteCount = summary.packetLength
        isClosed = false
    }

    /// Joins the packet that follows, if it belongs to the run.
    ///
    /// - Returns: false if it does not; the run is unchanged then, and should be finished before `next` is looked at.
    public mutating func append(_ next: RawSpan, summary: PacketSummary, checksumIsPartial: Bool = false) -> Bool {
        guard !isClosed, checksumIsPartial == self.checksumIsPartial, isSameFlow(summary) else { return false }
        let payload = summary.payloadLength
        guard payload >= 1, payload <= segmentSize, byteCount + payload <= Self.maximumByteCount else { return false }
        guard header.matches(next, summary: summary) else { return false }
        switch summary.transport {
        case .tcp:
            guard next.uint32(at: summary.ipHeaderLength + TCPField.sequence) == nextSequence else { return false }
        case .udp:
            guard next.uint16(at: summary.offsetOfTransportChecksum) != 0 else { return false }
        case .icmp, .icmpv6: return false
        }
        guard let step = stepOfIdentification(next, summary) else { return false }
        guard checksumIsPartial || InternetChecksum.isValid(next, summary: summary) else { return false }
        join(next, summary, step: step)
        return true
    }
}

extension SegmentCoalescer {
    /// Ends the run and makes the first packet's headers those of all of it.
    ///
    /// - Parameters:
    ///   - packet: The first packet, or at least its headers. Left alone if nothing was joined to it.
    ///   - summary: The first packet's summary, which becomes the joined packet's.
    /// - Returns: What the writer has to tell the device. The transport checksum of a joined packet is a partial one.
    public func finish(
        _ packet: inout MutableRawSpan,
        summary: inout PacketSummary
    ) -> PacketOffload {
        guard segmentCount > 1 else { return PacketOffload(segmentSize: 0, checksumIsPartial: checksumIsPartial) }
        summary.packetLength = byteCount
        switch summary.version {
        case .v4:
            let checksum = packet.uint16(at: IPv4Field.checksum)
            let old = packet.uint16(at: IPv4Field.totalLength)
            packet.store(UInt16(byteCount), at: IPv4Field.totalLength)
            packet.store(
                InternetChecksum.adjust(checksum: checksum, removing: old, adding: UInt16(byteCount)),
                at: IPv4Field.checksum
            )
        case .v6: packet.store(UInt16(byteCount - IPv6Field.headerLength), at: IPv6Field.payloadLength)
        }
        switch summary.transport {
        case .tcp:
            summary.tcpFlags |= closingFlags
            packet.store(summary.tcpFlags, at: summary.ipHeaderLength + TCPField.flags)
        case .udp:
            let start = summary.ipHeaderLength
            packet.store(UInt16(byteCount - start), at: start + UDPField.length)
        case .icmp, .icmpv6: break
        }
        AddressRewriter.makeChecksumPartial(of: &packet, summary: summary)
        return PacketOffload(segmentSize: UInt16(segmentSize), checksumIsPartial: true)
    }

    private func isSameFlow(_ other: PacketSummary) -> Bool {
        other.version == first.version && other.transport == first.transport
            && other.sourcePort == first.sourcePort && other.destinationPort == first.destinationPort
            && other.transportHeaderLength == first.transportHeaderLength && other.fragment == .whole
            && other.source == first.source && other.destination == first.destination
    }

    /// How the IPv4 identification of the next packet relates to the last one's; nil if the run breaks there.
    ///
    /// It has to count up, because a segmenter will count up; or stand still, where "don't fragment" is set.
    private func stepOfIdentification(_ next: RawSpan, _ summary: PacketSummary) -> UInt16? {
        guard summary.version == .v4 else { return 0 }
        let step = next.uint16(at: IPv4Field.identification) &- identification
        guard step == 1 || (step == 0 && next.uint16(at: IPv4Field.fragment) & 0x4000 != 0) else { return nil }
        guard identificationStep == nil || identificationStep == step else { return nil }
        return step
    }

    private mutating func join(_ next: RawSpan, _ summary: PacketSummary, step: UInt16) {
        if summary.transport == .tcp {
            nextSequence = Self.sequenceAfter(next, summary)
            closingFlags = summary.tcpFlags & (TCPFlags.fin | TCPFlags.psh)
        }
        identification &+= step
        identificationStep = step
        segmentCount += 1
        byteCount += summary.payloadLength
        isClosed =
            summary.payloadLength < segmentSize || closingFlags != 0 || segmentCount == Self.maximumSegmentCount
    }

    private static func sequenceAfter(_ packet: RawSpan, _ summary: PacketSummary) -> UInt32 {
        packet.uint32(at: summary.ipHeaderLength + TCPField.sequence)
            &+ UInt32(truncatingIfNeeded: summary.payloadLength)
    }
}
