internal import IPPacket
internal import OpenSSHSyntax

/// Where a connection comes from, as far as limits for single sources look: a block of addresses of one owner
/// (`PerSourceNetBlockSize`), because whoever has one address of an IPv6 network has all of them.
struct SSHServerSource: Hashable, Sendable {
    /// The block; nil for an address that cannot be read, all of which count as one source.
    let block: IPPrefix?

    /// - Parameter address: in text form, with or without a scope.
    init(_ address: String, blockSize: SSHServerConfiguration.NetBlockSize) {
        block = Self.parse(address).map { address in
            IPPrefix(address, length: address.isIPv4 ? blockSize.ipv4 : blockSize.ipv6)
        }
    }

    var isIPv4: Bool { block?.network.isIPv4 ?? true }

    /// The address itself: the scope of a link-local one says only on which link it is.
    static func parse(_ address: String) -> IPAddress? {
        IPAddress(address.parts(at: "%", maxSplits: 1)[0])
    }
}
