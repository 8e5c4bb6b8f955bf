internal import Glibc

/// Sees every packet of one device, without its link-layer header (packet(7)).
///
/// Instead of tcpdump, which insists on changing to another user and so cannot run in a user namespace.
final class DeviceSocket {
    /// One packet as the device had it.
    struct Packet {
        let bytes: [UInt8]
        /// The kind of frame that it came in, `EtherType` or another.
        let frameType: UInt16
        /// True if this host sends it.
        let isOutgoing: Bool
    }

    private let socket: Socket

    private static let allProtocols = UInt16(0x0003).bigEndian  // ETH_P_ALL
    private static let outgoing: UInt8 = 4  // PACKET_OUTGOING of linux/if_packet.h

    /// struct sockaddr_ll of linux/if_packet.h.
    private struct LinkAddress {
        var family = UInt16(AF_PACKET)
        var frameType = DeviceSocket.allProtocols
        var index: Int32 = 0
        var hardwareType: UInt16 = 0
        var direction: UInt8 = 0
        var length: UInt8 = 0
        var hardware: (UInt32, UInt32) = (0, 0)
    }

    init(device: String) throws {
        let flags = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = Glibc.socket(AF_PACKET, flags, Int32(Self.allProtocols))
        socket = Socket(owning: try SystemFailure.check(descriptor, "packet socket"))
        var address = LinkAddress()
        address.index = Int32(if_nametoindex(device))
        guard address.index != 0 else { throw SystemFailure(call: device, code: errno) }
        let code = Self.withSocketAddress(&address) { bind(socket.descriptor, $0, $1) }
        try SystemFailure.check(code, "bind to \(device)")
    }

    /// Waits for the next packet.
    func receive() throws -> Packet {
        var address = LinkAddress()
        let bytes = try [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, count in
            let result = Self.withSocketAddress(&address) { pointer, size in
                var size = size
                return recvfrom(socket.descriptor, buffer.baseAddress, buffer.count, 0, pointer, &size)
            }
            count = try SystemFailure.check(result, "receive")
        }
        return Packet(
            bytes: bytes,
            frameType: UInt16(bigEndian: address.frameType),
            isOutgoing: address.direction == Self.outgoing
        )
    }

    private static func withSocketAddress<Value>(
        _ address: inout LinkAddress,
        _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Value
    ) -> Value {
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<LinkAddress>.size)) }
        }
    }
}
