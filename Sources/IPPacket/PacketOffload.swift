/// What the last step of a packet's sender left for later: cutting into segments, and finishing the checksum.
///
/// Linux hands such packets over with `IFF_VNET_HDR`, and takes them back the same way (`linux/virtio_net.h`).
@frozen public struct PacketOffload: Equatable, Sendable {
    /// Payload bytes of each segment but the last; 0 for a packet that is not a super-packet.
    public var segmentSize: UInt16
    /// The transport checksum holds the sum of the pseudo-header alone, not complemented.
    public var checksumIsPartial: Bool

    /// A whole packet with a finished checksum.
    public static var none: PacketOffload { PacketOffload(segmentSize: 0, checksumIsPartial: false) }

    /// Describes a packet; see the properties for the meaning of both.
    @inlinable public init(segmentSize: UInt16, checksumIsPartial: Bool) {
        self.segmentSize = segmentSize
        self.checksumIsPartial = checksumIsPartial
    }

    /// True for a packet that has to be cut before it fits the MTU.
    @inlinable public var isSuperPacket: Bool { segmentSize != 0 }
}
