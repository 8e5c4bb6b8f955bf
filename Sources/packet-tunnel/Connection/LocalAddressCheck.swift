internal import IPPacket
internal import LinuxNetwork
internal import SSHTransport
internal import TunnelConfiguration

/// Whether the addresses of the tunnel's device are free on this host's own networks.
enum LocalAddressCheck {
    /// - Throws: `SSHClientError` of kind `usage` for an address that is this host's own already, or lies in the network of
    ///   another interface: neighbours there would be looked for in the tunnel, or the tunnel's packets sent to them.
    static func check(_ options: UpOptions) throws {
        guard options.tunFileDescriptor == nil else { return }
        let taken = try HostNetwork.addresses()
        for (option, address) in [("--address", options.address), ("--address6", options.address6)] {
            guard let address else { continue }
            let prefix = IPPrefix(address.address, length: address.prefixLength)
            // An address for itself alone is that of another tunnel, which may well be called the same.
            let other = taken.first { other in
                let isAlone = other.prefixLength == (other.address.isIPv4 ? 32 : 128)
                return !isAlone && IPPrefix(other.address, length: other.prefixLength).overlaps(prefix)
            }
            guard let other else { continue }
            let network = IPPrefix(other.address, length: other.prefixLength)
            throw SSHClientError(
                .usage,
                "\(option) \(address) lies in this host's own network \(network); choose an address of another network, any will "
                    + "do: the server rewrites it"
            )
        }
    }
}
