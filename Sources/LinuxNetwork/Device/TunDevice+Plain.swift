internal import CLinuxNetwork
internal import Glibc

extension TunDevice {
    /// Makes a tun interface of one queue whose reads and writes are bare packets, without offloads: `OpenTunDevice` of the
    /// seed. For programs that read the descriptor themselves, or hand it to another (`TunnelDevice.init(descriptor:)`,
    /// `packet-tunnel up --tun-fd`).
    ///
    /// - Parameter name: 1 to 15 bytes; a `%d` in it becomes the first free number.
    /// - Returns: a non-blocking, close-on-exec descriptor, which is the caller's to close, and the interface's name. The
    ///   interface is down and without addresses, and vanishes with its last descriptor.
    /// - Throws: `NetworkSetupError` of the kinds `tunMissing`, `notPermitted`, `nameBusy`, `badName`, `system`.
    public static func openTunDevice(
        name pattern: String = "tun%d"
    ) throws(NetworkSetupError) -> (descriptor: Int32, name: String) {
        guard isValid(pattern) else { throw badName(pattern) }
        var name = InterfaceName(pattern)
        let descriptor = name.withStorage { storage in storage.map { linuxnetwork_open_plain($0) } ?? -EINVAL }
        guard descriptor >= 0 else { throw error(opening: pattern, code: -descriptor) }
        return (descriptor, name.text)
    }
}
