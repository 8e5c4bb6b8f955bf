internal import Glibc

/// A tun device and its descriptor: one end of the path. The device may be moved to another network namespace, and goes when
/// the program does.
struct TunEnd {
    let descriptor: Int32

    private static let setInterface: UInt = 0x4004_54ca  // TUNSETIFF of linux/if_tun.h
    private static let tunWithoutHeader: Int16 = 0x1001  // IFF_TUN | IFF_NO_PI
    private static let nameSize = 16  // IFNAMSIZ of linux/if.h
    private static let requestSize = 40  // struct ifreq
    private static let packetSize = 65_535

    init(name: String) throws {
        descriptor = try SystemFailure.check(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC), "/dev/net/tun")
        guard name.utf8.count < Self.nameSize else { throw SystemFailure(call: name, code: ENAMETOOLONG) }
        var request = [UInt8](repeating: 0, count: Self.requestSize)
        request.replaceSubrange(0..<name.utf8.count, with: name.utf8)
        withUnsafeBytes(of: Self.tunWithoutHeader) {
            request.replaceSubrange(Self.nameSize..<Self.nameSize + 2, with: $0)
        }
        try SystemFailure.check(ioctl(descriptor, Self.setInterface, &request), "make \(name)")
    }

    /// The next packet that the kernel has sent; nil for none.
    func read(into buffer: inout [UInt8]) -> [UInt8]? {
        let count = Glibc.read(descriptor, &buffer, buffer.count)
        return count > 0 ? Array(buffer[..<count]) : nil
    }

    /// Gives the kernel a packet. One that it does not take is lost, as on any link.
    func write(_ packet: [UInt8]) {
        _ = packet.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }

    static func makeBuffer() -> [UInt8] { [UInt8](repeating: 0, count: packetSize) }
}
